// Subscribers that read when they like, without the wire: each has a feed, whose messages are events as JSON.
import type { VpnEvent } from '@hostpe/signaling';
import type { ControlPlaneOptions } from '../src/control-plane.ts';
import { Feed } from '../src/feed.ts';
import type { Rib } from '../src/rib.ts';

export interface ReadersOptions {
  readonly rib: () => Rib;
  /** A message that somebody read. */
  readonly take: (account: string, event: VpnEvent) => void;
  /** Whether they read all there is whenever there is something. */
  readonly atOnce: boolean;
  /** Where not said, a table of some routes is one message. */
  readonly segmentSize?: number;
}

export class Readers {
  readonly #options: ReadersOptions;
  readonly #feeds = new Map<string, Feed>();

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  /** The feed of one that has a session, or is taken to have one. */
  of(account: string): Feed {
    const { rib, segmentSize } = this.#options;
    const feed =
      this.#feeds.get(account) ??
      new Feed({
        tables: rib().tables,
        encode: (vpn, said) => [Buffer.from(JSON.stringify(eventOf(vpn, said)))],
        ...(segmentSize !== undefined && { segmentSize }),
      });
    this.#feeds.set(account, feed);
    return feed;
  }

  /** What a control plane calls. */
  get calls(): Pick<ControlPlaneOptions, 'run' | 'changed' | 'endOfRib' | 'startTable' | 'endSession'> {
    const each = (accounts: Iterable<string>, tell: (feed: Feed) => void) => {
      for (const account of accounts) {
        tell(this.of(account));
        if (this.#options.atOnce) this.read(account);
      }
    };
    return {
      run: runAtOnce,
      changed: (vpn, accounts) => each(accounts, (feed) => feed.changed(vpn)),
      endOfRib: (vpn, accounts) => each(accounts, (feed) => feed.endOfRib(vpn)),
      startTable: (vpn, account) => each([account], (feed) => feed.startTable(vpn)),
      endSession: () => {},
    };
  }

  /** @param count of messages at the most. */
  read(account: string, count = Number.POSITIVE_INFINITY): void {
    for (let read = 0; read < count; read++) {
      const payload = this.of(account).next();
      if (payload === undefined) return;
      this.#options.take(account, JSON.parse(String(payload)) as VpnEvent);
    }
  }

  close(account: string): void {
    this.#feeds.get(account)?.close();
    this.#feeds.delete(account);
  }
}

/** Takes all steps before it returns. */
export function runAtOnce(steps: Iterable<unknown>, done: () => void): void {
  for (const _ of steps);
  done();
}

type Said = Parameters<ConstructorParameters<typeof Feed>[0]['encode']>[1];

function eventOf(vpn: string, said: Said): VpnEvent {
  if (said === 'end-of-rib') return { kind: 'end-of-rib', vpn };
  return { kind: 'items', vpn, routes: said.routes, retractedIds: said.withdrawn, rejected: [] };
}
