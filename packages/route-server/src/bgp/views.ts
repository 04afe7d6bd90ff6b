// What operators are told of the routes in BGP. Reads, never changes anything.
import { type PathAttributes, type Rib, type Speaker, tunnelTypeOf, type VpnFamily } from '@hostpe/bgp';
import type { IpAddress, IpPrefix, Label, RouteDistinguisher, RouteTarget } from '@hostpe/net';

/** As IANA's registry of BGP Tunnel Encapsulation types has them, of those that MPLS goes in. */
const tunnelNames: Readonly<Record<number, string>> = { 2: 'gre', 13: 'udp' };

/** A path of the loc-RIB. */
export interface BgpPathView {
  readonly family: VpnFamily;
  readonly rd: RouteDistinguisher;
  readonly prefix: IpPrefix;
  /** Name of the peer; undefined: a forwarder's route. */
  readonly peer: string | undefined;
  readonly best: boolean;
  readonly nexthop: IpAddress;
  readonly label: Label;
  readonly localPreference: number | undefined;
  readonly med: number | undefined;
  readonly origin: PathAttributes['origin'];
  /** As routers write it: sets in braces, confederations in parentheses. */
  readonly asPath: string;
  readonly routeTargets: readonly RouteTarget[];
  readonly communities: readonly string[];
  readonly encapsulations: readonly string[];
  /** All but route targets, hexadecimal. */
  readonly extendedCommunities: readonly string[];
  readonly originatorId: IpAddress | undefined;
  readonly clusterList: readonly IpAddress[];
  readonly stale: boolean;
}

export interface BgpRouteFilter {
  readonly family?: VpnFamily;
  readonly rd?: RouteDistinguisher;
  readonly prefix?: IpPrefix;
}

export function* bgpRoutes(
  speaker: Pick<Speaker, 'rib' | 'peerOf'>,
  filter: BgpRouteFilter,
): Generator<BgpPathView> {
  const { rib } = speaker;
  for (const dest of rib.destinations()) {
    if (filter.family !== undefined && rib.family(dest) !== filter.family) continue;
    if (filter.rd !== undefined && rib.rd(dest) !== filter.rd) continue;
    if (filter.prefix !== undefined && rib.prefix(dest) !== filter.prefix) continue;
    for (const path of rib.pathsOf(dest)) yield pathView(rib, dest, path, speaker.peerOf(rib.source(path)));
  }
}

function pathView(rib: Rib, dest: number, path: number, peer: string | undefined): BgpPathView {
  const { attributes, nexthop } = rib.set(rib.attributeSet(path));
  const { localPreference, med, origin, routeTargets, extendedCommunities, originatorId, clusterList } =
    attributes;
  return {
    family: rib.family(dest),
    rd: rib.rd(dest),
    prefix: rib.prefix(dest),
    peer,
    best: rib.best(dest) === path,
    nexthop,
    label: rib.label(path),
    localPreference,
    med,
    origin,
    asPath: asPathText(attributes),
    routeTargets,
    communities: attributes.communities.map(communityText),
    encapsulations: encapsulationNames(attributes),
    extendedCommunities,
    originatorId,
    clusterList,
    stale: rib.isStale(path),
  };
}

const brackets = {
  sequence: ['', ''],
  set: ['{', '}'],
  'confederation-sequence': ['(', ')'],
  'confederation-set': ['[', ']'],
} as const;

function asPathText({ asPath }: PathAttributes): string {
  return asPath
    .map(({ kind, numbers }) => {
      const [open, close] = brackets[kind];
      return `${open}${numbers.join(kind === 'set' ? ',' : ' ')}${close}`;
    })
    .join(' ');
}

/** IANA's names of well-known communities, else as two numbers. */
const wellKnown: Readonly<Record<number, string>> = {
  4294901766: 'llgr-stale',
  4294901767: 'no-llgr',
  4294967041: 'no-export',
  4294967042: 'no-advertise',
  4294967043: 'no-export-subconfed',
};
const communityText = (community: number): string =>
  wellKnown[community] ?? `${community >>> 16}:${community & 0xffff}`;

function encapsulationNames({ extendedCommunities, tunnels }: PathAttributes): readonly string[] {
  const types = new Set([
    ...extendedCommunities.flatMap((community) => tunnelTypeOf(community) ?? []),
    ...tunnels.map(({ type }) => type),
  ]);
  return [...types].map((type) => tunnelNames[type] ?? `tunnel-type-${type}`);
}
