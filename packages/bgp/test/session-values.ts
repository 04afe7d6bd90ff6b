// What the tests of sessions share: configurations of two peers and a clock that moves when a test says so.
import { parseIpAddress } from '@hostpe/net';
import { defaultTimes, type SessionClock, type SessionConfiguration } from '../src/index.ts';

export const configuration: SessionConfiguration = {
  localAs: 65_000,
  identifier: parseIpAddress('192.0.2.1'),
  peerAs: 65_000,
  families: ['vpnv4', 'vpnv6', 'rtc'],
  requiredFamilies: [],
  holdTime: 90,
  passive: false,
  addPathReceive: [],
  addPathSend: [],
  extendedNexthop: false,
  gracefulRestart: undefined,
  longLived: [],
  times: defaultTimes,
};

export function configured(changes: Partial<SessionConfiguration>): SessionConfiguration {
  return { ...configuration, ...changes };
}

export const graceful: SessionConfiguration['gracefulRestart'] = {
  restarting: false,
  time: 120,
  families: [{ family: 'vpnv4', forwarding: true }],
};

/** Milliseconds. */
export class ManualClock implements SessionClock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  after(delay: number, callback: () => void): () => void {
    const timer = { at: this.#now + delay, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  get pending(): number {
    return this.#timers.size;
  }

  advance(by: number): void {
    const end = this.#now + by;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }
}
