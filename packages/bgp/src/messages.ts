// BGP messages as values: what the codec makes of bytes and bytes of. Owns the types; no I/O, no state.
// Units: times are seconds as on the wire, unless the name says otherwise. AS numbers are 32-bit (RFC 6793): AS_TRANS never leaves the codec.
import type { IpAddress, IpPrefix, Label, RouteDistinguisher, RouteTarget } from '@hostpe/net';

/** RFC 4271 section 4.1. */
export type Message =
  | OpenMessage
  | UpdateMessage
  | NotificationMessage
  | KeepaliveMessage
  | RouteRefreshMessage;

/** The families that are spoken: VPNv4, VPNv6 (RFC 4364, 4659), route-target constraint (RFC 4684). */
export type Family = 'vpnv4' | 'vpnv6' | 'rtc';

export interface OpenMessage {
  readonly type: 'open';
  readonly as: number;
  /** 0, or at least 3. */
  readonly holdTime: number;
  /** BGP identifier, as an IPv4 address. */
  readonly identifier: IpAddress;
  readonly capabilities: readonly Capability[];
}

export type Capability =
  | { readonly kind: 'multiprotocol'; readonly family: Family | OtherFamily }
  | { readonly kind: 'route-refresh' }
  | { readonly kind: 'enhanced-route-refresh' }
  | { readonly kind: 'extended-message' }
  /** RFC 8950: the nexthop address families that a family may have. */
  | {
      readonly kind: 'extended-nexthop';
      readonly entries: readonly {
        readonly family: Family | OtherFamily;
        readonly nexthop: 'ipv4' | 'ipv6';
      }[];
    }
  | { readonly kind: 'as4'; readonly as: number }
  /** RFC 4724, with the N bit of RFC 8538. */
  | {
      readonly kind: 'graceful-restart';
      readonly restarting: boolean;
      readonly notification: boolean;
      readonly time: number;
      readonly families: readonly { readonly family: Family | OtherFamily; readonly forwarding: boolean }[];
    }
  /** RFC 9494. */
  | {
      readonly kind: 'long-lived-graceful-restart';
      readonly families: readonly {
        readonly family: Family | OtherFamily;
        readonly forwarding: boolean;
        readonly time: number;
      }[];
    }
  /** RFC 7911. */
  | {
      readonly kind: 'add-path';
      readonly families: readonly {
        readonly family: Family | OtherFamily;
        readonly mode: 'receive' | 'send' | 'both';
      }[];
    }
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array };

/** A family that is not spoken, kept by its numbers. */
export interface OtherFamily {
  readonly afi: number;
  readonly safi: number;
}

export interface KeepaliveMessage {
  readonly type: 'keepalive';
}

/** RFC 4271 section 4.5; codes and subcodes by number, text for people in notification-texts. */
export interface NotificationMessage {
  readonly type: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** RFC 2918; `kind` of RFC 7313. */
export interface RouteRefreshMessage {
  readonly type: 'route-refresh';
  readonly family: Family | OtherFamily;
  readonly kind: 'request' | 'begin' | 'end';
}

/** What one UPDATE says (RFC 4271 section 4.3, RFC 4760). An UPDATE that announces and withdraws nothing of a family is its End-of-RIB (RFC 4724 section 2). */
export interface UpdateMessage {
  readonly type: 'update';
  /** Undefined where nothing is announced. */
  readonly attributes: PathAttributes | undefined;
  readonly announced: Announced | undefined;
  /** At most one a family. Two where an UPDATE withdraws of one family and what it announces of the other is treated as withdrawn. */
  readonly withdrawn: readonly Withdrawn[];
  readonly endOfRib: Family | OtherFamily | undefined;
  /** What was wrong and did not end the session (RFC 7606): each with what was done about it. */
  readonly problems: readonly UpdateProblem[];
}

export interface UpdateProblem {
  /** `nlri-discard`: NLRI that can never have been announced, as they have no value here (a family that is not spoken, an RD of an unknown type). */
  readonly reaction: 'attribute-discard' | 'treat-as-withdraw' | 'nlri-discard';
  /** For an operator: names the attribute or the NLRI at fault. */
  readonly reason: string;
}

export type Announced =
  | { readonly family: 'vpnv4' | 'vpnv6'; readonly nexthop: IpAddress; readonly routes: readonly VpnNlri[] }
  | { readonly family: 'rtc'; readonly nexthop: IpAddress; readonly memberships: readonly RtcNlri[] };

export type Withdrawn =
  | { readonly family: 'vpnv4' | 'vpnv6'; readonly routes: readonly VpnNlri[] }
  | { readonly family: 'rtc'; readonly memberships: readonly RtcNlri[] };

/** RFC 8277, RFC 4364 section 4.3.4. */
export interface VpnNlri {
  readonly rd: RouteDistinguisher;
  readonly prefix: IpPrefix;
  /** The label stack's only label; of a withdrawal 0, as what it says has no meaning. */
  readonly label: Label;
  /** RFC 7911; undefined where add-path is not spoken. */
  readonly pathId: number | undefined;
}

/** RFC 4684 section 4: 0 bits (all route targets), 32 (all of an AS), or a prefix of AS and route target up to 96. */
export interface RtcNlri {
  /** Undefined for the default route target. */
  readonly originAs: number | undefined;
  /** The bits of the route target, 8 bytes, zero behind `length`. */
  readonly target: Uint8Array;
  /** 0, or 32 to 96. */
  readonly length: number;
}

/** What a path is announced with. One object is shared by all NLRI of an UPDATE. */
export interface PathAttributes {
  readonly origin: 'igp' | 'egp' | 'incomplete';
  readonly asPath: readonly AsPathSegment[];
  readonly med: number | undefined;
  readonly localPreference: number | undefined;
  readonly atomicAggregate: boolean;
  readonly aggregator: { readonly as: number; readonly identifier: IpAddress } | undefined;
  /** RFC 1997, as 32-bit numbers. */
  readonly communities: readonly number[];
  readonly originatorId: IpAddress | undefined;
  readonly clusterList: readonly IpAddress[];
  readonly routeTargets: readonly RouteTarget[];
  /** The other extended communities (RFC 4360, 5701), in hexadecimal: 8 bytes each, behind them those of RFC 5701 with 20; among them Encapsulation (RFC 9012 section 4.1) and MAC Mobility (RFC 7432 section 7.7). */
  readonly extendedCommunities: readonly string[];
  /** RFC 8092, each as three numbers. */
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  /** Tunnel types of the Tunnel Encapsulation attribute (RFC 9012 section 3). */
  readonly tunnels: readonly Tunnel[];
  /** Optional transitive attributes that are not known: passed on with the partial bit. */
  readonly unknown: readonly { readonly flags: number; readonly code: number; readonly value: Uint8Array }[];
}

export interface AsPathSegment {
  readonly kind: 'sequence' | 'set' | 'confederation-sequence' | 'confederation-set';
  readonly numbers: readonly number[];
}

/** RFC 9012 section 3: type 2 is GRE, 13 MPLS in UDP (RFC 7510). */
export interface Tunnel {
  readonly type: number;
  /** Undefined: the nexthop. */
  readonly endpoint: IpAddress | undefined;
  /** Other sub-TLVs as they came. */
  readonly subTlvs: readonly { readonly type: number; readonly value: Uint8Array }[];
}
