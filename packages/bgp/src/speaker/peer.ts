// One peer of a speaker: its session, what it announced, and what it is told. Owns the order of what is sent: route-target constraint and its
// End-of-RIB first, VPN routes when the peer said what it wants (RFC 4684 section 6). Decides no rule. Times are seconds, of the clock milliseconds.
import type { IpAddress } from '@hostpe/net';
import { type Next, Sender } from '../adj-rib-out/sender.ts';
import { encodeMessage } from '../codec/message.ts';
import type { VpnFamily } from '../codec/options.ts';
import type {
  Announced,
  Family,
  PathAttributes,
  RouteRefreshMessage,
  RtcNlri,
  UpdateMessage,
  Withdrawn,
} from '../messages.ts';
import type { InterestChange } from '../rtc/interest.ts';
import { exportedAttributes, type PeerFacts } from '../rules/export-rules.ts';
import { refusal } from '../rules/import-rules.ts';
import type { SessionState } from '../session/machine.ts';
import type { CeaseReason, ConnectionEnd } from '../session/machine-types.ts';
import type { Negotiated } from '../session/negotiation.ts';
import { Session, type SessionListener } from '../session/session.ts';
import type { Dialer, Wire } from '../session/wire.ts';
import { type PeerConfiguration, sessionConfiguration } from './configuration.ts';
import type { Pumped } from './pump.ts';
import { RetainedRoutes } from './retained-routes.ts';
import { RtcSender } from './rtc-sender.ts';
import type { SpeakerShared } from './shared.ts';

/** How long VPN routes wait for what the peer wants. */
const longestInterestTime = 30;
/** And of a peer that is not known to say End-of-RIB (RFC 4724 section 3: who does says so by its capability), since it last said something it wants. */
const quietInterestTime = 2;

const isVpn = (family: Family): family is VpnFamily => family !== 'rtc';

/** What is there while the session is. */
interface Up {
  readonly negotiated: Negotiated;
  readonly source: number;
  readonly sender: Sender;
  /** Undefined: RTC is not spoken. */
  readonly rtc: RtcSender | undefined;
  /** VPN routes wait until the peer has said what it wants, until `waitEnd` at the latest. */
  cancelWait: (() => void) | undefined;
  readonly waitEnd: number;
  /** Families whose End-of-RIB is awaited. */
  readonly awaited: Set<Family>;
  readonly refused: Set<string>;
}

export interface PeerView {
  readonly name: string;
  readonly address: IpAddress;
  readonly as: number;
  readonly state: SessionState;
  /** In `state`. */
  readonly seconds: number;
  readonly families: readonly Family[];
  /** Paths that it announced and that are kept. */
  readonly received: number;
  /** Routes that it was told of and were not taken back. */
  readonly announced: number;
  readonly updatesReceived: number;
  readonly updatesSent: number;
  /** Families of which stale routes are kept. */
  readonly stale: readonly Family[];
  readonly lastError: string | undefined;
}

export class Peer implements SessionListener, Pumped {
  readonly configuration: PeerConfiguration;
  readonly #shared: SpeakerShared;
  /** Unique among the peers that are there. */
  readonly number: number;
  readonly #facts: PeerFacts;
  readonly #session: Session;
  readonly #retained: RetainedRoutes;
  #up: Up | undefined;
  #since: number;
  #updatesReceived = 0;
  #updatesSent = 0;
  #lastError: string | undefined;

  constructor(configuration: PeerConfiguration, number: number, dialer: Dialer, shared: SpeakerShared) {
    this.configuration = configuration;
    this.#shared = shared;
    this.number = number;
    this.#since = shared.now();
    const { as, address, routeReflectorClient, encapsulation } = configuration;
    this.#facts = {
      kind: as === shared.configuration.as ? 'internal' : 'external',
      as,
      address,
      routeReflectorClient,
      encapsulation,
      longLived: false,
    };
    this.#retained = new RetainedRoutes({
      rib: shared.rib,
      clock: shared.clock,
      run: (steps, done) =>
        shared.run(this.#telling(steps), () => {
          shared.changed();
          done();
        }),
      rtc: {
        markStale: () => shared.interest.markStale(number),
        sweep: () => this.#interestChanged(shared.interest.sweep(number)),
      },
    });
    this.#session = new Session({
      configuration: sessionConfiguration(shared.configuration, configuration, shared.isHeldBack()),
      clock: shared.clock,
      random: shared.random,
      dialer,
      listener: this,
    });
  }

  /** Of its routes in the RIB; undefined while it has none. */
  get source(): number | undefined {
    return this.#retained.source;
  }

  get isUp(): boolean {
    return this.#up !== undefined;
  }

  get view(): PeerView {
    const { name, address, as } = this.configuration;
    return {
      name,
      address,
      as,
      state: this.#session.state,
      seconds: Math.floor((this.#shared.now() - this.#since) / 1000),
      families: this.#up?.negotiated.families ?? [],
      received: this.source === undefined ? 0 : this.#shared.rib.pathsFrom(this.source),
      announced: this.#up?.sender.routes ?? 0,
      updatesReceived: this.#updatesReceived,
      updatesSent: this.#updatesSent,
      stale: [...this.#retained.stale],
      lastError: this.#lastError,
    };
  }

  start(): void {
    this.#session.start();
  }

  /** Ends the session, and with it all that the peer announced. */
  stop(reason: CeaseReason, communication?: string): void {
    this.#session.stop(reason, communication);
    this.#retained.forget();
  }

  accept(wire: Wire): void {
    this.#session.accept(wire);
  }

  /** The RIB changed. */
  wake(): void {
    if (this.#up !== undefined) this.#shared.pump.ready(this);
  }

  /** The route targets that this speaker holds changed. */
  heldChanged(): void {
    this.#up?.rtc?.changed();
    this.wake();
  }

  /** Nothing is held back any more: the peer is told End-of-RIB, and later OPENs do not speak of a restart. */
  release(): void {
    this.#session.configure(sessionConfiguration(this.#shared.configuration, this.configuration, false));
    this.#up?.sender.endOfRib(this.#up.negotiated.families.filter(isVpn));
    this.wake();
  }

  next(): Next {
    if (this.#up === undefined) return undefined;
    const { rtc, sender, cancelWait } = this.#up;
    return rtc?.next() ?? (cancelWait === undefined ? sender.next() : undefined);
  }

  send(message: Uint8Array): boolean {
    this.#updatesSent += 1;
    return this.#session.send(message);
  }

  up(negotiated: Negotiated, wire: string): void {
    const { interest, log, rib, held, configuration, local, isHeldBack } = this.#shared;
    const { name, address } = this.configuration;
    const { families, codec, gracefulRestart, peer } = negotiated;
    const text = `BGP peer ${name}: established over ${wire}, ${families.join(', ') || 'no family in common'}`;
    log.info({ peer: name, families, holdTime: negotiated.holdTime }, text);
    this.#lastError = undefined;
    const facts: PeerFacts = { ...this.#facts, longLived: negotiated.longLived.length > 0 };
    const source = this.#retained.up(
      {
        kind: facts.kind,
        routeReflectorClient: facts.routeReflectorClient,
        identifier: peer.identifier,
        address,
      },
      (gracefulRestart?.families ?? []).filter(({ forwarding }) => forwarding).map(({ family }) => family),
    );
    const speaksRtc = families.includes('rtc');
    if (speaksRtc) interest.filtered(this.number);
    else interest.unfiltered(this.number);
    const sender = new Sender({
      rib,
      source,
      codec,
      families: families.filter(isVpn),
      exported: (set, from) => exportedAttributes(set.attributes, set.nexthop, from, facts, local),
      wants: (targets) => interest.wants(this.number, targets),
      unsendable: (reason) => log.warn({ peer: name }, `BGP peer ${name}: not announced: ${reason}`),
    });
    if (!isHeldBack()) sender.endOfRib(families.filter(isVpn));
    this.#up = {
      negotiated,
      source,
      sender,
      rtc: speaksRtc
        ? new RtcSender({
            held,
            codec,
            as: configuration.as,
            nexthop: configuration.identifier,
            attributes: this.#ownAttributes(),
          })
        : undefined,
      cancelWait: undefined,
      waitEnd: this.#shared.now() + longestInterestTime * 1000,
      awaited: new Set(families.filter(isVpn)),
      refused: new Set(),
    };
    if (speaksRtc) this.#awaitInterest(this.#up);
    this.wake();
  }

  down({ reason, retention }: ConnectionEnd): void {
    const { name } = this.configuration;
    const kept =
      retention === undefined ? 'its routes are withdrawn' : `its routes are kept for ${retention.time} s`;
    this.#shared.log.warn({ peer: name, reason }, `BGP peer ${name}: session lost: ${reason}; ${kept}`);
    this.#lastError = reason;
    this.#up?.sender.close();
    this.#up?.cancelWait?.();
    this.#up = undefined;
    this.#shared.pump.forget(this);
    this.#retained.down(retention);
    this.#shared.changed();
  }

  message(message: UpdateMessage | RouteRefreshMessage): void {
    if (this.#up === undefined) return;
    if (message.type === 'route-refresh') this.#refresh(message, this.#up);
    else this.#update(message, this.#up);
  }

  drained(): void {
    this.wake();
  }

  changed(): void {
    this.#since = this.#shared.now();
  }

  failed(reason: string, end: ConnectionEnd | undefined): void {
    const { name } = this.configuration;
    const isNews = this.#lastError !== reason;
    this.#lastError = reason;
    if (end?.cause === 'collision') return;
    // An attempt that fails as the one before did is no news.
    this.#shared.log[isNews ? 'warn' : 'debug'](
      { peer: name, reason },
      `BGP peer ${name}: no session: ${reason}`,
    );
  }

  #update(message: UpdateMessage, up: Up): void {
    this.#updatesReceived += 1;
    for (const { reaction, reason } of message.problems)
      this.#refused(up, reaction, `${reaction}: ${reason}`);
    for (const one of message.withdrawn) this.#withdraw(one, up);
    if (message.attributes !== undefined && message.announced !== undefined)
      this.#announce(message.attributes, message.announced, up);
    const { endOfRib } = message;
    if (typeof endOfRib === 'string') this.#endOfRib(endOfRib, up);
    this.#shared.changed();
  }

  #announce(attributes: PathAttributes, announced: Announced, up: Up): void {
    const { rib, local } = this.#shared;
    const reason = refusal(attributes, announced.nexthop, this.#facts, local);
    if (announced.family === 'rtc') {
      if (reason === undefined) this.#interested(announced.memberships, 'add');
      else this.#interested(announced.memberships, 'remove');
    } else if (reason === undefined)
      rib.announce(up.source, announced.family, attributes, announced.nexthop, announced.routes);
    else rib.withdraw(up.source, announced.family, announced.routes);
    if (reason !== undefined) this.#refused(up, reason, `routes not used: ${reason}`);
  }

  #withdraw(withdrawn: Withdrawn, up: Up): void {
    if (withdrawn.family === 'rtc') this.#interested(withdrawn.memberships, 'remove');
    else this.#shared.rib.withdraw(up.source, withdrawn.family, withdrawn.routes);
  }

  #awaitInterest(up: Up): void {
    const { clock, now } = this.#shared;
    const saysEnd = up.negotiated.peer.capabilities.some(({ kind }) => kind === 'graceful-restart');
    const left = Math.max(0, up.waitEnd - now());
    up.cancelWait?.();
    up.cancelWait = clock.after(saysEnd ? left : Math.min(left, quietInterestTime * 1000), () =>
      this.#interestIsKnown(),
    );
  }

  #interested(memberships: readonly RtcNlri[], how: 'add' | 'remove'): void {
    for (const one of memberships) this.#interestChanged(this.#shared.interest[how](this.number, one));
    if (this.#up?.cancelWait !== undefined) this.#awaitInterest(this.#up);
  }

  #endOfRib(family: Family, up: Up): void {
    this.#retained.endOfRib(family);
    if (family === 'rtc') this.#interestIsKnown();
    if (up.awaited.delete(family) && up.awaited.size === 0) this.#shared.complete(this.configuration.name);
  }

  #refresh({ family, kind }: RouteRefreshMessage, up: Up): void {
    const { negotiated, sender, rtc } = up;
    if (typeof family !== 'string' || !negotiated.families.includes(family)) return;
    if (kind === 'begin') this.#retained.refreshBegins(family);
    else if (kind === 'end') this.#retained.endOfRib(family);
    else if (family === 'rtc') rtc?.restart();
    else sender.refresh(family, negotiated.enhancedRouteRefresh ? refreshMarks(family, up) : undefined);
    this.wake();
  }

  /** VPN routes need wait no longer. */
  #interestIsKnown(): void {
    this.#up?.cancelWait?.();
    if (this.#up !== undefined) this.#up.cancelWait = undefined;
    this.wake();
  }

  #interestChanged(change: InterestChange | undefined): void {
    // Who waits has been told nothing yet.
    if (change === undefined || this.#up === undefined || this.#up.cancelWait !== undefined) return;
    this.#up.sender.look(destsOf(this.#shared.rib, change));
    this.wake();
  }

  /** Told once a session of each kind: a peer must not choose how much is logged. */
  #refused(up: Up, kind: string, text: string): void {
    const { name } = this.configuration;
    const level = up.refused.has(kind) ? 'debug' : 'warn';
    up.refused.add(kind);
    this.#shared.log[level]({ peer: name }, `BGP peer ${name}: ${text}`);
  }

  *#telling(steps: Iterable<void>): Generator<void> {
    for (const _ of steps) {
      this.#shared.changed();
      yield;
    }
  }

  #ownAttributes(): PathAttributes {
    const own = this.#shared.configuration.as;
    const isExternal = this.#facts.kind === 'external';
    return {
      origin: 'igp',
      asPath: isExternal ? [{ kind: 'sequence', numbers: [own] }] : [],
      med: undefined,
      localPreference: isExternal ? undefined : 100,
      atomicAggregate: false,
      aggregator: undefined,
      communities: [],
      originatorId: undefined,
      clusterList: [],
      routeTargets: [],
      extendedCommunities: [],
      largeCommunities: [],
      tunnels: [],
      unknown: [],
    };
  }
}

/** What is said before and behind all routes of a family that a peer asked for again (RFC 7313 section 4). */
function refreshMarks(
  family: Family,
  { negotiated }: Up,
): { readonly begin: Uint8Array; readonly end: Uint8Array } {
  const mark = (kind: 'begin' | 'end') =>
    encodeMessage({ type: 'route-refresh', family, kind }, negotiated.codec);
  return { begin: mark('begin'), end: mark('end') };
}

/** Destinations of which a peer's interest may have changed; some may come twice. */
function* destsOf(rib: SpeakerShared['rib'], { targets, matches }: InterestChange): Generator<number> {
  for (const target of targets) yield* rib.destsWithTarget(target);
  if (matches !== undefined)
    for (const target of [...rib.targets()]) if (matches(target)) yield* rib.destsWithTarget(target);
}
