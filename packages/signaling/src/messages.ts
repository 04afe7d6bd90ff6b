// VPN-route messages as values, the same for every dialect. Owns no XML and no sockets.
// Source: draft-ietf-l3vpn-end-system-06 section 6.
import type { Encapsulation, IpAddress, IpPrefix, Label } from '@hostpe/net';

/** A VPN route as a message carries it. Key: (VPN, prefix); `id` only names the item in a later retract. */
export interface VpnRoute {
  readonly id: string;
  readonly prefix: IpPrefix;
  /** At least one; exactly one from a forwarder, several towards it are ECMP. No two with the same address and label. */
  readonly nexthops: readonly VpnNexthop[];
  /** Higher is newer; 32 bits. */
  readonly sequenceNumber?: number;
  /** 32 bits; absent means the receiver's default, 100. */
  readonly localPreference?: number;
}

export interface VpnNexthop {
  /** The forwarder's underlay address. */
  readonly address: IpAddress;
  readonly label: Label;
  /** What that forwarder can receive, most preferred first; empty means GRE. */
  readonly encapsulations: readonly Encapsulation[];
}

/** An item that was not understood or not valid; the others of its message stand. */
export interface RejectedItem {
  /** Absent where the item had none, or none that can be used. */
  readonly id: string | undefined;
  /** For an operator and for the peer: names the item and what is wrong with it. */
  readonly reason: string;
}

/** From a forwarder to a route server: the pubsub child of an iq set. */
export type VpnRequest =
  | {
      readonly kind: 'subscribe';
      readonly vpn: string;
      /** 16 bits; the forwarder's number of the VPN, for the route distinguisher. */
      readonly instanceId?: number;
    }
  | { readonly kind: 'unsubscribe'; readonly vpn: string }
  | {
      readonly kind: 'publish';
      readonly vpn: string;
      /** In the order of the message: of two items with one id the later one counts. */
      readonly routes: readonly VpnRoute[];
      /** Made by the decoder; an encoder does not look at it. */
      readonly rejected: readonly RejectedItem[];
    }
  | {
      readonly kind: 'retract';
      readonly vpn: string;
      /** At least one. An item that came without an id is '' here: it names no route. */
      readonly ids: readonly string[];
    }
  /** All routes that the forwarder has in this VPN were published since it subscribed. */
  | { readonly kind: 'end-of-rib'; readonly vpn: string };

/** From a route server to a forwarder: the event child of a message. */
export type VpnEvent =
  | {
      readonly kind: 'items';
      readonly vpn: string;
      readonly routes: readonly VpnRoute[];
      /** None of them is the id of one of `routes`: of an id that is published and retracted, the last word counts. */
      readonly retractedIds: readonly string[];
      /** Withdrawn whatever the ids of their items are; made by the decoder, an encoder does not look at it. */
      readonly retractedPrefixes?: readonly IpPrefix[];
      /** Made by the decoder; an encoder does not look at it. */
      readonly rejected: readonly RejectedItem[];
    }
  /** All routes of this VPN were sent since the subscription. */
  | { readonly kind: 'end-of-rib'; readonly vpn: string };

/** What an encoder of requests needs to know besides the request. */
export interface RequestContext {
  /** The forwarder's full JID. */
  readonly jid: string;
  /** The prefix of an item that was published and not yet retracted: contrail retracts by prefix. */
  readonly prefixOf: (vpn: string, id: string) => IpPrefix | undefined;
}
