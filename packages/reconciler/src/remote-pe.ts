// A remote PE: whether it can be one, and what the kernel needs to send to it. Pure.
import type { Encapsulation, IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Filter, Neighbour } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredState } from './desired.ts';
import { filterKey, neighbourKey } from './keys.ts';
import { FILTER_PRIORITY, MPLS_ETHERTYPE, tunnelWay } from './layout.ts';
import type { PeNumbers } from './pe-numbers.ts';
import { tunnelKey } from './underlay-devices.ts';

/** Objects by neighbourKey and by handle. */
export interface PeTarget {
  readonly neighbours: Map<string, Neighbour>;
  readonly filters: Map<number, Filter>;
}

/** @returns why packets cannot be sent to this PE in this encapsulation; undefined where they can */
export function remoteProblem(
  pe: IpAddress,
  encapsulation: Encapsulation,
  desired: DesiredState,
): string | undefined {
  const { address } = desired.underlay;
  const family = addressFamily(address);
  if (addressFamily(pe) !== family)
    return `PE ${pe} cannot be reached over an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} underlay`;
  if (tunnelWay(family, encapsulation) === undefined)
    return `PE ${pe}: Linux has no MPLS in UDP over IPv6 for many PEs`;
  // A packet to ourselves would be looked up in our own label table: into any VPN.
  if (pe === address) return `PE ${pe} is this host itself`;
  return undefined;
}

export interface PeFacts {
  readonly desired: DesiredState;
  readonly devices: Devices;
  readonly numbers: PeNumbers;
}

/**
 * What the kernel needs to send to a PE. Without its neighbour the kernel sends the PE's packets to itself, into its own labels.
 * @param pe not our own, of the underlay's family
 * @returns the keys that a nexthop to it needs; undefined while a device is missing
 */
export function addPe(
  target: PeTarget,
  { desired, devices, numbers }: PeFacts,
  pe: IpAddress,
  encapsulation: Encapsulation,
): readonly string[] | undefined {
  const { address: source } = desired.underlay;
  const way = tunnelWay(addressFamily(source), encapsulation);
  const index = way === undefined ? undefined : devices.links.get(way.device)?.index;
  if (way === undefined || index === undefined) return undefined;
  const address = numbers.gateway(pe);
  const neighbour = neighbourKey(index, address);
  const add = (linkLayerAddress: IpAddress | MacAddress) =>
    target.neighbours.set(neighbour, {
      object: 'neighbour',
      index,
      address,
      linkLayerAddress,
      state: 'permanent',
    });
  const { device, through } = way;
  if (through === undefined) {
    add(pe);
    return [tunnelKey(device), neighbour];
  }
  // Also while the way out is missing: nexthops that are there already need it no less.
  const destinationMac = numbers.mac(pe);
  add(destinationMac);
  const redirect = devices.links.get(through)?.index;
  if (redirect === undefined) return undefined;
  const handle = numbers.handle(pe);
  // GRE would write a key into its header.
  const keyless = encapsulation === 'gre';
  target.filters.set(handle, {
    object: 'filter',
    index,
    hook: 'egress',
    priority: FILTER_PRIORITY,
    protocol: MPLS_ETHERTYPE,
    handle,
    match: {
      kind: 'flower',
      destinationMac,
      tunnel: { source, destination: pe, csum: false, ...(keyless ? { keyless } : {}) },
      redirect,
    },
  });
  return [tunnelKey(device), tunnelKey(through), neighbour, filterKey(handle)];
}
