// What the kinds of devices of the fake kernel differ in: what a new one must not share with another, its MTU, and what can be changed.
import type { MacAddress } from '@hostpe/net';
import { macFromBytes } from '@hostpe/net';
import type { BridgeInfo, Link, LinkInfo } from '../objects.ts';
import type { Device, Devices } from './device.ts';
import type { FakeSysctl } from './fake-sysctl.ts';
import { refuse } from './refusal.ts';

export const smallestMtu = 68;

const mtuByKind: Readonly<Record<LinkInfo['kind'], number>> = {
  vrf: 65575,
  dummy: 1500,
  veth: 1500,
  gre: 1476,
  ip6gre: 1456,
  ipip: 1480,
  ip6tnl: 1460,
  vlan: 1500,
  bridge: 1500,
  other: 1500,
};
/** Bytes that go before what a tunnel carries, beside its IP header. */
const udpHeader = 8;
const greKey = 4;
const encapLimitOption = 8;

/** The values of a bridge that nobody gave any. */
const bridgeDefaults = { forwardDelay: 1500, ageingTime: 30_000 } as const;

type TunnelInfo = Extract<LinkInfo, { readonly kind: 'gre' | 'ip6gre' | 'ipip' | 'ip6tnl' }>;

/** Tunnels have no MAC address. */
export function isTunnel(info: LinkInfo): info is TunnelInfo {
  return info.kind === 'gre' || info.kind === 'ip6gre' || info.kind === 'ipip' || info.kind === 'ip6tnl';
}

/** @throws RtnetlinkError where the kernel would not make such a device beside those that there are. */
export function checkNew(link: Link, info: LinkInfo, devices: Devices, sysctl: FakeSysctl): void {
  if (info.kind === 'vlan') checkVlan(link, info.id, info.protocol, devices);
  for (const { info: other } of devices.all()) {
    if (info.kind === 'vrf' && other?.kind === 'vrf' && other.table === info.table) {
      if (sysctl.isOn('net/vrf/strict_mode')) refuse('EBUSY', 'Table is used by another VRF');
    }
    if (isTunnel(info) && other?.kind === info.kind && endsOf(other) === endsOf(info)) refuse('EEXIST');
  }
}

function checkVlan(link: Link, id: number, protocol: string | undefined, devices: Devices): void {
  if (link.link === undefined) refuse('EINVAL', 'link not specified');
  const lower = devices.find(link.link) ?? refuse('ENODEV', 'link does not exist');
  if (lower.name === 'lo' || lower.info?.kind === 'vrf')
    refuse('EOPNOTSUPP', 'VLANs not supported on device');
  const twin = devices
    .vlansOn(lower)
    .some(({ info }) => info?.kind === 'vlan' && info.id === id && info.protocol === protocol);
  if (twin) refuse('EEXIST', 'VLAN device already exists');
  if (link.mtu !== undefined && link.mtu > lower.mtu) refuse('EINVAL');
}

function endsOf(info: TunnelInfo): string {
  if ('external' in info && info.external === true) return 'external';
  return `${info.local} ${info.remote} ${'key' in info ? info.key : undefined}`;
}

export function defaultMtu(info: LinkInfo, lower: Device | undefined): number {
  const mtu = mtuByKind[info.kind];
  if (info.kind === 'vlan') return lower?.mtu ?? mtu;
  if (!isTunnel(info)) return mtu;
  const key = 'key' in info && info.key !== undefined ? greKey : 0;
  const limit = 'encapLimit' in info && info.encapLimit !== undefined ? encapLimitOption : 0;
  return mtu - key - limit - (info.encap === undefined ? 0 : udpHeader);
}

/** What the kernel tells of a device that was made with `info`. */
export function heldInfo(info: LinkInfo): LinkInfo {
  if (info.kind === 'veth') return { kind: 'veth' };
  return info.kind === 'bridge' ? { ...bridgeDefaults, ...info } : info;
}

/** @returns the facts of the device behind a `set`. @throws RtnetlinkError, or TypeError for what the fake kernel does not change. */
export function changedInfo(device: Device, info: LinkInfo): LinkInfo {
  const held = device.info;
  if (info.kind === 'vrf' || held?.kind !== info.kind) return refuse('EOPNOTSUPP');
  if (held.kind === 'bridge') return { ...held, ...(info as BridgeInfo) };
  throw new TypeError(`the fake kernel changes no facts of a ${info.kind} device`);
}

/** Locally administered, one per index. */
export function madeUpMac(index: number): MacAddress {
  return macFromBytes(Uint8Array.of(0x02, 0xfa, 0xce, index >>> 16, index >>> 8, index));
}
