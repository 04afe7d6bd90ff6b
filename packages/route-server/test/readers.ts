// Subscribers that read when they like, without the wire: each has a feed, whose messages are events as JSON.
import type { VpnEvent } from '@hostpe/signaling';
import { Feed } from '../src/feed.ts';
import type { Rib } from '../src/rib.ts';
import { segments } from '../src/segments.ts';
import { changeOf, SharedBody } from '../src/shared-body.ts';

const JSON_EVENTS = {
  encode: (event: VpnEvent) => [Buffer.from(JSON.stringify(event))],
  // So little that tables come in several messages, and that who does not read falls behind.
  limits: { segment: 2, queued: 2_000, kept: 5_000 },
};

export class Readers {
  readonly kept = { total: 0 };
  readonly #feeds = new Map<string, Feed>();
  readonly #take: (account: string, event: VpnEvent) => void;

  constructor(take: (account: string, event: VpnEvent) => void) {
    this.#take = take;
  }

  open(account: string, rib: Rib): void {
    this.#feeds.set(account, new Feed({ ...JSON_EVENTS, rib, kept: this.kept }));
  }

  of(account: string): Feed {
    const feed = this.#feeds.get(account);
    if (feed === undefined) throw new Error(`${account} is not online`);
    return feed;
  }

  deliver(event: VpnEvent, accounts: Iterable<string>, places: readonly number[]): void {
    const change = changeOf(event, places);
    const { encode, limits } = JSON_EVENTS;
    const bodies = [...segments(event, limits.segment)].map(
      (segment) => new SharedBody(segment, change, encode, this.kept),
    );
    for (const account of accounts) this.of(account).take(change, () => bodies);
  }

  /** @param count of messages at the most. */
  read(account: string, count = Number.POSITIVE_INFINITY): void {
    for (let read = 0; read < count; read++) {
      const payload = this.of(account).next();
      if (payload === undefined) return;
      this.#take(account, JSON.parse(String(payload)) as VpnEvent);
    }
  }

  close(account: string): void {
    this.of(account).close();
    this.#feeds.delete(account);
  }
}
