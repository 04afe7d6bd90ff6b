// What forwarding state the desired state asks for, in the kernel's terms but without nexthop ids: PEs, nexthops, routes, label routes.
// Pure. Never looks at what forwarding state there is.
import type { IpAddress, IpPrefix, Label } from '@hostpe/net';
import { addressFamily, hostPrefix } from '@hostpe/net';
import type { Filter, IpRoute, MplsRoute, Neighbour } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import { attachmentKey, interfaceState, machineAddress } from './attachments.ts';
import type { DesiredNexthop, DesiredState, DesiredVpn } from './desired.ts';
import { nexthopKey, routeKey } from './keys.ts';
import { encapsulationDevice, FORWARDER_PROTOCOL, GATEWAY_IPV4, GATEWAY_IPV6, peGateway } from './layout.ts';
import { addPe, remoteProblem } from './remote-pe.ts';
import type { Failure } from './step.ts';
import { readyVrf, unreachableDefaults } from './vrfs.ts';

/** A nexthop without its id. */
export interface NexthopContent {
  readonly device: number;
  readonly gateway?: IpAddress;
  readonly labels: readonly Label[];
  /** Step keys without which it must not be made. */
  readonly needs: readonly string[];
  readonly name: string;
}

export interface TargetRoute {
  readonly route: Pick<IpRoute, 'family' | 'table' | 'prefix'>;
  readonly name: string;
  /** Keys of nexthops, each once, in order. */
  readonly members: readonly string[];
}

interface TargetLabel {
  readonly route: MplsRoute;
  readonly name: string;
  readonly needs: readonly string[];
}

export interface ForwardingTarget {
  readonly neighbours: Map<string, Neighbour>;
  /** By handle. */
  readonly filters: Map<number, Filter>;
  /** By content, see nexthopKey. */
  readonly nexthops: Map<string, NexthopContent>;
  /** By routeKey. */
  readonly routes: Map<string, TargetRoute>;
  readonly defaults: IpRoute[];
  readonly labels: Map<Label, TargetLabel>;
  /** What cannot be programmed, by key. */
  readonly rejected: Map<string, Failure>;
  /** Keys that wait for a device. */
  readonly blocked: Set<string>;
}

export function forwardingTarget(desired: DesiredState, devices: Devices): ForwardingTarget {
  const target: ForwardingTarget = {
    neighbours: new Map(),
    filters: new Map(),
    nexthops: new Map(),
    routes: new Map(),
    defaults: [],
    labels: new Map(),
    rejected: new Map(),
    blocked: new Set(),
  };
  const build: Build = {
    desired,
    devices,
    target,
    locals: attachedDevices(desired, devices),
    remotes: new Map(),
  };
  for (const vpn of desired.vpns) {
    addLabels(target, vpn, devices);
    const isReady = readyVrf(vpn, devices) !== undefined;
    if (isReady) target.defaults.push(...unreachableDefaults(vpn.table));
    for (const [prefix, nexthops] of vpn.routes) {
      if (isReady) addRoute(build, vpn, prefix, nexthops);
      else target.blocked.add(routeKey(vpn.table, prefix));
    }
  }
  return target;
}

interface Build {
  readonly desired: DesiredState;
  readonly devices: Devices;
  readonly target: ForwardingTarget;
  readonly locals: ReadonlyMap<string, number>;
  /** Nexthops made so far, by PE, label and encapsulation: many routes share one. */
  readonly remotes: Map<string, NexthopContent | Failed>;
}

/** Why there is no nexthop: `waits` for a device, or for good. */
type Failed = { readonly waits: true } | { readonly waits: false; readonly reason: string };

/** The PEs that routes lead to: where tunnel packets may come from. */
export function remotePes(desired: DesiredState): Set<IpAddress> {
  const pes = new Set<IpAddress>();
  for (const vpn of desired.vpns) {
    for (const nexthops of vpn.routes.values()) {
      for (const nexthop of nexthops) {
        if (nexthop.kind === 'remote' && remoteProblem(nexthop.pe, desired) === undefined)
          pes.add(nexthop.pe);
      }
    }
  }
  return pes;
}

/** Interfaces that packets can be sent to now, by name. */
function attachedDevices(desired: DesiredState, devices: Devices): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const vpn of desired.vpns) {
    for (const attachment of vpn.attachments) {
      const index = devices.links.get(attachment.interface)?.index;
      if (index !== undefined && interfaceState(attachment, vpn, devices) === 'up') {
        indexes.set(attachment.interface, index);
      }
    }
  }
  return indexes;
}

function addLabels(target: ForwardingTarget, vpn: DesiredVpn, devices: Devices): void {
  for (const attachment of vpn.attachments) {
    const device = devices.links.get(attachment.interface)?.index;
    const via = machineAddress(attachment);
    const vrf = readyVrf(vpn, devices)?.index;
    // Only of a member of the VRF: else the label would lead past the interface's own VPN.
    if (device === undefined || via === undefined || vrf === undefined) continue;
    if (devices.byIndex.get(device)?.master !== vrf) continue;
    target.labels.set(attachment.label, {
      route: {
        object: 'route',
        family: 'mpls',
        label: attachment.label,
        protocol: FORWARDER_PROTOCOL,
        device,
        via,
      },
      name: `label ${attachment.label} of attachment ${attachment.interface} of VPN ${vpn.name}`,
      needs: [attachmentKey(attachment.interface)],
    });
  }
}

function addRoute(
  build: Build,
  vpn: DesiredVpn,
  prefix: IpPrefix,
  nexthops: readonly DesiredNexthop[],
): void {
  const { target } = build;
  const key = routeKey(vpn.table, prefix);
  const name = `route ${prefix} of VPN ${vpn.name}`;
  if (prefix === gatewayPrefixes.ipv4 || prefix === gatewayPrefixes.ipv6) {
    const reason = 'this is the gateway address of every machine: no route may lead elsewhere';
    target.rejected.set(key, { object: name, reason });
    return;
  }
  const members = new Set<string>();
  for (const nexthop of nexthops) {
    const content =
      nexthop.kind === 'local' ? localNexthop(nexthop.interface, build) : remoteNexthop(nexthop, build);
    if (content === undefined) continue;
    if ('waits' in content) {
      if (content.waits) target.blocked.add(key);
      else target.rejected.set(key, { object: name, reason: content.reason });
      continue;
    }
    const member = nexthopKey(content.device, content.gateway, content.labels);
    if (!target.nexthops.has(member)) target.nexthops.set(member, content);
    members.add(member);
  }
  if (members.size === 0) return;
  const route = { family: addressFamily(prefix), table: vpn.table, prefix };
  target.routes.set(key, { route, name, members: [...members] });
}

const gatewayPrefixes = { ipv4: hostPrefix(GATEWAY_IPV4), ipv6: hostPrefix(GATEWAY_IPV6) };

/** An attachment that is down has no nexthop in the kernel, and so no route: the machine is not there. */
function localNexthop(interface_: string, { locals }: Build): NexthopContent | undefined {
  const device = locals.get(interface_);
  if (device === undefined) return undefined;
  return { device, labels: [], needs: [attachmentKey(interface_)], name: `nexthop to ${interface_}` };
}

function remoteNexthop(
  nexthop: Extract<DesiredNexthop, { kind: 'remote' }>,
  build: Build,
): NexthopContent | Failed {
  const { pe, label, encapsulation } = nexthop;
  const key = `${pe} ${label} ${encapsulation}`;
  let content = build.remotes.get(key);
  if (content === undefined) {
    content = makeRemoteNexthop(nexthop, build);
    build.remotes.set(key, content);
  }
  return content;
}

function makeRemoteNexthop(
  { pe, label, encapsulation }: Extract<DesiredNexthop, { kind: 'remote' }>,
  { desired, devices, target }: Build,
): NexthopContent | Failed {
  const reason = remoteProblem(pe, desired);
  if (reason !== undefined) return { waits: false, reason };
  const needs = addPe(target, desired, devices, pe, encapsulation);
  const device = devices.links.get(encapsulationDevice(encapsulation))?.index;
  if (device === undefined || needs === undefined) return { waits: true };
  const name = `nexthop to PE ${pe} label ${label} over ${encapsulation}`;
  return { device, gateway: peGateway(pe), labels: [label], needs, name };
}
