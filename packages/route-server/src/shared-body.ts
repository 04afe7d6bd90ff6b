// Messages that many sessions send: each is serialised when the first of them takes it, and kept for as long as one waits for it.
// Owns the count of what is kept. Sizes in bytes, as estimated: nothing is serialised to be measured.
import type { VpnEvent } from '@hostpe/signaling';
import { sizeOf } from './segments.ts';

/** More than an item or a next-hop takes on the wire, in any dialect, unless names are very long. */
const BYTES_OF_ONE = 400;

/** An event, and which of its routes none of its receivers had before. */
export interface Change {
  readonly event: VpnEvent;
  /** Where each of the routes, then each of the retracted items, was in the table before; see Rib. Empty for End-of-RIB. */
  readonly places: readonly number[];
  readonly size: number;
}

export function changeOf(event: VpnEvent, places: readonly number[]): Change {
  return { event, places, size: estimate(event) };
}

/** How much is kept for all sessions together. */
export interface KeptBytes {
  total: number;
}

export class SharedBody {
  /** One segment of the change's. */
  readonly event: VpnEvent;
  readonly change: Change;
  readonly size: number;
  readonly #encode: (event: VpnEvent) => readonly Uint8Array[];
  readonly #kept: KeptBytes;
  #payloads: readonly Uint8Array[] | undefined;
  #receivers = 0;

  constructor(
    event: VpnEvent,
    change: Change,
    encode: (event: VpnEvent) => readonly Uint8Array[],
    kept: KeptBytes,
  ) {
    this.event = event;
    this.change = change;
    this.size = estimate(event);
    this.#encode = encode;
    this.#kept = kept;
  }

  /** One receiver more waits for it. */
  keep(): this {
    if (this.#receivers === 0) this.#kept.total += this.size;
    this.#receivers += 1;
    return this;
  }

  /** One that waited for it does so no more. */
  release(): void {
    this.#receivers -= 1;
    if (this.#receivers > 0) return;
    this.#kept.total -= this.size;
    this.#payloads = undefined;
  }

  /** The payloads of its messages, in order. */
  payloads(): readonly Uint8Array[] {
    this.#payloads ??= this.#encode(this.event);
    return this.#payloads;
  }
}

function estimate(event: VpnEvent): number {
  let size = 1;
  if (event.kind === 'items') {
    for (const id of event.retractedIds) size += sizeOf(id);
    for (const route of event.routes) size += sizeOf(route);
  }
  return size * BYTES_OF_ONE;
}
