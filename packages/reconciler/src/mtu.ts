// MTUs: what the underlay carries, and what is left of it for a machine in a VPN. Pure. Units: bytes.
import type { Encapsulation, IpAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Devices } from './actual.ts';
import type { DesiredUnderlay } from './desired.ts';
import { GRE_OVER_IPV6_OVERHEAD, GRE_OVERHEAD, UDP_OVERHEAD } from './layout.ts';

/** One entry of a label stack (RFC 3032 section 2.1). */
const LABEL_OVERHEAD = 4;
/** IPv4's of an Ethernet. */
const usualMtu = 1500;
/** RFC 8200 section 5. */
const leastMtuOfIpv6 = 1280;
const largestMtu = 65535;

/**
 * What was configured, or else the MTU of the interface that has the PE address. An address of the loopback or of a dummy says nothing of the way
 * that packets take: it counts as 1500.
 */
export function underlayMtu({ address, mtu }: DesiredUnderlay, devices: Devices): number {
  if (mtu !== undefined) return mtu;
  for (const [index, addresses] of devices.addresses) {
    const link = devices.byIndex.get(index);
    if (link?.mtu === undefined || link.name === 'lo' || link.info?.kind === 'dummy') continue;
    if (addresses.some((one) => one.address === address))
      return Math.min(Math.max(link.mtu, leastUnderlayMtu(address)), largestMtu);
  }
  return usualMtu;
}

/**
 * The largest packet of a machine that goes through the underlay whole.
 * @param mtu of the underlay
 * @param encapsulations those of the VPN; where there are none, any
 */
export function machineMtu(
  { address }: DesiredUnderlay,
  mtu: number,
  encapsulations: readonly Encapsulation[] = [],
): number {
  const isGreAlone = encapsulations.length > 0 && !encapsulations.includes('udp');
  const overIpv4 = isGreAlone ? GRE_OVERHEAD : UDP_OVERHEAD;
  return mtu - (addressFamily(address) === 'ipv6' ? GRE_OVER_IPV6_OVERHEAD : overIpv4) - LABEL_OVERHEAD;
}

/** What a machine's IPv6 needs with the largest overhead. @param pe our own address */
function leastUnderlayMtu(pe: IpAddress): number {
  const overhead = addressFamily(pe) === 'ipv6' ? GRE_OVER_IPV6_OVERHEAD : UDP_OVERHEAD;
  return leastMtuOfIpv6 + overhead + LABEL_OVERHEAD;
}
