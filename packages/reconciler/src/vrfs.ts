// VRF devices: made, marked and removed. Pure: state in, steps out.
// Never touches a VRF without our mark, but for one that a creation was cut short on.
import type { IpRoute, Link } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredState, DesiredVpn } from './desired.ts';
import {
  FORWARDER_PROTOCOL,
  isPlainInterfaceName,
  LAST_INSTANCE_ID,
  UNREACHABLE_METRIC,
  VRF_TABLE_BASE,
  vpnOfAlias,
  vrfAlias,
} from './layout.ts';
import type { Failure, Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';

/** The key of the steps that a VPN's VRF device takes. */
export function vrfKey(vpn: string): string {
  return `vrf ${vpn}`;
}

/** The key of the steps that set the interfaces of a VRF device down, without which it must not be deleted. */
export function loweringKey(index: number): string {
  return `interfaces of vrf device ${index}`;
}

function vrfName(vpn: string, device: string): string {
  return `VRF ${device} of VPN ${vpn}`;
}

interface OurVrf {
  readonly link: Link;
  readonly index: number;
  readonly vpn: string;
  readonly table: number;
}

/** VRF devices that bear our mark. */
export function ourVrfs(devices: Devices): OurVrf[] {
  return [...devices.links.values()].flatMap((link) => {
    const vpn = vpnOfAlias(link.alias);
    if (vpn === undefined || link.index === undefined || link.info?.kind !== 'vrf') return [];
    return [{ link, index: link.index, vpn, table: link.info.table }];
  });
}

/** The VPN's VRF device once it is whole: ours, with its table, up. */
export function readyVrf(vpn: DesiredVpn, devices: Devices): Link | undefined {
  const link = devices.links.get(vpn.device);
  return link !== undefined && isRight(vpn, link) && link.up === true ? link : undefined;
}

function isRight(vpn: DesiredVpn, link: Link): boolean {
  return link.info?.kind === 'vrf' && link.info.table === vpn.table && vpnOfAlias(link.alias) === vpn.name;
}

/**
 * Down, unmarked, and with a table of ours: the kernel marks a device only in a second request, so one that was cut short looks like this.
 * Nobody else leaves one so.
 */
function isCutShort(link: Link): boolean {
  if (link.info?.kind !== 'vrf' || link.up === true || link.alias) return false;
  const instanceId = link.info.table - VRF_TABLE_BASE;
  return instanceId > 0 && instanceId <= LAST_INSTANCE_ID;
}

/** VRF devices of ours that have no mark yet; the VPN is not known, so that it goes by the device's name. */
function cutShortVrfs(devices: Devices): OurVrf[] {
  return [...devices.links.values()].flatMap((link) => {
    if (!isCutShort(link) || link.index === undefined || link.info?.kind !== 'vrf') return [];
    return [{ link, index: link.index, vpn: link.name ?? String(link.index), table: link.info.table }];
  });
}

/** The VPN's own, and only to be finished. */
function isHalfMade(vpn: DesiredVpn, link: Link): boolean {
  return isCutShort(link) && link.info?.kind === 'vrf' && link.info.table === vpn.table;
}

/** Tables whose routes of earlier times are to be deleted before the VRF goes up. */
export function tablesToFlush(desired: DesiredState, devices: Devices): number[] {
  return desired.vpns
    .filter((vpn) => {
      const link = devices.links.get(vpn.device);
      return link !== undefined && isHalfMade(vpn, link);
    })
    .map((vpn) => vpn.table);
}

/** The routes that keep a VPN's packets from being looked up in the host's own tables. */
export function unreachableDefaults(table: number): IpRoute[] {
  return (['ipv4', 'ipv6'] as const).map((family) => ({
    object: 'route',
    family,
    table,
    prefix: (family === 'ipv4' ? '0.0.0.0/0' : '::/0') as IpRoute['prefix'],
    type: 'unreachable',
    metric: UNREACHABLE_METRIC,
    protocol: FORWARDER_PROTOCOL,
  }));
}

export interface VrfPlan {
  readonly phases: Phases;
  /** Indexes of the VRF devices that the phases delete. */
  readonly deleted: ReadonlySet<number>;
  /** By key: what stands in the way and is not ours to move. */
  readonly conflicts: ReadonlyMap<string, Failure>;
}

/** @param leftovers the routes of each of tablesToFlush */
export function planVrfs(
  desired: DesiredState,
  devices: Devices,
  leftovers: ReadonlyMap<number, readonly IpRoute[]>,
): VrfPlan {
  const cleared: Step[] = [];
  const created: Step[] = [];
  const flushed: Step[] = [];
  const guarded: Step[] = [];
  const marked: Step[] = [];
  const raised: Step[] = [];
  const deleted = new Set<number>();
  const conflicts = new Map<string, Failure>();
  for (const vpn of desired.vpns) {
    const key = vrfKey(vpn.name);
    const name = vrfName(vpn.name, vpn.device);
    // The guard could not be told of it, and its machines would reach the host.
    if (!isPlainInterfaceName(vpn.device)) {
      const reason = `the name ${vpn.device} has characters that nftables gives a meaning of its own`;
      conflicts.set(key, { object: name, reason });
      continue;
    }
    const step = (op: 'add' | 'set', link: Omit<Link, 'object'>) =>
      kernelStep(key, name, { op, object: { object: 'link', ...link } });
    const link = devices.links.get(vpn.device);
    // Strict mode lets no two VRFs have one table; a stale one of ours makes room.
    for (const other of [...ourVrfs(devices), ...cutShortVrfs(devices)]) {
      if (other.table === vpn.table && other.link.name !== vpn.device) {
        cleared.push(deletion(key, name, other));
        deleted.add(other.index);
      }
    }
    if (link?.index === undefined) {
      created.push(step('add', { name: vpn.device, info: { kind: 'vrf', table: vpn.table } }));
      continue;
    }
    const { index } = link;
    if (isRight(vpn, link)) {
      if (link.up !== true) raised.push(step('set', { index, up: true }));
    } else if (isHalfMade(vpn, link)) {
      for (const route of leftovers.get(vpn.table) ?? []) {
        flushed.push(kernelStep(key, name, { op: 'delete', object: route }));
      }
      for (const route of unreachableDefaults(vpn.table)) {
        guarded.push(
          kernelStep(key, `unreachable default of VPN ${vpn.name}`, { op: 'replace', object: route }),
        );
      }
      marked.push(step('set', { index, alias: vrfAlias(vpn.name) }));
      raised.push(step('set', { index, up: true }));
    } else if (vpnOfAlias(link.alias) !== undefined || isCutShort(link)) {
      cleared.push(deletion(key, name, { link, index }));
      deleted.add(index);
      created.push(step('add', { name: vpn.device, info: { kind: 'vrf', table: vpn.table } }));
    } else {
      const reason = `${vpn.device} exists and is not a VRF of hostpe: give the VPN another device name, or remove it`;
      conflicts.set(key, { object: name, reason });
    }
  }
  return { phases: [cleared, created, flushed, guarded, marked, raised], deleted, conflicts };
}

/** Deletes the VRF devices of ours that no VPN wants; their tables are to be flushed after. */
export function planVrfRemovals(
  desired: DesiredState,
  devices: Devices,
): Pick<VrfPlan, 'phases' | 'deleted'> & {
  readonly tables: readonly { readonly vpn: string; readonly table: number }[];
} {
  const wanted = new Set(desired.vpns.map((vpn) => vpn.device));
  const stale = [...ourVrfs(devices), ...cutShortVrfs(devices)].filter(
    ({ link }) => link.name === undefined || !wanted.has(link.name),
  );
  const steps = stale.map(({ link, index, vpn }) =>
    deletion(`remove ${vrfKey(vpn)}`, vrfName(vpn, link.name ?? String(index)), { link, index }),
  );
  return { phases: [steps], deleted: new Set(stale.map(({ index }) => index)), tables: stale };
}

/** Deletes what is left in a removed VRF's table: the kernel keeps it, and the table's next user would inherit it. */
export function planFlush(vpn: string, routes: readonly IpRoute[]): Phases {
  const key = `remove ${vrfKey(vpn)}`;
  return [
    routes.map((route) => kernelStep(key, `routes left of VPN ${vpn}`, { op: 'delete', object: route })),
  ];
}

function deletion(
  key: string,
  name: string,
  { link, index }: { readonly link: Link; readonly index: number },
): Step {
  const object: Link = { object: 'link', index, ...nameOf(link) };
  return kernelStep(key, name, { op: 'delete', object }, { needs: [loweringKey(index)] });
}

function nameOf(link: Link): { readonly name?: string } {
  return link.name === undefined ? {} : { name: link.name };
}
