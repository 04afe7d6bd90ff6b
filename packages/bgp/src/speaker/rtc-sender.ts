// What one peer is told of the route targets that this speaker wants: the difference between what it was told and what holds. Pure; owns no session.
import type { IpAddress, RouteTarget } from '@hostpe/net';
import type { CodecOptions } from '../codec/options.ts';
import { encodeEndOfRib, packUpdates, packWithdrawals } from '../codec/pack.ts';
import type { PathAttributes } from '../messages.ts';
import { type HeldTargets, membership } from './held-targets.ts';

export interface RtcSenderParts {
  readonly held: HeldTargets;
  readonly codec: CodecOptions;
  readonly as: number;
  /** Of ours, for the peer to reach us. */
  readonly nexthop: IpAddress;
  readonly attributes: PathAttributes;
}

export class RtcSender {
  readonly #parts: RtcSenderParts;
  readonly #told = new Set<RouteTarget>();
  #messages: Iterator<Uint8Array> = [][Symbol.iterator]();
  #isDue = true;
  #endIsDue = true;

  constructor(parts: RtcSenderParts) {
    this.#parts = parts;
  }

  changed(): void {
    this.#isDue = true;
  }

  /** All again, and End-of-RIB behind it (RFC 2918). */
  restart(): void {
    this.#told.clear();
    this.#isDue = true;
    this.#endIsDue = true;
  }

  next(): Uint8Array | undefined {
    const message = this.#messages.next();
    if (!message.done) return message.value;
    if (this.#isDue) {
      this.#isDue = false;
      this.#messages = this.#difference();
      return this.next();
    }
    if (!this.#endIsDue) return undefined;
    this.#endIsDue = false;
    return encodeEndOfRib('rtc');
  }

  *#difference(): Generator<Uint8Array> {
    const { held, codec, as, nexthop, attributes } = this.#parts;
    const gone = [...this.#told].filter((target) => !held.has(target));
    const news = [...held.targets].filter((target) => !this.#told.has(target));
    for (const target of gone) this.#told.delete(target);
    for (const target of news) this.#told.add(target);
    const memberships = (targets: readonly RouteTarget[]) => targets.map((target) => membership(target, as));
    yield* packWithdrawals({ family: 'rtc', memberships: memberships(gone) }, codec);
    yield* packUpdates(attributes, { family: 'rtc', nexthop, memberships: memberships(news) }, codec);
  }
}
