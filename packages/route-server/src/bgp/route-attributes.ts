// A forwarder's route and a path of BGP, each as the other: encapsulations, sequence number, preference (draft-ietf-l3vpn-end-system-06 sections 6
// and 7). Pure; chooses nothing.
import {
  encapsulationCommunity,
  mobilityCommunity,
  mobilityOf,
  type PathAttributes,
  tunnelTypeOf,
} from '@hostpe/bgp';
import type { Encapsulation, IpAddress, IpPrefix, Label, RouteTarget } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';

/** IANA's BGP Tunnel Encapsulation types: GRE (RFC 9012), MPLS in UDP (RFC 7510). */
const tunnelTypes: Readonly<Record<Encapsulation, number>> = { gre: 2, udp: 13 };
const encapsulations = new Map(
  Object.entries(tunnelTypes).map(([encapsulation, type]) => [type, encapsulation as Encapsulation]),
);

/** What BGP says of a forwarder's route. @param lowered the least preferred, whatever its forwarder said. */
export function attributesOf(
  route: Pick<VpnRoute, 'localPreference' | 'sequenceNumber' | 'nexthops'>,
  routeTargets: readonly RouteTarget[],
  lowered: boolean,
): PathAttributes {
  const types = (route.nexthops[0]?.encapsulations ?? []).map((encapsulation) => tunnelTypes[encapsulation]);
  const { sequenceNumber } = route;
  return {
    origin: 'igp',
    asPath: [],
    med: undefined,
    localPreference: lowered ? 0 : route.localPreference,
    atomicAggregate: false,
    aggregator: undefined,
    communities: [],
    originatorId: undefined,
    clusterList: [],
    routeTargets,
    extendedCommunities: [
      ...types.map(encapsulationCommunity),
      ...(sequenceNumber === undefined ? [] : [mobilityCommunity(sequenceNumber)]),
    ],
    largeCommunities: [],
    tunnels: types.map((type) => ({ type, endpoint: undefined, subTlvs: [] })),
    unknown: [],
  };
}

/**
 * A path of BGP as forwarders are told it; undefined where the remote end can receive nothing that is known here: such a path cannot be used.
 * One that says no encapsulation at all is of a router that takes MPLS in GRE.
 */
export function routeOf(
  attributes: PathAttributes,
  nexthop: IpAddress,
  prefix: IpPrefix,
  label: Label,
): VpnRoute | undefined {
  const said = new Set([
    ...attributes.extendedCommunities.flatMap((community) => tunnelTypeOf(community) ?? []),
    ...attributes.tunnels.map(({ type }) => type),
  ]);
  const known = [...said].flatMap((type) => encapsulations.get(type) ?? []);
  if (said.size > 0 && known.length === 0) return undefined;
  const sequenceNumber = mobilityOf(attributes.extendedCommunities)?.sequenceNumber;
  const { localPreference } = attributes;
  return {
    id: prefix,
    prefix,
    nexthops: [{ address: nexthop, label, encapsulations: known }],
    ...(sequenceNumber !== undefined && { sequenceNumber }),
    ...(localPreference !== undefined && { localPreference }),
  };
}
