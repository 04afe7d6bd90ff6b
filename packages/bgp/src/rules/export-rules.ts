// What of a path a peer is told, and with which attributes. Pure; knows no route target's audience (rtc/) and keeps nothing.
import type { IpAddress } from '@hostpe/net';
import type { AsPathSegment, PathAttributes } from '../messages.ts';
import { hasCommunity, noAdvertise, noExport, noExportSubconfed, staleLongLived } from './communities.ts';
import { isEncapsulation, isTransitive } from './extended-communities.ts';

/** What the rules know of this speaker. */
export interface LocalFacts {
  readonly as: number;
  readonly identifier: IpAddress;
  /** RFC 4456 section 7. */
  readonly clusterId: IpAddress;
}

/** How the encapsulations of our own routes are said: in the Tunnel Encapsulation attribute (RFC 9012 section 3), in the extended community (section 4.1), or in both. */
export type EncapsulationForm = 'attribute' | 'community' | 'both';

/** What the rules know of a peer. */
export interface PeerFacts {
  readonly kind: 'internal' | 'external';
  readonly as: number;
  readonly address: IpAddress;
  readonly routeReflectorClient: boolean;
  readonly encapsulation: EncapsulationForm;
  /** It speaks RFC 9494. */
  readonly longLived: boolean;
}

/** What the rules know of where a path is from. */
export interface SourceFacts {
  /** `local`: this speaker's own. */
  readonly kind: 'local' | 'internal' | 'external';
  readonly routeReflectorClient: boolean;
  /** BGP identifier. */
  readonly identifier: IpAddress;
}

/** RFC 4271 section 4.3 allows no longer segment. */
const longestSegment = 255;

/**
 * The attributes that a path has for a peer; undefined where the peer is not to hear of it. The nexthop stays as it is towards every
 * peer: it is the forwarder that decapsulates (draft-ietf-l3vpn-end-system-06 section 7), and this speaker forwards nothing.
 */
export function exportedAttributes(
  attributes: PathAttributes,
  nexthop: IpAddress,
  source: SourceFacts,
  peer: PeerFacts,
  local: LocalFacts,
): PathAttributes | undefined {
  // RFC 4271 section 5.1.3: a peer cannot use itself as nexthop.
  if (nexthop === peer.address) return undefined;
  const { communities } = attributes;
  if (hasCommunity(communities, noAdvertise)) return undefined;
  // RFC 9494 section 4.3: who does not know what it means would take it for a good route.
  if (hasCommunity(communities, staleLongLived) && !peer.longLived) return undefined;
  const own = source.kind === 'local' ? inForm(attributes, peer.encapsulation) : attributes;
  if (peer.kind === 'external') {
    if (hasCommunity(communities, noExport) || hasCommunity(communities, noExportSubconfed)) return undefined;
    return toExternal(own, source, local);
  }
  if (source.kind !== 'internal')
    return own.localPreference === undefined ? { ...own, localPreference: defaultLocalPreference } : own;
  // RFC 4456 section 6: between peers of this AS only to and from clients.
  if (!source.routeReflectorClient && !peer.routeReflectorClient) return undefined;
  return {
    ...own,
    originatorId: own.originatorId ?? source.identifier,
    clusterList: [local.clusterId, ...own.clusterList],
  };
}

const defaultLocalPreference = 100;

function toExternal(attributes: PathAttributes, source: SourceFacts, local: LocalFacts): PathAttributes {
  return {
    ...attributes,
    asPath: prepended(attributes.asPath, local.as),
    // RFC 4271 section 5.1.4: what a neighbour's AS said of its links is not for another one.
    med: source.kind === 'local' ? attributes.med : undefined,
    localPreference: undefined,
    originatorId: undefined,
    clusterList: [],
    // RFC 4360 section 6.
    extendedCommunities: attributes.extendedCommunities.filter(isTransitive),
  };
}

/** RFC 4271 section 5.1.2. */
function prepended(asPath: readonly AsPathSegment[], as: number): readonly AsPathSegment[] {
  const [first, ...others] = asPath;
  if (first?.kind === 'sequence' && first.numbers.length < longestSegment)
    return [{ kind: 'sequence', numbers: [as, ...first.numbers] }, ...others];
  return [{ kind: 'sequence', numbers: [as] }, ...asPath];
}

function inForm(attributes: PathAttributes, form: EncapsulationForm): PathAttributes {
  if (form === 'both') return attributes;
  if (form === 'attribute')
    return {
      ...attributes,
      extendedCommunities: attributes.extendedCommunities.filter((community) => !isEncapsulation(community)),
    };
  return { ...attributes, tunnels: [] };
}
