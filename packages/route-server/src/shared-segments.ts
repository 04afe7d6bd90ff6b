// Messages that many sessions send: each is serialised when the first of them takes it, and kept for a while, for those that are close behind.
// Owns how much is kept; what is not kept is serialised again. Sizes in bytes.
import type { VpnRoute } from '@hostpe/signaling';
import type { TableSegment } from './table-reader.ts';

interface Kept {
  readonly vpn: string;
  readonly segment: TableSegment;
  readonly payloads: readonly Uint8Array[];
  readonly size: number;
}

/** Holds what thousands of sessions that keep up are told within a second or so. */
const MOST_KEPT = 16 * 1024 * 1024;

/** Of sessions of one dialect. */
export class SharedSegments {
  readonly #most: number;
  /** By the first route or, where there is none, the first prefix; the one that was used last is the last. */
  readonly #kept = new Map<VpnRoute | string, Kept>();
  #size = 0;

  constructor(most = MOST_KEPT) {
    this.#most = most;
  }

  /** The payloads of a segment's messages, the same bytes for the same routes. */
  payloads(
    vpn: string,
    segment: TableSegment,
    encode: (segment: TableSegment) => readonly Uint8Array[],
  ): readonly Uint8Array[] {
    const key = segment.routes[0] ?? `${vpn} ${segment.withdrawn[0]}`;
    const known = this.#kept.get(key);
    if (known !== undefined) this.#remove(key, known);
    const kept =
      known?.vpn === vpn && isSame(known.segment, segment) ? known : keptOf(vpn, segment, encode(segment));
    this.#kept.set(key, kept);
    this.#size += kept.size;
    for (const [oldest, one] of this.#kept) {
      if (this.#size <= this.#most) break;
      this.#remove(oldest, one);
    }
    return kept.payloads;
  }

  #remove(key: VpnRoute | string, { size }: Kept): void {
    this.#kept.delete(key);
    this.#size -= size;
  }
}

function keptOf(vpn: string, segment: TableSegment, payloads: readonly Uint8Array[]): Kept {
  return { vpn, segment, payloads, size: payloads.reduce((sum, { length }) => sum + length, 0) };
}

/** A route that changed is another object. */
function isSame(a: TableSegment, b: TableSegment): boolean {
  return isEqual(a.routes, b.routes) && isEqual(a.withdrawn, b.withdrawn);
}

function isEqual<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
