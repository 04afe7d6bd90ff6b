// Which of the paths to a prefix a VPN uses, and the one route that tells its forwarders. Pure; owns the order of
// preference, never stores a path.
import { compareAddresses, type IpPrefix } from '@hostpe/net';
import type { VpnNexthop, VpnRoute } from '@hostpe/signaling';

/** A route as one forwarder published it in one VPN, or as a peer announced it by BGP. */
export interface Path {
  readonly kind: 'forwarder' | 'bgp';
  /** Account of the forwarder, or name of the peer. */
  readonly account: string;
  /** The VPN in which it was published, or the RD with which it was announced. */
  readonly vpn: string;
  readonly route: VpnRoute;
  /** Whether it has the least local preference, whatever its forwarder said. */
  readonly isLowered?: boolean;
  /** How far away it is by BGP; a forwarder's has none. */
  readonly distance?: Distance;
}

/** Of each the least is preferred, in this order. */
interface Distance {
  /** Long-lived stale (RFC 9494). */
  readonly longLived: boolean;
  /** Length of the AS path. */
  readonly asPath: number;
  /** 0: igp, 1: egp, 2: incomplete. */
  readonly origin: number;
  readonly med: number;
}

const NO_DISTANCE: Distance = { longLived: false, asPath: 0, origin: 0, med: 0 };

const DEFAULT_LOCAL_PREFERENCE = 100;
const LEAST_LOCAL_PREFERENCE = 0;
const DEFAULT_SEQUENCE_NUMBER = 0;

const localPreference = (path: Path): number =>
  path.isLowered ? LEAST_LOCAL_PREFERENCE : (path.route.localPreference ?? DEFAULT_LOCAL_PREFERENCE);
const sequenceNumber = (path: Path): number => path.route.sequenceNumber ?? DEFAULT_SEQUENCE_NUMBER;

interface Criterion {
  /** Why a path that loses by it is not used. */
  readonly worse: string;
  /** Negative when `a` is preferred. */
  readonly compare: (a: Path, b: Path) => number;
}

const distance = (path: Path): Distance => path.distance ?? NO_DISTANCE;

/** draft-ietf-l3vpn-end-system-06 section 6, RFC 4271 section 9.1.2.2, RFC 9494 section 4.3: the first in which two differ decides. */
const order: readonly Criterion[] = [
  { worse: 'lower local preference', compare: (a, b) => localPreference(b) - localPreference(a) },
  { worse: 'lower sequence number', compare: (a, b) => sequenceNumber(b) - sequenceNumber(a) },
  {
    worse: 'long-lived stale',
    compare: (a, b) => Number(distance(a).longLived) - Number(distance(b).longLived),
  },
  { worse: 'longer AS path', compare: (a, b) => distance(a).asPath - distance(b).asPath },
  { worse: 'higher origin', compare: (a, b) => distance(a).origin - distance(b).origin },
  { worse: 'higher MED', compare: (a, b) => distance(a).med - distance(b).med },
];

/** Negative when `a` is preferred, 0 when both are used together (ECMP). */
function comparePreference(a: Path, b: Path): number {
  for (const { compare } of order) {
    const difference = compare(a, b);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Why a path is used, or is not. @param used those that are, of all to the prefix */
export function reasonOf(path: Path, used: readonly Path[]): string {
  const [best = path] = used;
  const decisive = order.find(({ compare }) => compare(path, best) !== 0);
  if (decisive !== undefined) return decisive.worse;
  return used.length > 1 ? 'equal' : 'best';
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareNexthops(a: VpnNexthop, b: VpnNexthop): number {
  return compareAddresses(a.address, b.address) || a.label - b.label;
}

/**
 * The paths in use: highest local-preference, then highest sequence-number, then, as BGP has it, not long-lived stale, shortest AS path, lowest origin, lowest
 * MED; all equal ones together. Whether a path is stale has no say, so that a lost session changes nothing for others.
 */
export function usedPaths<P extends Path>(paths: readonly P[]): readonly P[] {
  let used: P[] = [];
  for (const path of paths) {
    const [best] = used;
    const order = best === undefined ? -1 : comparePreference(path, best);
    if (order < 0) used = [path];
    else if (order === 0) used.push(path);
  }
  return used;
}

/**
 * The route that subscribers are told of: its id is the prefix, its next-hops are those of the used paths by address,
 * then label. The same next-hop out of two VPNs or accounts counts once: the first by VPN, then account. Preferences
 * that equal a receiver's default are left out. Undefined when there is no path.
 */
export function announcedRoute(prefix: IpPrefix, paths: readonly Path[]): VpnRoute | undefined {
  const used = usedPaths(paths);
  const [best] = used;
  if (best === undefined) return undefined;
  return {
    id: prefix,
    prefix,
    // Most prefixes have one path: of very many routes, what is the same is there once.
    nexthops:
      used.length === 1 && best.route.nexthops.length === 1 ? best.route.nexthops : mergedNexthops(used),
    ...(sequenceNumber(best) !== DEFAULT_SEQUENCE_NUMBER && { sequenceNumber: sequenceNumber(best) }),
    ...(localPreference(best) !== DEFAULT_LOCAL_PREFERENCE && { localPreference: localPreference(best) }),
  };
}

function mergedNexthops(used: readonly Path[]): readonly VpnNexthop[] {
  const nexthops = new Map<string, VpnNexthop>();
  for (const { route } of used.toSorted(
    (a, b) => compareText(a.vpn, b.vpn) || compareText(a.account, b.account),
  ))
    for (const nexthop of route.nexthops) {
      const key = `${nexthop.address} ${nexthop.label}`;
      if (!nexthops.has(key)) nexthops.set(key, nexthop);
    }
  return [...nexthops.values()].sort(compareNexthops);
}

/** Whether two announced routes of one prefix say the same, so that nobody need hear of the second. */
export function sameRoute(a: VpnRoute, b: VpnRoute): boolean {
  return (
    a.sequenceNumber === b.sequenceNumber &&
    a.localPreference === b.localPreference &&
    a.nexthops.length === b.nexthops.length &&
    a.nexthops.every((nexthop, index) => sameNexthop(nexthop, b.nexthops[index]))
  );
}

function sameNexthop(a: VpnNexthop, b: VpnNexthop | undefined): boolean {
  return (
    a.address === b?.address &&
    a.label === b.label &&
    a.encapsulations.length === b.encapsulations.length &&
    a.encapsulations.every((encapsulation, index) => encapsulation === b.encapsulations[index])
  );
}
