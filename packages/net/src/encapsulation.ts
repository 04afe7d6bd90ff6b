// How an MPLS packet crosses the underlay.

/** `gre`: MPLS in GRE (RFC 4023). `udp`: MPLS in UDP (RFC 7510). */
export type Encapsulation = 'gre' | 'udp';
