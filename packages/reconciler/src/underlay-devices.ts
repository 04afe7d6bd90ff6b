// The tunnel devices and what hangs on them. Over IPv4 three: one for MPLS in GRE, a dummy and a decapsulating one for MPLS in UDP. Over IPv6 two: a
// dummy that picks the PE, and one for MPLS in GRE.
// Pure: state in, steps out. Plans what can be done in the state at hand; the next round sees what came of it.
import type { IpAddress } from '@hostpe/net';
import { addressFamily, parseIpAddress } from '@hostpe/net';
import type { Link, LinkInfo } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredUnderlay } from './desired.ts';
import { planTunnelSysctls } from './host.ts';
import {
  FOU_DEVICE,
  filterDevice,
  GRE_DEVICE,
  GRE_OVER_IPV6_OVERHEAD,
  GRE_OVERHEAD,
  MPLS_IN_IP,
  MPLS_IN_UDP_PORT,
  PES_DEVICE,
  TUNNEL_DEVICES,
  TUNNEL_TTL,
  UDP_DEVICE,
  UDP_OVERHEAD,
  UNDERLAY_ALIAS,
} from './layout.ts';
import { underlayMtu } from './mtu.ts';
import type { Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';

interface TunnelDevice {
  readonly name: string;
  readonly mtu: number;
  readonly info: LinkInfo;
  /** Whether it has IPv6, which nexthops take; absent: as the kernel has it. */
  readonly ipv6?: boolean;
  /** Whether labels are looked up in what comes out of it. */
  readonly takesLabels: boolean;
}

/** @param mtu of the underlay */
function tunnelDevices({ address }: DesiredUnderlay, mtu: number): TunnelDevice[] {
  return addressFamily(address) === 'ipv6' ? devicesOverIpv6(mtu) : devicesOverIpv4(address, mtu);
}

function devicesOverIpv4(local: IpAddress, mtu: number): TunnelDevice[] {
  return [
    {
      name: GRE_DEVICE,
      mtu: mtu - GRE_OVERHEAD,
      info: { kind: 'gre', local, ttl: TUNNEL_TTL },
      ipv6: true,
      takesLabels: true,
    },
    {
      name: FOU_DEVICE,
      mtu: mtu - UDP_OVERHEAD,
      info: {
        kind: 'ipip',
        mode: 'mplsip',
        local,
        ttl: TUNNEL_TTL,
        encap: { type: 'fou', sourcePort: 0, destinationPort: MPLS_IN_UDP_PORT, csum: false },
      },
      takesLabels: true,
    },
    {
      name: UDP_DEVICE,
      mtu: mtu - UDP_OVERHEAD,
      info: { kind: 'dummy' },
      ipv6: true,
      takesLabels: false,
    },
  ];
}

function devicesOverIpv6(mtu: number): TunnelDevice[] {
  return [
    {
      name: GRE_DEVICE,
      mtu: mtu - GRE_OVER_IPV6_OVERHEAD,
      info: { kind: 'ip6gre', external: true, local: parseIpAddress('::'), ttl: TUNNEL_TTL },
      // Else it has a link-local address, and announces it to nobody.
      ipv6: false,
      takesLabels: true,
    },
    {
      name: PES_DEVICE,
      mtu: mtu - GRE_OVER_IPV6_OVERHEAD,
      info: { kind: 'dummy' },
      ipv6: true,
      takesLabels: false,
    },
  ];
}

/** The key of a tunnel device's steps. */
export function tunnelKey(device: string): string {
  return `device ${device}`;
}

export function planUnderlay(underlay: DesiredUnderlay, devices: Devices): Phases {
  const wanted = tunnelDevices(underlay, underlayMtu(underlay, devices));
  const created: Step[] = [
    ...planForeignFamily(wanted, devices),
    ...(addressFamily(underlay.address) === 'ipv4' ? planFouPort(devices) : []),
  ];
  const set: Step[] = [];
  const raised: Step[] = [];
  for (const device of wanted) {
    const { name, mtu, info } = device;
    const key = tunnelKey(name);
    const step = (op: 'add' | 'set' | 'delete', link: Omit<Link, 'object'>) =>
      kernelStep(key, `tunnel device ${name}`, { op, object: { object: 'link', ...link } });
    const link = devices.links.get(name);
    if (link?.index === undefined) {
      created.push(step('add', { name, mtu, info }));
      continue;
    }
    const { index } = link;
    if (!isSameInfo(link.info, info)) {
      created.push(step('delete', { index, name }), step('add', { name, mtu, info }));
      continue;
    }
    if (link.mtu !== mtu) set.push(step('set', { index, mtu }));
    if (link.alias !== UNDERLAY_ALIAS) set.push(step('set', { index, alias: UNDERLAY_ALIAS }));
    set.push(...planTunnelSysctls(key, device, devices));
    if (name === filterDevice(underlay.address) && !devices.qdiscs.some((qdisc) => qdisc.kind === 'clsact')) {
      set.push(
        kernelStep(key, `clsact of ${name}`, {
          op: 'add',
          object: { object: 'qdisc', index, kind: 'clsact' },
        }),
      );
    }
    if (link.up !== true) raised.push(step('set', { index, up: true }));
  }
  return [created, set, raised];
}

/** Our devices of an underlay of the other family. */
function planForeignFamily(wanted: readonly TunnelDevice[], devices: Devices): Step[] {
  return TUNNEL_DEVICES.flatMap((name) => {
    const { index, alias } = devices.links.get(name) ?? {};
    if (index === undefined || alias !== UNDERLAY_ALIAS || wanted.some((one) => one.name === name)) return [];
    const object = { object: 'link', index, name } as const;
    return [kernelStep(tunnelKey(name), `tunnel device ${name}`, { op: 'delete', object })];
  });
}

/** The port comes first: to ask for it makes the kernel load the module that the device needs. */
function planFouPort(devices: Devices): Step[] {
  const there = devices.fouPorts.some(
    (port) => port.family === 'ipv4' && port.port === MPLS_IN_UDP_PORT && port.protocol === MPLS_IN_IP,
  );
  if (there) return [];
  const object = { object: 'fou', family: 'ipv4', port: MPLS_IN_UDP_PORT, protocol: MPLS_IN_IP } as const;
  return [kernelStep(tunnelKey(FOU_DEVICE), `UDP port ${MPLS_IN_UDP_PORT} for MPLS`, { op: 'add', object })];
}

function isSameInfo(actual: LinkInfo | undefined, wanted: LinkInfo): boolean {
  if (actual?.kind !== wanted.kind) return false;
  if (actual.kind === 'gre' && wanted.kind === 'gre') return isSameTunnel(actual, wanted);
  if (actual.kind === 'ip6gre' && wanted.kind === 'ip6gre')
    return isSameTunnel(actual, wanted) && actual.external === wanted.external;
  if (actual.kind === 'ipip' && wanted.kind === 'ipip') {
    return (
      isSameTunnel(actual, wanted) &&
      actual.encap?.sourcePort === wanted.encap?.sourcePort &&
      actual.encap?.destinationPort === wanted.encap?.destinationPort &&
      actual.encap?.csum === wanted.encap?.csum
    );
  }
  return true;
}

type Tunnel = Extract<LinkInfo, { kind: 'gre' | 'ip6gre' | 'ipip' }>;

function isSameTunnel(actual: Tunnel, wanted: Tunnel): boolean {
  return actual.local === wanted.local && actual.remote === wanted.remote && actual.ttl === wanted.ttl;
}
