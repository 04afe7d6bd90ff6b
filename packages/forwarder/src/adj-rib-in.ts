// What route servers said of the VPNs that have attachments, when stale routes go, and when a VPN's routes are complete.
// Keeps routes of lost sessions: End-of-RIB of a new subscription sweeps them, or time (stale-routes.ts). Opens no sockets. Times are milliseconds.
// Source: RFC 4724 sections 2 and 4.2, applied to each VPN and route server.

import type { Clock } from '@hostpe/daemon';
import type { IpPrefix } from '@hostpe/net';
import type { BestRoutes, VpnEvent } from '@hostpe/signaling';
import { VpnRouteTable } from '@hostpe/signaling';
import type { Retention, Swept } from './stale-routes.ts';
import { StaleRoutes } from './stale-routes.ts';

export interface AdjRibInOptions {
  /** Names of all configured route servers. */
  readonly servers: readonly string[];
  readonly clock: Clock;
  /** How long End-of-RIB is waited for: of a server after a subscription, and of the other servers when one has said it. */
  readonly patience: number;
  readonly retention: Retention;
  /** Best routes of the VPN changed; `true`: perhaps also whether it is complete. */
  readonly onChange: (vpn: string, prefixes: readonly IpPrefix[], isReview: boolean) => void;
  /** Stale routes went by time, for the log. */
  readonly onSwept: (swept: Swept) => void;
}

export class AdjRibIn {
  readonly #options: AdjRibInOptions;
  readonly #table = new VpnRouteTable();
  /** VPNs that are wanted: since when, and what cancels the end of the patience with unreachable servers. */
  readonly #wanted = new Map<string, { readonly since: number; readonly cancel: () => void }>();
  /** By VPN that is not complete: prefixes that were heard of and are gone, which is more than never heard of. */
  readonly #withdrawn = new Map<string, Set<IpPrefix>>();
  /** Running waits for End-of-RIB, by server, then VPN. */
  readonly #waits = new Map<string, Map<string, () => void>>();
  readonly #stale: StaleRoutes;

  constructor(options: AdjRibInOptions) {
    this.#options = options;
    const { servers, clock, retention, onSwept } = options;
    this.#stale = new StaleRoutes({
      servers,
      clock,
      retention,
      table: this.#table,
      onSwept: (swept) => {
        this.#noteWithdrawn(swept.vpn, swept.changed);
        onSwept(swept);
        options.onChange(swept.vpn, swept.changed, true);
      },
    });
    for (const server of options.servers) this.#waits.set(server, new Map());
  }

  /** The VPN has its first attachment. */
  want(vpn: string): void {
    if (this.#wanted.has(vpn)) return;
    const { clock, patience, onChange } = this.#options;
    this.#wanted.set(vpn, {
      since: clock.now(),
      cancel: clock.after(patience, () => onChange(vpn, [], true)),
    });
    this.#stale.review(vpn);
  }

  /** The VPN has no attachment any more. */
  forget(vpn: string): void {
    this.#wanted.get(vpn)?.cancel();
    this.#wanted.delete(vpn);
    for (const server of this.#waits.keys()) this.#endWait(server, vpn);
    this.#table.forgetVpn(vpn);
    this.#stale.forget(vpn);
    this.#withdrawn.delete(vpn);
  }

  /**
   * A subscription is about to be asked for. Asking again does not prolong the wait for End-of-RIB; and once that is over in a session, it begins no
   * other: a server that refuses, and is asked again every half minute, would always be about to tell.
   */
  subscribing(server: string, vpn: string): void {
    const waits = this.#waits.get(server);
    if (waits === undefined || !this.#wanted.has(vpn)) return;
    if (this.#table.standing(server, vpn) === 'told') return;
    const { clock, patience } = this.#options;
    if (!waits.has(vpn))
      waits.set(
        vpn,
        clock.after(patience, () => this.#complete(server, vpn, this.#table.endOfRibOverdue(server, vpn))),
      );
    const changed = this.#table.subscribeStarted(server, vpn, clock.now());
    this.#stale.review(vpn);
    this.#changed(vpn, changed);
  }

  /** @returns false where the event is of a VPN that nobody here wants: it changed nothing. */
  heard(server: string, event: VpnEvent): boolean {
    const { vpn } = event;
    if (!this.#wanted.has(vpn)) return false;
    if (event.kind === 'end-of-rib') {
      this.#complete(server, vpn, this.#table.endOfRib(server, vpn));
      return true;
    }
    const retracted = this.#table.retract(server, vpn, event.retractedIds, event.retractedPrefixes);
    const learned = this.#table.learn(server, vpn, event.routes);
    this.#changed(vpn, [...retracted, ...learned]);
    return true;
  }

  /** The session is lost: its routes stay, stale. */
  lost(server: string): void {
    for (const vpn of [...(this.#waits.get(server)?.keys() ?? [])]) this.#endWait(server, vpn);
    const changed = this.#table.markStale(server, this.#options.clock.now());
    for (const vpn of this.#wanted.keys()) this.#stale.review(vpn);
    for (const [vpn, prefixes] of changed) this.#changed(vpn, prefixes);
  }

  /** As they are now and will be, until the VPN is forgotten. */
  best(vpn: string): BestRoutes {
    return this.#table.best(vpn);
  }

  /** Which route server the best route of a prefix is of, and whether it is stale. */
  origin(vpn: string, prefix: IpPrefix): { readonly server: string; readonly stale: boolean } | undefined {
    return this.#table.origin(vpn, prefix);
  }

  /**
   * Prefixes without a route that a route server had, and took back: unlike those never heard of, the kernel need not keep them. Of servers that
   * were not heard yet one may still have it; then it comes back with what that one says. Empty where the VPN is complete.
   */
  withdrawn(vpn: string): ReadonlySet<IpPrefix> {
    if (this.isComplete(vpn)) this.#withdrawn.delete(vpn);
    return this.#withdrawn.get(vpn) ?? new Set();
  }

  /**
   * Whether every route server has said End-of-RIB since this process started (or was given its time), or the patience with the others is over
   * and one has: an unreachable server must not hold up sweeping for ever. Or there has been none for so long that nothing is to be kept.
   */
  isComplete(vpn: string): boolean {
    const { servers, clock, patience } = this.#options;
    const wanted = this.#wanted.get(vpn);
    if (wanted === undefined) return false;
    if (this.#table.complete(vpn, servers) || this.#stale.isGivenUp(vpn)) return true;
    return (
      clock.now() - wanted.since >= patience && servers.some((server) => this.#table.complete(vpn, [server]))
    );
  }

  /** Cancels all timers. */
  close(): void {
    for (const { cancel } of this.#wanted.values()) cancel();
    for (const waits of this.#waits.values()) for (const cancel of waits.values()) cancel();
    this.#stale.close();
  }

  #complete(server: string, vpn: string, changed: readonly IpPrefix[]): void {
    this.#endWait(server, vpn);
    this.#stale.review(vpn);
    this.#noteWithdrawn(vpn, changed);
    // Also without a change of routes: the VPN may be complete now.
    this.#options.onChange(vpn, changed, true);
  }

  #endWait(server: string, vpn: string): void {
    const waits = this.#waits.get(server);
    waits?.get(vpn)?.();
    waits?.delete(vpn);
  }

  #changed(vpn: string, prefixes: readonly IpPrefix[]): void {
    if (prefixes.length === 0) return;
    this.#noteWithdrawn(vpn, prefixes);
    this.#options.onChange(vpn, prefixes, false);
  }

  #noteWithdrawn(vpn: string, changed: readonly IpPrefix[]): void {
    if (this.isComplete(vpn)) {
      this.#withdrawn.delete(vpn);
      return;
    }
    const withdrawn = this.#withdrawn.get(vpn) ?? new Set();
    this.#withdrawn.set(vpn, withdrawn);
    const best = this.#table.best(vpn);
    for (const prefix of changed) {
      if (best.has(prefix)) withdrawn.delete(prefix);
      else withdrawn.add(prefix);
    }
  }
}
