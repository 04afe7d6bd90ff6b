// Holds End-of-RIB back, closed as it is made, until what the forwarders knew is known again: a subscriber that heard End-of-RIB
// earlier would sweep good routes out of its kernel. Owns who is awaited for which VPN; never holds a route or a session.
// Compare RFC 4724 section 4.1, Selection_Deferral_Timer. Units: milliseconds.
import type { Clock } from '@hostpe/daemon';
import type { Vpns } from './vpns.ts';

/**
 * A forwarder subscribes to all that it has as soon as it is online. One that is online, has said End-of-RIB where it
 * subscribed, and has asked for nothing during this time, has nothing in the other VPNs that it may join.
 */
const QUIET_TIME = 10_000;

export interface RestartGateOptions {
  readonly vpns: Vpns;
  /** Account to the VPNs that it may join. */
  readonly forwarders: ReadonlyMap<string, readonly string[]>;
  /** Names of the BGP peers: each may have routes of every VPN. */
  readonly peers?: Iterable<string>;
  /** The longest time that End-of-RIB is held back after the first forwarder is there; 0: not at all. */
  readonly delay: number;
  readonly clock: Clock;
  /** Called whenever the delay begins to count. */
  readonly onStart: () => void;
  /** Called once for each VPN that was held back, when it no longer is. */
  readonly onOpen: (vpn: string) => void;
}

export class RestartGate {
  readonly #vpns: Vpns;
  readonly #delay: number;
  readonly #clock: Clock;
  readonly #onStart: () => void;
  readonly #onOpen: (vpn: string) => void;
  /** By VPN in which they may publish: the forwarders that have not said yet that they published all. */
  readonly #awaited = new Map<string, Set<string>>();
  /** Peers that have not said yet that they announced all. */
  readonly #awaitedPeers = new Set<string>();
  readonly #closed = new Set<string>();
  readonly #quietTimers = new Map<string, () => void>();
  /** Undefined while the delay does not count. */
  #cancelDelay: (() => void) | undefined;

  constructor(options: RestartGateOptions) {
    this.#vpns = options.vpns;
    this.#delay = options.delay;
    this.#clock = options.clock;
    this.#onStart = options.onStart;
    this.#onOpen = options.onOpen;
    for (const vpn of options.vpns.names()) this.#awaited.set(vpn, new Set());
    if (options.delay === 0) return;
    for (const [account, vpns] of options.forwarders)
      for (const vpn of vpns) this.#awaited.get(vpn)?.add(account);
    for (const peer of options.peers ?? []) this.#awaitedPeers.add(peer);
    for (const vpn of options.vpns.names()) if (this.waitingFor(vpn).length > 0) this.#closed.add(vpn);
  }

  /** Whether nothing is held back any more. */
  get isOpenForAll(): boolean {
    return this.#closed.size === 0;
  }

  isOpen(vpn: string): boolean {
    return !this.#closed.has(vpn);
  }

  /** Accounts for which the End-of-RIB of a VPN waits, in order of name, and BGP peers behind them. */
  waitingFor(vpn: string): readonly string[] {
    const sources = this.#vpns.sources(vpn);
    const accounts = [...new Set(sources.flatMap((source) => [...(this.#awaited.get(source) ?? [])]))].sort();
    return this.#awaitedPeers.size === 0
      ? accounts
      : [...accounts, ...[...this.#awaitedPeers].sort().map((peer) => `BGP peer ${peer}`)];
  }

  /** A peer has announced all that it has. */
  peerComplete(peer: string): void {
    if (this.#awaitedPeers.delete(peer) && this.#awaitedPeers.size === 0)
      this.#openWhatMayBe(this.#vpns.names());
  }

  /** A forwarder has published all that it has in a VPN, or has left it. */
  complete(account: string, vpn: string): void {
    this.#forget(account, [vpn]);
  }

  /** What VPNs import of each other is not what it was, or there are others. */
  vpnsChanged(): void {
    const names = new Set(this.#vpns.names());
    for (const vpn of this.#closed) if (!names.has(vpn)) this.#closed.delete(vpn);
    this.#openWhatMayBe(names);
  }

  /** A forwarder came online or asked for something: its silence is counted from now. `subscriptions` (by VPN) is read when it ends. */
  active(account: string, subscriptions: ReadonlyMap<string, unknown>): void {
    this.gone(account);
    if (this.#closed.size === 0) return;
    if (this.#cancelDelay === undefined) this.#start();
    this.#quietTimers.set(
      account,
      this.#clock.after(QUIET_TIME, () => this.#quiet(account, subscriptions)),
    );
  }

  /** A forwarder's session was lost: its silence says nothing. */
  gone(account: string): void {
    this.#quietTimers.get(account)?.();
    this.#quietTimers.delete(account);
  }

  /** Stops all timers. The next forwarder that is active starts the delay anew. */
  stop(): void {
    this.#cancelDelay?.();
    this.#cancelDelay = undefined;
    for (const account of [...this.#quietTimers.keys()]) this.gone(account);
  }

  #start(): void {
    this.#cancelDelay = this.#clock.after(this.#delay, () => {
      for (const awaited of this.#awaited.values()) awaited.clear();
      this.#awaitedPeers.clear();
      this.#openWhatMayBe(this.#vpns.names());
    });
    this.#onStart();
  }

  #quiet(account: string, subscriptions: ReadonlyMap<string, unknown>): void {
    this.#quietTimers.delete(account);
    for (const vpn of subscriptions.keys()) if (this.#awaited.get(vpn)?.has(account)) return;
    this.#forget(account, this.#awaited.keys());
  }

  #forget(account: string, vpns: Iterable<string>): void {
    const complete: string[] = [];
    for (const vpn of vpns) {
      const awaited = this.#awaited.get(vpn);
      if (awaited?.delete(account) && awaited.size === 0) complete.push(vpn);
    }
    this.#open(complete);
  }

  /** Opens what was held back for one of `sources` and is held back for nothing else. */
  #open(sources: Iterable<string>): void {
    for (const source of sources) this.#openWhatMayBe(this.#vpns.importers(source));
  }

  #openWhatMayBe(vpns: Iterable<string>): void {
    for (const vpn of vpns) {
      if (this.isOpen(vpn) || this.waitingFor(vpn).length > 0) continue;
      this.#closed.delete(vpn);
      this.#onOpen(vpn);
    }
    if (this.#closed.size === 0) this.stop();
  }
}
