// The three tunnel devices and what hangs on them: one for MPLS in GRE, a dummy and a decapsulating one for MPLS in UDP.
// Pure: state in, steps out. Plans what can be done in the state at hand; the next round sees what came of it.
import type { Link, LinkInfo } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredUnderlay } from './desired.ts';
import { planTunnelSysctls } from './host.ts';
import {
  FOU_DEVICE,
  GRE_DEVICE,
  GRE_OVERHEAD,
  MPLS_IN_IP,
  MPLS_IN_UDP_PORT,
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
}

/** @param mtu of the underlay */
function tunnelDevices({ address }: DesiredUnderlay, mtu: number): TunnelDevice[] {
  return [
    {
      name: GRE_DEVICE,
      mtu: mtu - GRE_OVERHEAD,
      info: { kind: 'gre', local: address, ttl: TUNNEL_TTL },
    },
    {
      name: FOU_DEVICE,
      mtu: mtu - UDP_OVERHEAD,
      info: {
        kind: 'ipip',
        mode: 'mplsip',
        local: address,
        ttl: TUNNEL_TTL,
        encap: { type: 'fou', sourcePort: 0, destinationPort: MPLS_IN_UDP_PORT, csum: false },
      },
    },
    { name: UDP_DEVICE, mtu: mtu - UDP_OVERHEAD, info: { kind: 'dummy' } },
  ];
}

/** The key of a tunnel device's steps. */
export function tunnelKey(device: string): string {
  return `device ${device}`;
}

export function planUnderlay(underlay: DesiredUnderlay, devices: Devices): Phases {
  const created: Step[] = planFouPort(devices);
  const set: Step[] = [];
  const raised: Step[] = [];
  for (const device of tunnelDevices(underlay, underlayMtu(underlay, devices))) {
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
    set.push(...planTunnelSysctls(key, name, devices));
    if (name === UDP_DEVICE && !devices.qdiscs.some((qdisc) => qdisc.kind === 'clsact')) {
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

type Tunnel = Extract<LinkInfo, { kind: 'gre' | 'ipip' }>;

function isSameTunnel(actual: Tunnel, wanted: Tunnel): boolean {
  return actual.local === wanted.local && actual.remote === wanted.remote && actual.ttl === wanted.ttl;
}
