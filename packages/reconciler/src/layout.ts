// What our objects in the kernel are called and how they are recognised again: names, marks, numbers, derived addresses.
// Pure; every other module of this package takes them from here. Units: ids and tables are the kernel's u32 numbers.
import type { AddressFamily, Encapsulation, IpAddress, MacAddress } from '@hostpe/net';
import {
  addressFamily,
  addressFromBytes,
  addressToBytes,
  macFromBytes,
  parseIpAddress,
  parseMac,
} from '@hostpe/net';

/** rtm_protocol of our routes and nexthops, `hostpe` in rt_protos. */
export const FORWARDER_PROTOCOL = 200;

/** Our nexthop ids: far above those that routing daemons count up from the bottom. */
export const FIRST_NEXTHOP_ID = 0x68700000;
export const LAST_NEXTHOP_ID = FIRST_NEXTHOP_ID + 2 ** 19 - 1;

export const GRE_DEVICE = 'hostpe-gre';
/** Where MPLS-in-UDP packets are sent to: a dummy whose filters pick the remote PE by destination MAC. */
export const UDP_DEVICE = 'hostpe-udp';
/** Adds and removes the UDP and outer IP headers. */
export const FOU_DEVICE = 'hostpe-fou';
/** Over IPv6, where a GRE device has no neighbours: a dummy whose filters pick the remote PE and send the packets to the GRE device. */
export const PES_DEVICE = 'hostpe-pes';
export const TUNNEL_DEVICES: readonly string[] = [GRE_DEVICE, UDP_DEVICE, FOU_DEVICE, PES_DEVICE];
export const UNDERLAY_ALIAS = 'hostpe underlay';

/** RFC 7510 section 3. */
export const MPLS_IN_UDP_PORT = 6635;
/** IP protocol of GRE, RFC 2784. */
export const GRE = 47;
/** IP protocol of MPLS-in-IP, RFC 4023 section 3. */
export const MPLS_IN_IP = 137;
export const TUNNEL_TTL = 64;
/** Outer IPv4 and GRE headers. */
export const GRE_OVERHEAD = 24;
/** Outer IPv4 and UDP headers. */
export const UDP_OVERHEAD = 28;
/** Outer IPv6 and GRE headers. */
export const GRE_OVER_IPV6_OVERHEAD = 44;

export const MPLS_ETHERTYPE = 0x8847;
export const FILTER_PRIORITY = 10;

/** The gateway of every attachment: the same everywhere, so that a machine that moves keeps its own. */
export const GATEWAY_IPV4 = parseIpAddress('169.254.1.1');
export const GATEWAY_IPV6 = parseIpAddress('fe80::1');
export const GATEWAY_MAC = parseMac('00:00:5e:00:01:01');

/** RT_TABLE_LOCAL. */
export const LOCAL_TABLE = 255;
/** Behind the VRF rule, which the kernel puts at 1000. */
export const LOCAL_RULE_PRIORITY = 32765;
export const VRF_RULE_PRIORITY = 1000;
/** Worse than any route: the value that the kernel's VRF documentation advises. */
export const UNREACHABLE_METRIC = 4278198272;

/** A VRF's table is this and the instance-id of its VPN, 1 to 65535. */
export const VRF_TABLE_BASE = 16000;
export const LAST_INSTANCE_ID = 65535;

const vrfMark = 'hostpe vpn ';

/** The alias of a VRF device of ours. */
export function vrfAlias(vpn: string): string {
  return vrfMark + vpn;
}

/** @returns the VPN that a VRF device of ours is of; undefined for a device that is not ours. */
export function vpnOfAlias(alias: string | undefined): string | undefined {
  return alias?.startsWith(vrfMark) ? alias.slice(vrfMark.length) : undefined;
}

export function isOurNexthopId(id: number | undefined): boolean {
  return id !== undefined && id >= FIRST_NEXTHOP_ID && id <= LAST_NEXTHOP_ID;
}

export interface TunnelWay {
  /** What nexthops lead to. */
  readonly device: string;
  /** Where its filters send packets on. */
  readonly through?: string;
}

/** @returns undefined for MPLS in UDP over IPv6: Linux adds foo-over-UDP only in a device that has one remote end (net/ipv6/ip6_tunnel.c). */
export function tunnelWay(underlay: AddressFamily, encapsulation: Encapsulation): TunnelWay | undefined {
  if (underlay === 'ipv6')
    return encapsulation === 'gre' ? { device: PES_DEVICE, through: GRE_DEVICE } : undefined;
  return encapsulation === 'gre' ? { device: GRE_DEVICE } : { device: UDP_DEVICE, through: FOU_DEVICE };
}

/** The device with filters. @param pe our own address */
export function filterDevice(pe: IpAddress): string {
  return addressFamily(pe) === 'ipv6' ? PES_DEVICE : UDP_DEVICE;
}

// fe80::5efe:0:0/96, the interface identifier of RFC 5214 section 6.1, so that a nexthop reads as the PE that it leads to.
const gatewayPrefix = addressToBytes(parseIpAddress('fe80::5efe:0:0')).subarray(0, 12);

/** The IPv6 link-local address by which nexthops name a PE. @param pe an IPv4 address */
export function peGateway(pe: IpAddress): IpAddress {
  return addressFromBytes(Uint8Array.from([...gatewayPrefix, ...addressToBytes(pe)]));
}

/** The PE that a nexthop's gateway names; undefined where it is no gateway of ours. */
export function peOfGateway(gateway: IpAddress | undefined): IpAddress | undefined {
  if (gateway === undefined) return undefined;
  const bytes = addressToBytes(gateway);
  if (bytes.length !== 16 || gatewayPrefix.some((byte, at) => bytes[at] !== byte)) return undefined;
  return addressFromBytes(bytes.subarray(12));
}

/** The locally administered MAC address that stands for a PE on the UDP device. @param pe an IPv4 address */
export function peMac(pe: IpAddress): MacAddress {
  return macFromBytes(Uint8Array.from([2, 0, ...addressToBytes(pe)]));
}

/** The handle of a PE's filter: its IPv4 address as a number, so that the filter is found again by PE. */
export function peFilterHandle(pe: IpAddress): number {
  return addressToBytes(pe).reduce((value, byte) => value * 256 + byte, 0);
}

// fe80::7065:0:0/96: what is behind it is no address.
const numberedPrefix = addressToBytes(parseIpAddress('fe80::7065:0:0')).subarray(0, 12);

function u32Bytes(number: number): number[] {
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
}

/** What peGateway is to an IPv4 PE. @param number of an IPv6 PE, u32 */
export function numberedGateway(number: number): IpAddress {
  return addressFromBytes(Uint8Array.from([...numberedPrefix, ...u32Bytes(number)]));
}

/** The number in a gateway of numberedGateway; undefined for other addresses. */
export function numberOfGateway(gateway: IpAddress): number | undefined {
  const bytes = addressToBytes(gateway);
  if (bytes.length !== 16 || numberedPrefix.some((byte, at) => bytes[at] !== byte)) return undefined;
  return bytes.subarray(12).reduce((value, byte) => value * 256 + byte, 0);
}

/** What peMac is to an IPv4 PE. @param number of an IPv6 PE, u32 */
export function numberedMac(number: number): MacAddress {
  return macFromBytes(Uint8Array.from([2, 1, ...u32Bytes(number)]));
}

/** Whether nftables takes a name for a name: `@` and `*` mean sets and wildcards to it. */
export function isPlainInterfaceName(name: string): boolean {
  return /^[A-Za-z0-9_.:-]+$/.test(name);
}
