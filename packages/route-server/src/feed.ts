// What one session has still to hear, of all its VPNs: they take turns, message by message, each in its own order. Keeps nothing of a VPN
// of which there is nothing to say. Never sends: whoever reads for the peer asks for the next.
import type { Change, SharedBody } from './shared-body.ts';
import { VpnFeed, type VpnFeedOptions } from './vpn-feed.ts';

export type FeedOptions = Omit<VpnFeedOptions, 'vpn'>;

export class Feed {
  readonly #options: FeedOptions;
  /** Of the VPNs that have something to say, in the order of their turns. */
  readonly #busy = new Map<string, VpnFeed>();
  /** VPNs whose table was begun since they were subscribed to. */
  readonly #known = new Set<string>();
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
      const [first] = this.#busy;
      if (first === undefined) return undefined;
      const [vpn, feed] = first;
      const payloads = feed.next();
      this.#busy.delete(vpn);
      if (payloads === undefined) continue;
      this.#busy.set(vpn, feed);
      this.#payloads = payloads;
      this.#vpn = vpn;
    }
  }

  /** @param bodies makes the change's messages, the same for all who ask. */
  take(change: Change, bodies: () => readonly SharedBody[]): void {
    this.#of(change.event.vpn).take(change, bodies);
  }

  /** The whole table, again where it was sent before. */
  startTable(vpn: string): void {
    this.#of(vpn).startTable(this.#known.has(vpn));
    this.#known.add(vpn);
  }

  /** End-of-RIB that was not sent yet is not to be: the table is asked for anew. */
  forgetEndOfRib(vpn: string): void {
    this.#busy.get(vpn)?.forgetEndOfRib();
  }

  /** The peer left the VPN. */
  drop(vpn: string): void {
    this.#busy.get(vpn)?.close();
    this.#busy.delete(vpn);
    this.#known.delete(vpn);
    // What was of this subscription may be wrong in the next one.
    if (this.#vpn === vpn) this.#payloads = [];
  }

  close(): void {
    for (const feed of this.#busy.values()) feed.close();
    this.#busy.clear();
    this.#payloads = [];
  }

  #of(vpn: string): VpnFeed {
    const feed = this.#busy.get(vpn) ?? new VpnFeed({ ...this.#options, vpn });
    this.#busy.set(vpn, feed);
    return feed;
  }
}
