// The elements of an entry in the form that senders of today write, as numbers: which is in which.
// Source: draft-ietf-l3vpn-end-system-06 section 6.

// Which element is open: first those with children, then those with a text.
export const NOTHING = 0;
export const ENTRY = 1;
export const NLRI = 2;
const NEXTHOPS = 3;
export const NEXTHOP = 4;
export const ENCAPSULATIONS = 5;
export const NLRI_FAMILY = 6;
export const NLRI_SAFI = 7;
export const NLRI_ADDRESS = 8;
export const NEXTHOP_FAMILY = 9;
export const NEXTHOP_ADDRESS = 10;
export const NEXTHOP_LABEL = 11;
export const ENCAPSULATION = 12;
export const SEQUENCE_NUMBER = 13;
export const LOCAL_PREFERENCE = 14;
/** Something that only a tree can tell. */
export const UNKNOWN = 15;

/** Whether it has a text, and no element in it. */
export function hasText(element: number): boolean {
  return element >= NLRI_FAMILY && element < UNKNOWN;
}

/** What a child of the element that is open is. Of strings that are the same a switch only looks at their pointers. */
export function childOf(parent: number, name: string): number {
  switch (parent) {
    case NOTHING:
      return name === 'entry' ? ENTRY : UNKNOWN;
    case ENTRY:
      return childOfEntry(name);
    case NLRI:
      return childOfNlri(name);
    case NEXTHOPS:
      return name === 'next-hop' ? NEXTHOP : UNKNOWN;
    case NEXTHOP:
      return childOfNexthop(name);
    case ENCAPSULATIONS:
      return name === 'tunnel-encapsulation' ? ENCAPSULATION : UNKNOWN;
    default:
      return UNKNOWN;
  }
}

function childOfEntry(name: string): number {
  switch (name) {
    case 'nlri':
      return NLRI;
    case 'next-hops':
      return NEXTHOPS;
    case 'sequence-number':
      return SEQUENCE_NUMBER;
    case 'local-preference':
      return LOCAL_PREFERENCE;
    default:
      return UNKNOWN;
  }
}

function childOfNlri(name: string): number {
  switch (name) {
    case 'af':
      return NLRI_FAMILY;
    case 'safi':
      return NLRI_SAFI;
    case 'address':
      return NLRI_ADDRESS;
    default:
      return UNKNOWN;
  }
}

function childOfNexthop(name: string): number {
  switch (name) {
    case 'af':
      return NEXTHOP_FAMILY;
    case 'address':
      return NEXTHOP_ADDRESS;
    case 'label':
      return NEXTHOP_LABEL;
    case 'tunnel-encapsulation-list':
      return ENCAPSULATIONS;
    default:
      return UNKNOWN;
  }
}

/** What an element is in, by element. */
export const PARENTS: readonly number[] = [
  NOTHING,
  NOTHING,
  ENTRY,
  ENTRY,
  NEXTHOPS,
  NEXTHOP,
  NLRI,
  NLRI,
  NLRI,
  NEXTHOP,
  NEXTHOP,
  NEXTHOP,
  ENCAPSULATIONS,
  ENTRY,
  ENTRY,
];
