// Path attributes by number (IANA "BGP Path Attributes"), and the flags that each must have (RFC 4271 section 4.3).

export const optional = 0x80;
export const transitive = 0x40;
export const partial = 0x20;
export const extendedLength = 0x10;

const wellKnown = transitive;
const optionalTransitive = optional | transitive;

/** By code. */
export const known: Readonly<Record<number, { readonly name: string; readonly flags: number }>> = {
  1: { name: 'ORIGIN', flags: wellKnown },
  2: { name: 'AS_PATH', flags: wellKnown },
  3: { name: 'NEXT_HOP', flags: wellKnown },
  4: { name: 'MULTI_EXIT_DISC', flags: optional },
  5: { name: 'LOCAL_PREF', flags: wellKnown },
  6: { name: 'ATOMIC_AGGREGATE', flags: wellKnown },
  7: { name: 'AGGREGATOR', flags: optionalTransitive },
  8: { name: 'COMMUNITIES', flags: optionalTransitive },
  9: { name: 'ORIGINATOR_ID', flags: optional },
  10: { name: 'CLUSTER_LIST', flags: optional },
  14: { name: 'MP_REACH_NLRI', flags: optional },
  15: { name: 'MP_UNREACH_NLRI', flags: optional },
  16: { name: 'EXTENDED_COMMUNITIES', flags: optionalTransitive },
  17: { name: 'AS4_PATH', flags: optionalTransitive },
  18: { name: 'AS4_AGGREGATOR', flags: optionalTransitive },
  23: { name: 'TUNNEL_ENCAPSULATION', flags: optionalTransitive },
  25: { name: 'IPV6_EXTENDED_COMMUNITIES', flags: optionalTransitive },
  32: { name: 'LARGE_COMMUNITY', flags: optionalTransitive },
};

export const mpReach = 14;
export const mpUnreach = 15;
