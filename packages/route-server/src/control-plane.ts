// What the route server does for its forwarders, without the wire: authorisation, routes in, events out. Pure but for the
// clock it is given; owns the order of events towards a subscriber and never knows a stanza.

import type { Clock } from '@hostpe/daemon';
import type { IpPrefix } from '@hostpe/net';
import type { RejectedItem, VpnRoute } from '@hostpe/signaling';
import type { Log } from '@hostpe/xmpp';
import { Audience } from './audience.ts';
import { RouteServerError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { type Authorisation, type ForwarderChange, forwarderChanges } from './forwarder-changes.ts';
import { type ForwarderState, Presence } from './presence.ts';
import { RestartGate } from './restart-gate.ts';
import { Rib, type Steps } from './rib.ts';
import { RouteLimits } from './route-limit.ts';
import type { VpnPolicy, Vpns } from './vpns.ts';

/** What may change while the route server runs. */
export interface ControlPlaneSettings {
  /** By account. */
  readonly forwarders: ReadonlyMap<string, Authorisation>;
  /** Milliseconds that the routes of a lost session are kept. */
  readonly withdrawDelay: number;
  /** Milliseconds that End-of-RIB is held back at the most after the first forwarder is there. */
  readonly restartDelay: number;
  /**
   * Whether the routes of a lost session get the least local preference at once (draft-ietf-l3vpn-end-system-06 section 6 leaves it open).
   */
  readonly lowerStale: boolean;
}

export interface ControlPlaneOptions extends ControlPlaneSettings {
  readonly vpns: Vpns;
  readonly clock: Clock;
  readonly log: Log;
  /** What speaks BGP, where it is configured. */
  readonly exchange?: Exchange;
  /** Takes steps in between all else, then calls `done`; in the order of the calls. */
  readonly run: (steps: Iterable<unknown>, done: () => void) => void;
  /** Subscribers have something to hear of a VPN. */
  readonly changed: (vpn: string, accounts: Iterable<string>) => void;
  /** Subscribers are to hear End-of-RIB of a VPN, behind what changed before. */
  readonly endOfRib: (vpn: string, accounts: Iterable<string>) => void;
  /** A subscriber is to hear the whole table of a VPN, and its changes from now on. */
  readonly startTable: (vpn: string, account: string) => void;
  /** Ends a session: it has to be made anew, or never again. */
  readonly endSession: (account: string, reason: string) => void;
}

export class ControlPlane {
  readonly rib: Rib;
  readonly presence: Presence;
  readonly #options: ControlPlaneOptions;
  #gate: RestartGate;
  readonly #audience = new Audience();
  readonly #limits = new RouteLimits();
  #settings: ControlPlaneSettings;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#settings = options;
    const { vpns, forwarders, clock, withdrawDelay } = options;
    this.rib = new Rib(vpns, options.exchange?.export, (vpn, prefixes, kept) =>
      this.#counted(
        `VPN ${vpn}`,
        prefixes,
        vpns.policy(vpn)?.maxRoutes,
        `${kept} more are kept back until there is room`,
      ),
    );
    this.presence = new Presence({
      accounts: forwarders.keys(),
      withdrawDelay,
      clock,
      onWithdraw: (account, state, until) => this.#withdrawStale(account, state, until),
    });
    this.#gate = this.#closedGate(options.exchange?.peers ?? []);
    if (this.#gate.isOpenForAll) options.exchange?.complete();
  }

  /** Another one whenever End-of-RIB is held back again. */
  get gate(): RestartGate {
    return this.#gate;
  }

  /** A forwarder has a session: what it published in an earlier one has to be published again. */
  opened(account: string): void {
    this.presence.opened(account, this.rib.staleSince(account));
    this.gate.active(account, this.presence.subscriptions(account));
  }

  /** A session was lost: its routes stay, stale, until the withdraw timer fires or the forwarder is back. */
  closed(account: string): void {
    this.#audience.gone(account);
    const { lowerStale } = this.#settings;
    this.rib.markStale(account, this.#options.clock.now(), lowerStale);
    if (lowerStale) this.#run(this.rib.lower(account), () => {});
    this.presence.closed(account, this.rib.staleSince(account));
    this.gate.gone(account);
    // The time in which nobody can come back is not theirs to lose.
    if (!this.#anyoneOnline()) this.gate.stop();
  }

  /**
   * Joins a VPN. The caller answers the request and then calls `inform`; the forwarder may publish at once.
   * @throws RouteServerError `unknown-vpn`, `not-authorised`
   */
  subscribe(account: string, vpn: string, instanceId: number | undefined): void {
    this.#authorise(account, vpn);
    this.presence.subscribed(account, vpn, instanceId);
    this.#options.exchange?.subscribed(account, vpn, instanceId, () => this.rib.paths(account, vpn));
    this.#audience.asksAgain(account, vpn);
    this.#active(account);
  }

  /** Tells a subscriber all routes of a VPN, then End-of-RIB as soon as the restart allows it; from now on, changes. */
  inform(account: string, vpn: string): void {
    if (!this.presence.subscribers(vpn).has(account)) return;
    // First of all: a delivery may end the session, and `closed` has to find all that it is to undo.
    this.#audience.joined(account, vpn);
    this.#options.startTable(vpn, account);
    if (this.gate.isOpen(vpn)) this.#releaseEndOfRib(vpn);
  }

  /**
   * Leaves a VPN, with all routes that the forwarder published in it.
   * @throws RouteServerError `unknown-vpn`, `not-authorised`, `not-subscribed`
   */
  unsubscribe(account: string, vpn: string): void {
    this.#requireSubscription(account, vpn);
    this.presence.unsubscribed(account, vpn);
    this.#options.exchange?.unsubscribed(account, vpn);
    this.#audience.left(account, vpn);
    this.#run(this.rib.withdraw(account, vpn), () => this.gate.complete(account, vpn));
    this.#active(account);
  }

  /**
   * Takes the routes whose next-hops the forwarder may announce.
   * @returns the others, with the reason.
   * @throws RouteServerError `unknown-vpn`, `not-authorised`, `not-subscribed`
   */
  publish(account: string, vpn: string, routes: readonly VpnRoute[]): readonly RejectedItem[] {
    this.#requireSubscription(account, vpn);
    const { addresses, maxRoutes } = this.#settings.forwarders.get(account) ?? {};
    const room = maxRoutes === undefined ? undefined : this.#roomOf(account, vpn, maxRoutes);
    const accepted: VpnRoute[] = [];
    const rejected: RejectedItem[] = [];
    for (const route of routes) {
      const foreign = route.nexthops.find(({ address }) => !addresses?.has(address));
      if (foreign === undefined && room?.(route.prefix) === false) {
        const reason = `${route.prefix}: forwarder ${account} may publish ${maxRoutes} routes, and has as many`;
        rejected.push({ id: route.id, reason });
      } else if (foreign === undefined) accepted.push(route);
      else {
        const reason = `${route.prefix}: forwarder ${account} may not announce next-hop ${foreign.address}`;
        rejected.push({ id: route.id, reason });
      }
    }
    this.#tell(this.rib.publish(account, vpn, accepted));
    this.#active(account);
    if (maxRoutes !== undefined)
      this.#counted(
        `forwarder ${account}`,
        this.rib.published(account).routes,
        maxRoutes,
        'further ones are refused',
      );
    return rejected;
  }

  /**
   * Withdraws routes by item id.
   * @returns ids that the forwarder has no route for.
   * @throws RouteServerError `unknown-vpn`, `not-authorised`, `not-subscribed`
   */
  retract(account: string, vpn: string, ids: readonly string[]): readonly string[] {
    this.#requireSubscription(account, vpn);
    const { changed, unknown } = this.rib.retract(account, vpn, ids);
    this.#tell(changed);
    this.#active(account);
    return unknown;
  }

  /**
   * The forwarder has published all that it has in a VPN: what it had before and did not publish again goes.
   * @throws RouteServerError `unknown-vpn`, `not-authorised`, `not-subscribed`
   */
  endOfRib(account: string, vpn: string): void {
    this.#requireSubscription(account, vpn);
    this.#run(this.rib.sweep(account, vpn).steps, () => this.gate.complete(account, vpn));
    this.#active(account);
  }

  /** Takes what changed in BGP. */
  import(steps: Steps, done: () => void): void {
    this.#run(steps, done);
  }

  /** A BGP peer has announced all that it has, and `import` has taken it. */
  peerComplete(peer: string): void {
    this.#run([], () => this.gate.peerComplete(peer));
  }

  /**
   * Other VPNs and other settings than before: what is not authorised any more goes, tables follow what VPNs import, and all else stays as it is.
   * @param policies by VPN
   */
  reconfigure(policies: ReadonlyMap<string, VpnPolicy>, settings: ControlPlaneSettings): void {
    const { vpns, exchange } = this.#options;
    const before = this.#settings;
    this.#settings = settings;
    this.presence.withdrawDelay = settings.withdrawDelay;
    for (const account of settings.forwarders.keys())
      if (!before.forwarders.has(account)) this.presence.add(account);
    // While the VPNs are still those under which it was authorised.
    for (const change of forwarderChanges(before.forwarders, settings.forwarders)) this.#narrow(change);
    const changes = vpns.replace(policies);
    exchange?.vpnsChanged(changes);
    this.#run(this.rib.reconfigure(changes), () => {});
    this.gate.vpnsChanged();
  }

  stop(): void {
    this.presence.stop();
    this.gate.stop();
  }

  /** A forwarder may not do any more what it might. */
  #narrow({ account, isRemoved, hasOtherLogin, lostVpns, onlyAddresses }: ForwarderChange): void {
    const { endSession, exchange } = this.#options;
    const subscriptions = this.presence.subscriptions(account);
    const left = lostVpns.filter((vpn) => subscriptions.has(vpn));
    if (isRemoved) endSession(account, 'it is not configured any more');
    else if (hasOtherLogin) endSession(account, 'it is to log in anew: how it does is configured otherwise');
    // The drafts have no words for it: it learns by the answer when it subscribes again.
    else if (left.length > 0) endSession(account, `it may not join ${left.join(', ')} any more`);
    for (const vpn of lostVpns) {
      exchange?.unsubscribed(account, vpn);
      this.#run(this.rib.withdraw(account, vpn), () => this.gate.complete(account, vpn));
    }
    if (onlyAddresses !== undefined) this.#run(this.rib.withdrawForeign(account, onlyAddresses), () => {});
    if (!isRemoved) return;
    this.presence.remove(account);
    this.#run([], () => this.rib.forget(account));
  }

  #authorise(account: string, vpn: string): void {
    if (this.#options.vpns.policy(vpn) === undefined)
      throw new RouteServerError('unknown-vpn', `VPN ${vpn} is not known here`);
    if (!this.#settings.forwarders.get(account)?.vpns.has(vpn))
      throw new RouteServerError('not-authorised', `forwarder ${account} may not join VPN ${vpn}`);
  }

  #requireSubscription(account: string, vpn: string): void {
    this.#authorise(account, vpn);
    if (!this.presence.subscribers(vpn).has(account))
      throw new RouteServerError('not-subscribed', `VPN ${vpn}: subscribe first`);
  }

  #active(account: string): void {
    this.gate.active(account, this.presence.subscriptions(account));
  }

  /** @returns whether there is room for a prefix more; asked for each of a request, in order. */
  #roomOf(account: string, vpn: string, limit: number): (prefix: IpPrefix) => boolean {
    let left = limit - this.rib.published(account).routes;
    const seen = new Set<IpPrefix>();
    return (prefix) => {
      if (seen.has(prefix) || this.rib.has(account, vpn, prefix)) return true;
      if (left <= 0) return false;
      left -= 1;
      seen.add(prefix);
      return true;
    };
  }

  #counted(what: string, count: number, limit: number | undefined, consequence: string): void {
    const { log } = this.#options;
    const news = this.#limits.counted(what, count, limit);
    if (news === 'near') log.warn({ count, limit }, `${what}: ${count} routes, of ${limit} at the most`);
    if (news === 'full')
      log.warn({ count, limit }, `${what}: ${limit} routes, as many as it may have: ${consequence}`);
    if (news === 'room') log.info({ count, limit }, `${what}: ${count} routes, there is room again`);
  }

  #run(steps: Steps, done: () => void): void {
    this.#options.run(this.#telling(steps), done);
  }

  *#telling(steps: Steps): Generator<undefined> {
    for (const changed of steps) {
      this.#tell(changed);
      yield;
    }
  }

  #tell(changed: Iterable<string>): void {
    for (const vpn of changed) {
      const accounts = this.#audience.informed(vpn);
      if (accounts !== undefined && accounts.size > 0) this.#options.changed(vpn, accounts);
    }
  }

  #releaseEndOfRib(vpn: string): void {
    const waiting = this.#audience.release(vpn);
    if (waiting.length > 0) this.#options.endOfRib(vpn, waiting);
  }

  /** @returns since when the longest stale of the rest is. */
  #withdrawStale(account: string, state: ForwarderState, until: number): number | undefined {
    const { clock, log, exchange } = this.#options;
    const { forwarders, withdrawDelay } = this.#settings;
    // Until now it was as good as subscribed: what it is to hear of when it is back stays.
    if (state === 'lost')
      for (const vpn of forwarders.get(account)?.vpns ?? []) exchange?.unsubscribed(account, vpn);
    const { routes, steps } = this.rib.sweep(account, undefined, until);
    if (routes > 0) {
      const seconds = withdrawDelay / 1000;
      const reason =
        until < clock.now()
          ? `not published again for ${2 * seconds} s, over several sessions`
          : state === 'online'
            ? `not published again ${seconds} s after it came back`
            : `its session was lost ${seconds} s ago`;
      log.warn({ account, routes }, `forwarder ${account}: ${routes} routes withdrawn, ${reason}`);
      this.#run(steps, () => {});
      if (!this.#anyoneOnline()) this.#holdEndOfRibBackAgain();
    }
    return this.rib.staleSince(account);
  }

  #anyoneOnline(): boolean {
    return [...this.presence.forwarders()].some(({ state }) => state === 'online');
  }

  /**
   * Routes went while nobody was there: it was the route server that was cut off, and its table says as little as after a
   * start.
   */
  #holdEndOfRibBackAgain(): void {
    const former = this.#gate;
    // What peers said of BGP is there still.
    this.#gate = this.#closedGate([]);
    const closed = [...this.#options.vpns.names()].filter(
      (vpn) => former.isOpen(vpn) && !this.#gate.isOpen(vpn),
    );
    if (closed.length === 0) return;
    this.#options.log.warn(
      { vpns: closed.length },
      `no forwarder is online: End-of-RIB is held back again, in ${closed.length} VPNs, until all forwarders are back, ${this.#settings.restartDelay / 1000} s at the most after the first`,
    );
  }

  /** @param peers whose End-of-RIB is awaited */
  #closedGate(peers: Iterable<string>): RestartGate {
    const { vpns, clock, log, exchange } = this.#options;
    const { forwarders, restartDelay } = this.#settings;
    return new RestartGate({
      vpns,
      peers,
      forwarders: new Map(
        [...forwarders].map(([account, authorisation]) => [account, [...authorisation.vpns]]),
      ),
      delay: restartDelay,
      clock,
      onStart: () =>
        log.info(
          {},
          `the first forwarder is there: End-of-RIB is held back until all forwarders are back, ${restartDelay / 1000} s at the most from now`,
        ),
      onOpen: (vpn) => {
        log.info({ vpn }, `VPN ${vpn}: End-of-RIB is no longer held back`);
        this.#releaseEndOfRib(vpn);
        if (this.#gate.isOpenForAll) exchange?.complete();
      },
    });
  }
}
