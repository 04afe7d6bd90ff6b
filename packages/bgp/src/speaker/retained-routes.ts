// What a peer announced, from session to session: kept as stale over a restart of the peer, and for how long (RFC 4724 section 4.2, RFC 9494 section 4.2).
// Owns the peer's source in the RIB and the timers; decides nothing of routes that are not stale. Times are seconds, of the clock milliseconds.

import type { VpnFamily } from '../codec/options.ts';
import type { Rib } from '../loc-rib/rib.ts';
import type { Family } from '../messages.ts';
import type { SourceFacts } from '../rules/export-rules.ts';
import type { SessionClock } from '../session/clock.ts';
import type { Retention } from '../session/machine-types.ts';

export interface RetainedRoutesParts {
  readonly rib: Rib;
  readonly clock: SessionClock;
  /** Takes steps in between all else. */
  readonly run: (steps: Iterable<void>, done: () => void) => void;
  /** Of RTC, which is no route of the RIB: all that is stale of the peer goes, or becomes stale. */
  readonly rtc: { markStale(): void; sweep(): void };
}

/** A peer that is back has so long for its End-of-RIB. */
const endOfRibTime = 360;

const isVpn = (family: Family): family is VpnFamily => family !== 'rtc';
const everyFamily: readonly Family[] = ['vpnv4', 'vpnv6', 'rtc'];

export class RetainedRoutes {
  readonly #parts: RetainedRoutesParts;
  #source: number | undefined;
  #facts: SourceFacts | undefined;
  /** Families that have stale routes, with what ends their time. */
  readonly #stale = new Map<Family, () => void>();

  constructor(parts: RetainedRoutesParts) {
    this.#parts = parts;
  }

  /** Of what the peer announced; undefined where it has nothing. */
  get source(): number | undefined {
    return this.#source;
  }

  /** Families of which stale routes are kept. */
  get stale(): Iterable<Family> {
    return this.#stale.keys();
  }

  /**
   * A session is there.
   * @param kept families that the peer says it has kept; of others what is stale goes at once.
   * @returns the source of what the peer announces from now on.
   */
  up(facts: SourceFacts & Parameters<Rib['addSource']>[0], kept: readonly Family[]): number {
    if (this.#facts !== undefined && this.#facts.identifier !== facts.identifier) this.forget();
    for (const family of [...this.#stale.keys()])
      if (kept.includes(family)) this.#arm(family, endOfRibTime, () => this.endOfRib(family));
      else this.endOfRib(family);
    this.#source ??= this.#parts.rib.addSource(facts);
    this.#facts = facts;
    return this.#source;
  }

  /** The session is gone. @param retention what is kept; undefined: nothing. */
  down(retention: Retention | undefined): void {
    const kept = new Set<Family>([
      ...(retention?.families ?? []),
      ...(retention?.longLived ?? []).map(({ family }) => family),
    ]);
    if (retention === undefined || kept.size === 0) {
      this.forget();
      return;
    }
    for (const family of everyFamily) {
      // RFC 4724 section 4.2: what is stale already has had its time, also over several restarts.
      this.endOfRib(family);
      this.#markStale(family);
      if (!kept.has(family)) {
        this.endOfRib(family);
        continue;
      }
      const { time } = retention;
      const isKept = retention.families.includes(family);
      const longLived = retention.longLived.find((one) => one.family === family)?.time ?? 0;
      if (isKept) this.#arm(family, time, () => this.#away(family, longLived));
      else this.#away(family, longLived);
    }
  }

  /** The peer has said all that it has of a family: what is still stale goes. */
  endOfRib(family: Family): void {
    const cancel = this.#stale.get(family);
    if (cancel === undefined) return;
    cancel();
    this.#stale.delete(family);
    if (!isVpn(family)) this.#parts.rtc.sweep();
    else if (this.#source !== undefined)
      this.#parts.run(this.#parts.rib.sweep(this.#source, family), () => {});
  }

  /** The peer begins to say all anew (RFC 7313). */
  refreshBegins(family: Family): void {
    this.#markStale(family);
    this.#arm(family, endOfRibTime, () => this.endOfRib(family));
  }

  /** All goes, and with it the source. */
  forget(): void {
    for (const cancel of this.#stale.values()) cancel();
    this.#stale.clear();
    this.#parts.rtc.markStale();
    this.#parts.rtc.sweep();
    const source = this.#source;
    this.#source = undefined;
    this.#facts = undefined;
    if (source !== undefined) this.#parts.run(this.#parts.rib.removeSource(source), () => {});
  }

  /** The peer was not back in time. */
  #away(family: Family, longLived: number): void {
    if (longLived === 0 || !isVpn(family) || this.#source === undefined) {
      this.endOfRib(family);
      return;
    }
    this.#parts.run(this.#parts.rib.makeLongLived(this.#source, family), () => {});
    this.#arm(family, longLived, () => this.endOfRib(family));
  }

  #markStale(family: Family): void {
    if (!isVpn(family)) this.#parts.rtc.markStale();
    else if (this.#source !== undefined) this.#parts.rib.markStale(this.#source, family);
    this.#stale.set(family, () => {});
  }

  #arm(family: Family, seconds: number, due: () => void): void {
    this.#stale.get(family)?.();
    this.#stale.set(family, this.#parts.clock.after(seconds * 1000, due));
  }
}
