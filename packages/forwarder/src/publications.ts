// What route servers should hold of us: one item per VPN and prefix of each attachment that can take packets. Pure.
// Source: draft-ietf-l3vpn-end-system-06 section 6.
import type { Encapsulation, IpAddress, IpPrefix, Label } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import type { Attachment } from './attachments.ts';

/** What one VPN should be at every route server. */
export interface VpnPublications {
  readonly instanceId: number;
  /** By item id. */
  readonly routes: ReadonlyMap<string, VpnRoute>;
  /** Whether nothing more is expected soon, so that End-of-RIB may be said. */
  readonly settled: boolean;
}

/** By VPN. A VPN that is absent is to be unsubscribed. */
export type Publications = ReadonlyMap<string, VpnPublications>;

export interface ReadyAttachment {
  readonly attachment: Attachment;
  readonly label: Label;
}

/** The form that the draft recommends: unique among hosts, and it tells an operator where a route comes from. */
function itemId(pe: IpAddress, instanceId: number, prefix: IpPrefix): string {
  return `${pe}:${instanceId}:${prefix}`;
}

/**
 * The routes of one VPN's ready attachments, by item id.
 * A publish has one nexthop, so of several attachments with the same prefix one is published: the highest local-preference, then the highest
 * sequence-number, then the first by interface name. The next takes over when that one goes down or is detached.
 */
export function publishedRoutes(
  pe: IpAddress,
  instanceId: number,
  encapsulations: readonly Encapsulation[],
  ready: readonly ReadyAttachment[],
): ReadonlyMap<string, VpnRoute> {
  const chosen = new Map<IpPrefix, ReadyAttachment>();
  for (const candidate of ready) {
    for (const prefix of candidate.attachment.addresses) {
      const present = chosen.get(prefix);
      if (present === undefined || isPreferred(candidate.attachment, present.attachment))
        chosen.set(prefix, candidate);
    }
  }
  const routes = new Map<string, VpnRoute>();
  for (const [prefix, { attachment, label }] of chosen) {
    const id = itemId(pe, instanceId, prefix);
    routes.set(id, {
      id,
      prefix,
      nexthops: [{ address: pe, label, encapsulations }],
      ...(attachment.sequenceNumber === undefined ? {} : { sequenceNumber: attachment.sequenceNumber }),
      ...(attachment.localPreference === undefined ? {} : { localPreference: attachment.localPreference }),
    });
  }
  return routes;
}

const defaultLocalPreference = 100;

function isPreferred(a: Attachment, b: Attachment): boolean {
  const preference =
    (a.localPreference ?? defaultLocalPreference) - (b.localPreference ?? defaultLocalPreference);
  if (preference !== 0) return preference > 0;
  const sequence = (a.sequenceNumber ?? 0) - (b.sequenceNumber ?? 0);
  if (sequence !== 0) return sequence > 0;
  return a.interface < b.interface;
}
