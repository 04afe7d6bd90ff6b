// A remote PE: whether it can be one, and what the kernel needs to send to it. Pure.
import type { Encapsulation, IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Filter, Neighbour } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredState } from './desired.ts';
import { filterKey, neighbourKey } from './keys.ts';
import {
  encapsulationDevice,
  FILTER_PRIORITY,
  FOU_DEVICE,
  GRE_DEVICE,
  MPLS_ETHERTYPE,
  peFilterHandle,
  peGateway,
  peMac,
  UDP_DEVICE,
} from './layout.ts';
import { tunnelKey } from './underlay-devices.ts';

/** Objects by neighbourKey and by handle. */
export interface PeTarget {
  readonly neighbours: Map<string, Neighbour>;
  readonly filters: Map<number, Filter>;
}

/** @returns why packets cannot be sent to this PE; undefined where they can */
export function remoteProblem(pe: IpAddress, desired: DesiredState): string | undefined {
  if (addressFamily(pe) !== 'ipv4') return `PE ${pe}: tunnels over IPv6 are not supported`;
  // A packet to ourselves would be looked up in our own label table: into any VPN.
  if (pe === desired.underlay.address) return `PE ${pe} is this host itself`;
  return undefined;
}

/**
 * What the kernel needs to send to a PE. Without its neighbour the kernel sends the PE's packets to itself, into its own labels.
 * @param pe an IPv4 address, not our own
 * @returns the keys that a nexthop to it needs; undefined while a device is missing
 */
export function addPe(
  target: PeTarget,
  desired: DesiredState,
  devices: Devices,
  pe: IpAddress,
  encapsulation: Encapsulation,
): readonly string[] | undefined {
  const name = encapsulationDevice(encapsulation);
  const index = devices.links.get(name)?.index;
  if (index === undefined) return undefined;
  const address = peGateway(pe);
  const neighbour = neighbourKey(index, address);
  const add = (linkLayerAddress: IpAddress | MacAddress) =>
    target.neighbours.set(neighbour, {
      object: 'neighbour',
      index,
      address,
      linkLayerAddress,
      state: 'permanent',
    });
  if (encapsulation === 'gre') {
    add(pe);
    return [tunnelKey(GRE_DEVICE), neighbour];
  }
  // Also while the way out is missing: nexthops that are there already need it no less.
  add(peMac(pe));
  const redirect = devices.links.get(FOU_DEVICE)?.index;
  if (redirect === undefined) return undefined;
  const handle = peFilterHandle(pe);
  target.filters.set(handle, {
    object: 'filter',
    index,
    hook: 'egress',
    priority: FILTER_PRIORITY,
    protocol: MPLS_ETHERTYPE,
    handle,
    match: {
      kind: 'flower',
      destinationMac: peMac(pe),
      tunnel: { source: desired.underlay.address, destination: pe, csum: false },
      redirect,
    },
  });
  return [tunnelKey(UDP_DEVICE), tunnelKey(FOU_DEVICE), neighbour, filterKey(handle)];
}
