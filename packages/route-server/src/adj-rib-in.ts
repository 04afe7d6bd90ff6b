// What one forwarder published in one VPN (adj-RIB-in), by prefix and by item id, and in which of its sessions. Pure; chooses nothing.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import type { Path } from './selection.ts';
import { ShardedMap } from './sharded-map.ts';

/** What one forwarder published in one VPN during one session. */
export interface Publication {
  readonly account: string;
  readonly vpn: string;
  /** Number of its paths. */
  count: number;
  /** When the session was lost; undefined while it is there. */
  lostAt: number | undefined;
  isLowered: boolean;
  /** Its paths are being removed. */
  isLeaving: boolean;
  /** The next-hop of its last route; most have one for all. */
  address: IpAddress | undefined;
}

/** A path in the RIB. */
export class RibPath implements Path {
  readonly publication: Publication;
  readonly route: VpnRoute;

  constructor(publication: Publication, route: VpnRoute) {
    this.publication = publication;
    this.route = route;
  }

  get kind(): 'forwarder' {
    return 'forwarder';
  }

  get account(): string {
    return this.publication.account;
  }

  get vpn(): string {
    return this.publication.vpn;
  }

  get isLowered(): boolean {
    return this.publication.isLowered;
  }

  /** Its forwarder's session was lost and it has not been published again since. */
  get stale(): boolean {
    return this.publication.lostAt !== undefined;
  }
}

/** What one forwarder published in one VPN. */
export interface AdjRibIn {
  readonly account: string;
  readonly vpn: string;
  readonly paths: ShardedMap<IpPrefix, RibPath>;
  /** A retract names an item only by its id. */
  readonly prefixes: ShardedMap<string, IpPrefix>;
  /** All that have a path, and the current one. */
  readonly publications: Set<Publication>;
  current: Publication;
}

/** As many prefixes a step: some tenths of a millisecond. */
const STEP = 200;

export function newAdjRibIn(account: string, vpn: string): AdjRibIn {
  const owner = { account, vpn, publications: new Set<Publication>() };
  return { ...owner, paths: new ShardedMap(), prefixes: new ShardedMap(), current: newPublication(owner) };
}

export function newPublication({
  account,
  vpn,
  publications,
}: Pick<AdjRibIn, 'account' | 'vpn' | 'publications'>): Publication {
  // A session that published nothing leaves nothing.
  for (const known of publications) if (known.count === 0) publications.delete(known);
  const publication = {
    account,
    vpn,
    count: 0,
    lostAt: undefined,
    isLowered: false,
    isLeaving: false,
    address: undefined,
  };
  publications.add(publication);
  return publication;
}

export function addPath(adjRibIn: AdjRibIn, route: VpnRoute): void {
  const { paths, prefixes, current } = adjRibIn;
  const former = paths.get(route.prefix);
  if (former !== undefined) {
    former.publication.count -= 1;
    if (former.route.id !== route.id) prefixes.delete(former.route.id);
  }
  current.count += 1;
  paths.set(route.prefix, new RibPath(current, compacted(route, current)));
  prefixes.set(route.id, route.prefix);
}

/** Lists that were grown have room for more, and each route has its address anew: a million of them need neither. */
function compacted(route: VpnRoute, publication: Publication): VpnRoute {
  const [nexthop, ...others] = route.nexthops;
  if (nexthop === undefined || others.length > 0) return route;
  if (nexthop.address !== publication.address) publication.address = nexthop.address;
  return { ...route, nexthops: [{ ...nexthop, address: publication.address ?? nexthop.address }] };
}

export function removePath({ paths, prefixes }: AdjRibIn, prefix: IpPrefix): void {
  const path = paths.get(prefix);
  if (path === undefined) return;
  paths.delete(prefix);
  prefixes.delete(path.route.id);
  path.publication.count -= 1;
}

/** Paths that are wanted, as many at a time as a step has; a step without one, where there are many others. */
export function* inSteps(
  { paths }: AdjRibIn,
  isWanted: (path: RibPath) => boolean,
): Generator<readonly RibPath[]> {
  let step: RibPath[] = [];
  let seen = 0;
  for (const path of paths.values()) {
    // A path that was replaced meanwhile may still come.
    if (isWanted(path) && paths.get(path.route.prefix) === path) step.push(path);
    seen += 1;
    if (step.length < STEP && seen < 10 * STEP) continue;
    yield step;
    step = [];
    seen = 0;
  }
  if (step.length > 0) yield step;
}
