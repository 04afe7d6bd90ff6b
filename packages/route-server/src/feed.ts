// What one session has still to hear, of all its VPNs: they take turns, message by message, each in its own order. Never sends: whoever
// reads for the peer asks for the next.

import type { TableSegment } from './table-reader.ts';
import { SEGMENT_SIZE, VpnFeed } from './vpn-feed.ts';
import type { VpnTables } from './vpn-tables.ts';

export interface FeedOptions {
  readonly tables: Pick<VpnTables, 'reader'>;
  /** The payloads of the messages that say something of a VPN, perhaps none. */
  readonly encode: (vpn: string, said: TableSegment | 'end-of-rib') => readonly Uint8Array[];
  /** Of a message, as `sizeOf` counts. */
  readonly segmentSize?: number;
}

export class Feed {
  readonly #options: FeedOptions;
  /** Of VPNs whose table was asked for. */
  readonly #feeds = new Map<string, VpnFeed>();
  /** VPNs that may have something to say, in the order of their turns. */
  readonly #busy = new Set<string>();
  /** Of `#vpn`, of which so many were given. */
  #payloads: readonly Uint8Array[] = [];
  #taken = 0;
  #vpn = '';

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** The next payload; undefined when there is nothing more. */
  next(): Uint8Array | undefined {
    for (;;) {
      const payload = this.#payloads[this.#taken];
      this.#taken += 1;
      if (payload !== undefined) return payload;
      this.#taken = 0;
      this.#payloads = [];
      const [vpn] = this.#busy;
      if (vpn === undefined) return undefined;
      const said = this.#feeds.get(vpn)?.next();
      this.#busy.delete(vpn);
      if (said === undefined) continue;
      this.#busy.add(vpn);
      this.#payloads = this.#options.encode(vpn, said);
      this.#vpn = vpn;
    }
  }

  /** The table of a VPN changed. */
  changed(vpn: string): void {
    if (this.#feeds.has(vpn)) this.#busy.add(vpn);
  }

  /** The whole table, again where it was asked for before. */
  startTable(vpn: string): void {
    const known = this.#feeds.get(vpn);
    if (known !== undefined) known.restart();
    else {
      const { tables, segmentSize = SEGMENT_SIZE } = this.#options;
      const reader = tables.reader(vpn);
      if (reader === undefined) return;
      this.#feeds.set(vpn, new VpnFeed(reader, segmentSize));
    }
    this.#busy.add(vpn);
  }

  /** End-of-RIB, behind what there is to say now. */
  endOfRib(vpn: string): void {
    this.#feeds.get(vpn)?.endOfRib();
    this.changed(vpn);
  }

  /** End-of-RIB that was not sent yet is not to be: the table is asked for anew. */
  forgetEndOfRib(vpn: string): void {
    this.#feeds.get(vpn)?.forgetEndOfRib();
  }

  /** The peer left the VPN. */
  drop(vpn: string): void {
    this.#feeds.get(vpn)?.close();
    this.#feeds.delete(vpn);
    this.#busy.delete(vpn);
    // What was of this subscription may be wrong in the next one.
    if (this.#vpn === vpn) this.#payloads = [];
  }

  close(): void {
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
    this.#busy.clear();
    this.#payloads = [];
  }
}
