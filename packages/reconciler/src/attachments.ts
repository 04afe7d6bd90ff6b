// Attachments: interfaces of tenants' machines as members of their VRF, with the gateway's MAC and IP addresses. Pure: state in, steps out.
// Never takes an interface from a bridge or a foreign VRF, never sets an attached interface up again that someone set down.
import type { IpAddress } from '@hostpe/net';
import { addressFamily, hostPrefix, prefixAddress } from '@hostpe/net';
import type { Address, Link } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredAttachment, DesiredState, DesiredVpn } from './desired.ts';
import { planAttachmentSysctls } from './host.ts';
import {
  GATEWAY_IPV4,
  GATEWAY_IPV6,
  GATEWAY_MAC,
  isPlainInterfaceName,
  TUNNEL_DEVICES,
  UNDERLAY_ALIAS,
  vpnOfAlias,
} from './layout.ts';
import { machineMtu, underlayMtu } from './mtu.ts';
import type { Failure, Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';
import { isOurVlan, isParentUp, planVlan, unwantedVlans, vlanConflict } from './vlan-subinterfaces.ts';
import { loweringKey, ourVrfs, readyVrf, vrfKey } from './vrfs.ts';

/** The key of an attachment's steps. */
export function attachmentKey(interface_: string): string {
  return `attachment ${interface_}`;
}

function attachmentName(interface_: string, vpn: string): string {
  return `attachment ${interface_} of VPN ${vpn}`;
}

export interface AttachmentPlan {
  readonly phases: Phases;
  /** By key: what is wrong with an attachment that the kernel need not be asked about. */
  readonly conflicts: ReadonlyMap<string, Failure>;
}

/**
 * A subinterface and its mark, then MAC address and down, then VRF and up, then addresses. Down, as an interface that is up while it changes its VRF goes through the
 * host's own table and loses its IPv6 addresses. VRF and up in one request, as one that is attached and down was set down by others.
 */
export function planAttachments(desired: DesiredState, devices: Devices): AttachmentPlan {
  const made: Step[] = [];
  const marked: Step[] = [];
  const prepared: Step[] = [];
  const enslaved: Step[] = [];
  const addressed: Step[] = [];
  const conflicts = new Map<string, Failure>();
  const underlay = underlayMtu(desired.underlay, devices);
  for (const vpn of desired.vpns) {
    const vrf = readyVrf(vpn, devices);
    for (const attachment of vpn.attachments) {
      const key = attachmentKey(attachment.interface);
      const name = attachmentName(attachment.interface, vpn.name);
      const reason = conflict(attachment, vpn, devices);
      if (reason !== undefined) conflicts.set(key, { object: name, reason });
      else {
        const vlan = planVlan(attachment, key, name, devices);
        made.push(...vlan.made);
        marked.push(...vlan.marked);
      }
      const link = devices.links.get(attachment.interface);
      if (reason !== undefined || link?.index === undefined || vrf?.index === undefined) continue;
      if (!isParentUp(attachment, devices)) continue;
      const { index } = link;
      const set = (facts: Omit<Link, 'object' | 'index'>) =>
        kernelStep(
          key,
          name,
          { op: 'set', object: { object: 'link', index, ...facts } },
          { needs: [vrfKey(vpn.name)] },
        );
      const isNew = link.master !== vrf.index;
      if (link.address !== GATEWAY_MAC) prepared.push(set({ address: GATEWAY_MAC }));
      prepared.push(...planAttachmentSysctls(key, attachment, devices));
      const mtu = wantedMtu(attachment, machineMtu(desired.underlay, underlay, vpn.encapsulations), devices);
      if (mtu !== undefined && link.mtu !== mtu) prepared.push(set({ mtu }));
      if (isNew && link.up === true) prepared.push(set({ up: false }));
      if (isNew) enslaved.push(set({ master: vrf.index, up: true }));
      if (!isNew && link.up !== true) continue;
      const has = isNew ? [] : (devices.addresses.get(index) ?? []);
      for (const object of gatewayAddresses(index)) {
        if (has.some((address) => isSameAddress(address, object))) continue;
        addressed.push(kernelStep(key, name, { op: 'add', object }, { accept: ['EEXIST'] }));
      }
    }
  }
  return { phases: [made, marked, prepared, enslaved, addressed], conflicts };
}

function conflict(attachment: DesiredAttachment, vpn: DesiredVpn, devices: Devices): string | undefined {
  const { interface: name } = attachment;
  if (attachment.addresses.length === 0) return 'it has no address: there is nothing to send packets to';
  const network = attachment.addresses.find((prefix) => hostPrefix(prefixAddress(prefix)) !== prefix);
  if (network !== undefined)
    return `${network} is a network: an attachment's addresses are those of one machine`;
  if (!isPlainInterfaceName(name))
    return `the name ${name} has characters that nftables gives a meaning of its own`;
  const vlan = vlanConflict(attachment, devices);
  if (vlan !== undefined) return vlan;
  const link = devices.links.get(name);
  if (link === undefined) return undefined;
  if (link.info?.kind === 'vrf' || [...TUNNEL_DEVICES, 'lo'].includes(name)) {
    return `${name} is no interface of a machine`;
  }
  const master = link.master === undefined ? undefined : devices.byIndex.get(link.master);
  if (!link.master || vpnOfAlias(master?.alias) !== undefined || master?.name === vpn.device)
    return undefined;
  return `${name} belongs to ${master?.name ?? `device ${link.master}`}, which is not hostpe's: release it there first`;
}

/** What an interface's MTU should be; undefined where it keeps its own. @param whole what the underlay carries whole. A subinterface cannot have more than the interface below it. */
function wantedMtu({ mtu, vlan }: DesiredAttachment, whole: number, devices: Devices): number | undefined {
  if (mtu !== 'underlay') return mtu;
  const parent = vlan === undefined ? undefined : devices.links.get(vlan.parent)?.mtu;
  return Math.min(whole, parent ?? Number.POSITIVE_INFINITY);
}

/** What the report says of an attachment as far as its interface goes. */
export function interfaceState(
  attachment: DesiredAttachment,
  vpn: DesiredVpn,
  devices: Devices,
): 'absent' | 'unattached' | 'down' | 'up' {
  const link = devices.links.get(attachment.interface);
  if (link === undefined) return 'absent';
  if (link.up !== true || link.carrier !== true) return 'down';
  const vrf = readyVrf(vpn, devices);
  if (vrf === undefined || link.master !== vrf.index || link.address !== GATEWAY_MAC) return 'unattached';
  const has = devices.addresses.get(link.index ?? 0) ?? [];
  const isWhole = gatewayAddresses(link.index ?? 0).every((wanted) =>
    has.some((address) => isSameAddress(address, wanted)),
  );
  return isWhole ? 'up' : 'unattached';
}

/** Where the label's packets are sent to: the machine's first IPv4 address, or its first. */
export function machineAddress(attachment: DesiredAttachment): IpAddress | undefined {
  const prefix =
    attachment.addresses.find((one) => addressFamily(one) === 'ipv4') ?? attachment.addresses.at(0);
  return prefix === undefined ? undefined : prefixAddress(prefix);
}

/** Whether a device looks like one of ours under whatever name: one that was renamed is watched by its former name alone. */
export function isMarked(link: Link): boolean {
  return (
    link.address === GATEWAY_MAC ||
    vpnOfAlias(link.alias) !== undefined ||
    link.alias === UNDERLAY_ALIAS ||
    isOurVlan(link)
  );
}

/** The interfaces that we attached, by VRF and MAC address. */
function attached(
  devices: Devices,
): { readonly name: string; readonly index: number; readonly vrf: number; readonly vpn: string }[] {
  const vrfs = new Map(ourVrfs(devices).map((vrf) => [vrf.index, vrf]));
  return [...devices.links.values()].flatMap(({ name, index, master, address }) => {
    const vrf = vrfs.get(master ?? 0);
    if (vrf === undefined || name === undefined || index === undefined || address !== GATEWAY_MAC) return [];
    return [{ name, index, vrf: vrf.index, vpn: vrf.vpn }];
  });
}

/** Sets the interfaces of VRFs that are about to be deleted down: up, they would be in the host's own table for a moment. */
export function planLowering(vrfs: ReadonlySet<number>, devices: Devices): Phases {
  const steps = attached(devices)
    .filter(({ vrf }) => vrfs.has(vrf))
    .map(({ name, index, vpn, vrf }) =>
      kernelStep(loweringKey(vrf), attachmentName(name, vpn), {
        op: 'set',
        object: { object: 'link', index, up: false },
      }),
    );
  return [steps];
}

/**
 * Releases the interfaces that no VPN wants any more, and removes the subinterfaces that were made for one. They are left down: up and outside of a
 * VRF the machine would reach the host and the underlay.
 */
export function planReleases(desired: DesiredState, devices: Devices): Phases {
  const wanted = new Set(desired.vpns.flatMap((vpn) => vpn.attachments.map((one) => one.interface)));
  const cleared: Step[] = [];
  const released: Step[] = [];
  for (const { name, index, vpn } of attached(devices)) {
    if (wanted.has(name)) continue;
    const key = `release ${name}`;
    const title = attachmentName(name, vpn);
    const ours = gatewayAddresses(index);
    const set = (facts: Omit<Link, 'object' | 'index'>) =>
      kernelStep(
        key,
        title,
        { op: 'set', object: { object: 'link', index, ...facts } },
        { accept: ['ENODEV'] },
      );
    for (const address of devices.addresses.get(index) ?? []) {
      const object = ours.find((one) => isSameAddress(address, one));
      if (object !== undefined) cleared.push(kernelStep(key, title, { op: 'delete', object }));
    }
    cleared.push(set({ up: false }));
    released.push(set({ master: 0 }));
  }
  const removed = unwantedVlans(wanted, devices).map(({ name, index }) =>
    kernelStep(`release ${name}`, `subinterface ${name}`, {
      op: 'delete',
      object: { object: 'link', index, name },
    }),
  );
  return [cleared, released, removed];
}

function gatewayAddresses(index: number): Address[] {
  return [
    { object: 'address', index, address: GATEWAY_IPV4, prefixLength: 32 },
    { object: 'address', index, address: GATEWAY_IPV6, prefixLength: 64, noDad: true },
  ];
}

function isSameAddress(a: Address, b: Address): boolean {
  return a.address === b.address && a.prefixLength === b.prefixLength;
}
