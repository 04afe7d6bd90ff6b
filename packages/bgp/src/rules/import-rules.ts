// Which of the paths that a peer announces may be used at all. Pure. What is refused here is treated as withdrawn, and the session goes on.
import type { IpAddress } from '@hostpe/net';
import type { PathAttributes } from '../messages.ts';
import type { LocalFacts, PeerFacts } from './export-rules.ts';

export interface ImportFacts extends LocalFacts {
  /** Our own addresses towards peers: none can be the nexthop of what they announce. */
  readonly addresses: ReadonlySet<IpAddress>;
}

/** Why no path with these attributes may be used, for an operator; undefined where it may. */
export function refusal(
  { asPath, originatorId, clusterList }: PathAttributes,
  nexthop: IpAddress,
  peer: Pick<PeerFacts, 'kind' | 'as'>,
  local: ImportFacts,
): string | undefined {
  // RFC 4271 section 9.1.2.
  if (asPath.some(({ numbers }) => numbers.includes(local.as))) return `AS path with our own AS ${local.as}`;
  if (local.addresses.has(nexthop)) return `nexthop ${nexthop}, which is our own address`;
  if (peer.kind === 'external') {
    // RFC 4271 section 6.3: the first AS is the one that announces.
    const [first] = asPath;
    if (first?.kind !== 'sequence' || first.numbers[0] !== peer.as)
      return `AS path that does not begin with the peer's AS ${peer.as}`;
    return undefined;
  }
  // RFC 4456 section 8.
  if (originatorId === local.identifier) return `originator ${originatorId}, which is our own identifier`;
  if (clusterList.includes(local.clusterId)) return `cluster list with our own cluster ${local.clusterId}`;
  return undefined;
}
