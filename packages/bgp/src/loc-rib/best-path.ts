// Which of two paths to one destination is the better: one order, without a tie, the same on every speaker that hears the same. Pure.
import { compareAddresses, type IpAddress } from '@hostpe/net';
import type { SourceFacts } from '../rules/export-rules.ts';
import type { AttributeSet } from './attribute-sets.ts';

/** What selection needs of a path. */
export interface Candidate {
  readonly set: AttributeSet;
  readonly source: RibSource;
  /** RFC 7911; 0 where there is none. */
  readonly pathId: number;
}

export interface RibSource extends SourceFacts {
  /** Of the session; undefined for our own. */
  readonly address: IpAddress | undefined;
}

const nearness = { local: 0, external: 1, internal: 2 } as const;

/**
 * Negative when `a` is preferred: not long-lived stale (RFC 9494 section 4.3), highest local preference, highest MAC Mobility sequence number (RFC 7432 section
 * 7.7), shortest AS path, lowest origin, lowest MED (of whatever neighbour AS: only so is the order one in which nobody can go round), our own before external before internal, lowest originator, shortest cluster
 * list (RFC 4456 section 9), lowest address of the peer, lowest path identifier. RFC 4271 section 9.1.2.2; the cost of the way to the nexthop is
 * not known here.
 */
export function comparePaths(a: Candidate, b: Candidate): number {
  const one = a.set.rank;
  const other = b.set.rank;
  return (
    Number(one.longLivedStale) - Number(other.longLivedStale) ||
    other.localPreference - one.localPreference ||
    other.sequenceNumber - one.sequenceNumber ||
    one.asPath - other.asPath ||
    one.origin - other.origin ||
    one.med - other.med ||
    nearness[a.source.kind] - nearness[b.source.kind] ||
    compareAddresses(originatorOf(a), originatorOf(b)) ||
    a.set.attributes.clusterList.length - b.set.attributes.clusterList.length ||
    comparePeers(a.source.address, b.source.address) ||
    a.pathId - b.pathId
  );
}

function originatorOf({ set, source }: Candidate): IpAddress {
  return set.attributes.originatorId ?? source.identifier;
}

function comparePeers(a: IpAddress | undefined, b: IpAddress | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return compareAddresses(a, b);
}
