// Which forwarders are there, what they subscribed to, and how long the routes of those that left are kept. Owns the
// withdraw timers; never holds a route. Units: milliseconds.
import type { Clock } from '@hostpe/daemon';

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
  /**
   * How long stale routes are kept: after a session was lost, and again after the forwarder is back. One that comes back and is lost over and over
   * gets no more than these two: what it never publishes again must not stay for ever. Compare RFC 4724 section 4.2, consecutive restarts.
   */
  readonly withdrawDelay: number;
  readonly clock: Clock;
  /**
   * The withdraw timer of a forwarder fired: what has been stale since `until` or longer goes.
   * @returns since when the longest stale of the rest is.
   */
  readonly onWithdraw: (account: string, state: ForwarderState, until: number) => number | undefined;
}

export class Presence {
  readonly #options: PresenceOptions;
  #withdrawDelay: number;
  readonly #forwarders = new Map<string, Forwarder>();
  readonly #subscribers = new Map<string, Set<string>>();

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#withdrawDelay = options.withdrawDelay;
    for (const account of options.accounts) this.add(account);
  }

  /** One that may come from now on. */
  add(account: string): void {
    this.#forwarders.set(account, {
      state: 'absent',
      since: this.#options.clock.now(),
      subscriptions: new Map(),
      cancelWithdraw: () => {},
    });
  }

  /** One that has no session may not come any more. */
  remove(account: string): void {
    this.#forwarders.get(account)?.cancelWithdraw();
    this.#forwarders.delete(account);
  }

  /** What counts from the next session on that opens or is lost. */
  set withdrawDelay(delay: number) {
    this.#withdrawDelay = delay;
  }

  /**
   * A forwarder is back: its timer starts anew, for it has to publish again what it still has.
   * @param staleSince since when its longest stale route is.
   */
  opened(account: string, staleSince: number | undefined): void {
    this.#turn(account, 'online', staleSince);
  }

  /** A session was lost, and with it the subscriptions. @param staleSince since when its longest stale route is. */
  closed(account: string, staleSince: number | undefined): void {
    for (const vpn of [...this.subscriptions(account).keys()]) this.unsubscribed(account, vpn);
    this.#turn(account, 'lost', staleSince);
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

  /** In the order in which they were added. */
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

  #turn(account: string, state: ForwarderState, staleSince: number | undefined): void {
    const forwarder = this.#forwarders.get(account);
    if (forwarder === undefined) return;
    forwarder.state = state;
    forwarder.since = this.#options.clock.now();
    this.#arm(account, forwarder, this.#withdrawDelay, staleSince);
  }

  /** @param delay until all that is stale goes. */
  #arm(account: string, forwarder: Forwarder, delay: number, staleSince = Number.POSITIVE_INFINITY): void {
    const { clock, onWithdraw } = this.#options;
    const due = clock.now() + delay;
    const longest = 2 * this.#withdrawDelay;
    const left = Math.max(0, staleSince + longest - clock.now());
    forwarder.cancelWithdraw();
    forwarder.cancelWithdraw = clock.after(Math.min(delay, left), () => {
      const now = clock.now();
      const isDue = now >= due;
      const rest = onWithdraw(account, forwarder.state, isDue ? now : now - longest);
      if (!isDue) this.#arm(account, forwarder, due - now, rest);
    });
  }
}
