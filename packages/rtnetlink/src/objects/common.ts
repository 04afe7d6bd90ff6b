// What the objects of several kinds share.

export type RouteFamily = 'ipv4' | 'ipv6' | 'mpls';

/** An attribute that no table of ours names, such as one of a later kernel: kept as it came, and sent as it is. */
export interface UnknownAttribute {
  /** nla_type with its flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
  readonly type: number;
  readonly value: Uint8Array;
}

/** A lightweight tunnel that is not MPLS (LWTUNNEL_ENCAP_* of linux/lwtunnel.h), carried as it is. */
export interface OtherEncap {
  readonly type: number;
  /** The attributes in RTA_ENCAP or NHA_ENCAP. */
  readonly attributes: Uint8Array;
}

/** What every kind of object may have besides its own facts. */
export interface Extensible {
  readonly unknown?: readonly UnknownAttribute[];
}
