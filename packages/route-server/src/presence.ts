// Which forwarders are there, what they subscribed to, and how long the routes of those that left are kept. Owns the
// withdraw timers; never holds a route. Units: milliseconds.
import type { Clock } from './clock.ts';

/** `absent`: no session since the route server started. `lost`: had one; its routes are kept until the timer fires. */
export type ForwarderState = 'absent' | 'online' | 'lost';

interface Forwarder {
  state: ForwarderState;
  /** When `state` began. */
  since: number;
  /** VPN to the instance-id that the forwarder gave. */
  readonly subscriptions: Map<string, number | undefined>;
  cancelWithdraw: () => void;
}

export interface PresenceOptions {
  readonly accounts: Iterable<string>;
  /** How long stale routes are kept: after a session was lost, and again after the forwarder is back. */
  readonly withdrawDelay: number;
  readonly clock: Clock;
  /** The withdraw timer of a forwarder fired: what is still stale of it goes. */
  readonly onWithdraw: (account: string, state: ForwarderState) => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #forwarders = new Map<string, Forwarder>();
  readonly #subscribers = new Map<string, Set<string>>();

  constructor(options: PresenceOptions) {
    this.#options = options;
    for (const account of options.accounts)
      this.#forwarders.set(account, {
        state: 'absent',
        since: options.clock.now(),
        subscriptions: new Map(),
        cancelWithdraw: () => {},
      });
  }

  /** A forwarder is back: its timer starts anew, for it has to publish again what it still has. */
  opened(account: string): void {
    this.#turn(account, 'online');
  }

  /** A session was lost, and with it the subscriptions. */
  closed(account: string): void {
    for (const vpn of [...this.subscriptions(account).keys()]) this.unsubscribed(account, vpn);
    this.#turn(account, 'lost');
  }

  subscribed(account: string, vpn: string, instanceId: number | undefined): void {
    this.#forwarders.get(account)?.subscriptions.set(vpn, instanceId);
    const subscribers = this.#subscribers.get(vpn) ?? new Set();
    this.#subscribers.set(vpn, subscribers.add(account));
  }

  unsubscribed(account: string, vpn: string): void {
    this.#forwarders.get(account)?.subscriptions.delete(vpn);
    this.#subscribers.get(vpn)?.delete(account);
  }

  /** VPN to instance-id; live, empty while the forwarder is not online. */
  subscriptions(account: string): ReadonlyMap<string, number | undefined> {
    return this.#forwarders.get(account)?.subscriptions ?? new Map();
  }

  /** Accounts that subscribed to a VPN; live. */
  subscribers(vpn: string): ReadonlySet<string> {
    return this.#subscribers.get(vpn) ?? new Set();
  }

  /** In the order of `accounts`. */
  *forwarders(): Generator<{
    readonly account: string;
    readonly state: ForwarderState;
    readonly since: number;
  }> {
    for (const [account, { state, since }] of this.#forwarders) yield { account, state, since };
  }

  stop(): void {
    for (const forwarder of this.#forwarders.values()) forwarder.cancelWithdraw();
  }

  #turn(account: string, state: ForwarderState): void {
    const forwarder = this.#forwarders.get(account);
    if (forwarder === undefined) return;
    const { clock, withdrawDelay, onWithdraw } = this.#options;
    forwarder.state = state;
    forwarder.since = clock.now();
    forwarder.cancelWithdraw();
    forwarder.cancelWithdraw = clock.after(withdrawDelay, () => onWithdraw(account, state));
  }
}
