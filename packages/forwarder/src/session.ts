// The conversation with one route server: tells it what it should hold of us, in order, and passes on what it says.
// Owns no routes and decides none; the stream, its TLS and its reconnects are its Connection's. Times are milliseconds.
// Source: draft-ietf-l3vpn-end-system-06 section 6.

import type { Clock } from '@hostpe/daemon';
import type { Label } from '@hostpe/net';
import type { Dialect, RejectedItem, Subscriptions, VpnEvent, VpnRequest } from '@hostpe/signaling';
import { decodeNotification, dialects, SignalingError, sayableRequest } from '@hostpe/signaling';
import type { Log } from '@hostpe/xmpp';
import { StanzaError, XmppError } from '@hostpe/xmpp';
import { AdjRibOut } from './adj-rib-out.ts';
import type { Connection } from './connection.ts';
import type { Publications } from './publications.ts';

/** An XML element as the codec reads it. */
type Element = Parameters<typeof decodeNotification>[0];

/** When to ask again after a request that got no answer although the session lives. */
const unansweredDelay = 1000;

/** Lines about items of one event that cannot be read: a peer must not be able to fill the log. */
const rejectedLines = 10;

export interface SessionOptions {
  /** The route server's name: in logs, and in the order of equal routes. */
  readonly server: string;
  readonly client: Connection;
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly log: Log;
  /** When to ask again for what the route server refused: an operator may have allowed it meanwhile. */
  readonly refusedDelay: number;
  readonly onSubscribing: (vpn: string) => void;
  readonly onEvent: (event: VpnEvent) => void;
  readonly onLost: () => void;
  /** What the route server holds of us changed. */
  readonly onProgress: () => void;
}

/** What operators see of a session. */
export interface SessionFacts {
  readonly server: string;
  readonly state: 'online' | 'offline';
  /** Seconds in this state. */
  readonly seconds: number;
  readonly jid: string | undefined;
  /** Subscribed ones. */
  readonly vpns: readonly string[];
  /** Items that it was told. */
  readonly published: number;
  /** Why it is offline. */
  readonly reason: string | undefined;
}

export class RouteServerSession {
  readonly #options: SessionOptions;
  #rib = new AdjRibOut();
  #wanted: Publications = new Map();
  #pumping = false;
  #stopped = false;
  #cancelWake: () => void = () => {};
  #since: number;
  #reason: string | undefined = 'not connected yet';
  /** Last complaint by subject, so that a repeated refusal is one line. */
  readonly #complaints = new Map<string, string>();
  /** As they are when an event is decoded. */
  readonly #subscriptions: Subscriptions = {
    has: (vpn) => this.#rib.isSubscribed(vpn),
    keys: () => this.#rib.subscribed(),
  };

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  start(): void {
    const { client } = this.#options;
    client.on('online', () => this.#online());
    client.on('offline', (reason) => this.#offline(reason));
    client.on('message', (stanza) => this.#message(stanza));
    client.start();
  }

  /** Ends the stream politely. Retracts nothing: the route server keeps our routes for its own time, and the kernel goes on forwarding. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWake();
    await this.#options.client.stop();
  }

  want(publications: Publications): void {
    this.#wanted = publications;
    void this.#pump();
  }

  /** Whether the route server may lead packets to this label because of what it was told in this session. */
  announces(label: Label): boolean {
    return this.#options.client.online && this.#rib.announces(label);
  }

  /** For operators. */
  facts(): SessionFacts {
    const { server, client, clock } = this.#options;
    const rib = client.online ? this.#rib : new AdjRibOut();
    return {
      server,
      state: client.online ? 'online' : 'offline',
      seconds: Math.floor((clock.now() - this.#since) / 1000),
      jid: client.jid,
      vpns: rib.subscribed(),
      published: [...rib.counts().values()].reduce((sum, count) => sum + count, 0),
      reason: this.#reason,
    };
  }

  #online(): void {
    const { server, client, clock, log } = this.#options;
    this.#rib = new AdjRibOut();
    this.#since = clock.now();
    this.#reason = undefined;
    this.#complaints.clear();
    log.info(
      { server, jid: client.jid },
      `route server ${server}: online; subscribing and publishing everything`,
    );
    void this.#pump();
  }

  #offline(reason: XmppError): void {
    const { server, clock, log, onLost, onProgress } = this.#options;
    const wasOnline = this.#reason === undefined;
    this.#reason = reason.message;
    this.#cancelWake();
    this.#rib = new AdjRibOut();
    if (this.#stopped) return;
    if (wasOnline) {
      this.#since = clock.now();
      log.warn(
        { server, reason: reason.message },
        `route server ${server}: session lost; its routes are kept as stale, the kernel goes on forwarding`,
      );
      onLost();
    }
    onProgress();
  }

  /** Sends what is due, one request after the other; there is never more than one pump. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const { client, clock } = this.#options;
    this.#cancelWake();
    try {
      while (client.online) {
        const request = this.#rib.next(this.#wanted, clock.now());
        if (request === undefined) break;
        await this.#ask(request);
      }
    } finally {
      this.#pumping = false;
    }
    const now = clock.now();
    const wakeAt = client.online ? this.#rib.wakeAt(now) : undefined;
    if (wakeAt !== undefined) this.#cancelWake = clock.after(wakeAt - now, () => void this.#pump());
  }

  async #ask(request: VpnRequest): Promise<void> {
    const { clock, onSubscribing, onProgress } = this.#options;
    // A session that is lost meanwhile starts with a new one; the verdict is of this one.
    const rib = this.#rib;
    rib.sent(request);
    if (request.kind === 'subscribe') onSubscribing(request.vpn);
    try {
      const unsaid = await this.#send(rib, request);
      rib.agreed(request);
      if (unsaid.length > 0) this.#complain(request, `is not told of routes: ${listed(unsaid)}`);
      else this.#complaints.delete(subject(request));
    } catch (error) {
      if (error instanceof StanzaError) this.#refused(rib, request, error);
      else if (error instanceof SignalingError) this.#unsayable(rib, request, error);
      else if (error instanceof XmppError) rib.failed(request, clock.now() + unansweredDelay);
      else throw error;
    }
    onProgress();
  }

  /**
   * All stanzas of a request go at once: the halves of a pair one right after the other, and a hundred pairs without a
   * hundred round trips.
   * @returns routes that the dialect cannot say.
   */
  async #send(rib: AdjRibOut, request: VpnRequest): Promise<readonly RejectedItem[]> {
    const { client, dialect } = this.#options;
    const codec = dialects[dialect];
    const isEarly =
      request.kind === 'end-of-rib' &&
      codec.endOfRib === 'session' &&
      !rib.isLastEndOfRib(request.vpn, this.#wanted);
    const { message, unsaid } = sayableRequest(codec, request);
    if (isEarly || message === undefined) return unsaid;
    const context = {
      jid: client.jid ?? '',
      prefixOf: (vpn: string, id: string) => rib.prefixOf(vpn, id),
    };
    const payloads = codec.encodeRequest(message, context);
    const answers = await Promise.allSettled(payloads.map((payload) => client.request(payload)));
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
    return unsaid;
  }

  /** Nothing was sent. What the dialect has no words for now it may have when something else changes. */
  #unsayable(rib: AdjRibOut, request: VpnRequest, error: SignalingError): void {
    const { clock, dialect, refusedDelay } = this.#options;
    rib.failed(request, clock.now() + refusedDelay);
    this.#complain(
      request,
      `cannot be asked in dialect ${dialect}: ${error.message}; tried again every ${refusedDelay / 1000} s`,
    );
  }

  #refused(rib: AdjRibOut, request: VpnRequest, error: StanzaError): void {
    const { clock, refusedDelay } = this.#options;
    const reason = refusal(error);
    if (request.kind === 'subscribe' || request.kind === 'publish') {
      rib.failed(request, clock.now() + refusedDelay);
      this.#complain(
        request,
        `refused ${request.kind === 'subscribe' ? 'the subscription' : 'routes'}: ${reason}; asked again every ${refusedDelay / 1000} s`,
      );
      return;
    }
    // What it does not want to take back it does not have; End-of-RIB is our extension, and others may refuse it.
    rib.agreed(request);
    if (request.kind !== 'end-of-rib' && error.condition !== 'item-not-found')
      this.#complain(request, `refused ${request.kind}: ${reason}`);
  }

  #complain(request: VpnRequest, complaint: string): void {
    const { server, log } = this.#options;
    const level = this.#complaints.get(subject(request)) === complaint ? 'debug' : 'warn';
    this.#complaints.set(subject(request), complaint);
    log[level]({ server, vpn: request.vpn }, `VPN ${request.vpn}: route server ${server} ${complaint}`);
  }

  #message(stanza: Element): void {
    const { server, dialect, log, onEvent } = this.#options;
    const payload = stanza.getChild('event');
    if (payload === undefined) return;
    let events: readonly VpnEvent[];
    try {
      events = decodeNotification(payload, { dialect, subscriptions: this.#subscriptions });
    } catch (error) {
      if (!(error instanceof SignalingError)) throw error;
      log.warn(
        { server },
        `route server ${server}: an event was not understood and is ignored: ${error.message}`,
      );
      return;
    }
    for (const event of events) {
      if (event.kind === 'items') this.#logRejected(event.vpn, event.rejected);
      onEvent(event);
    }
  }

  #logRejected(vpn: string, rejected: readonly RejectedItem[]): void {
    const { server, log } = this.#options;
    for (const { id, reason } of rejected.slice(0, rejectedLines))
      log.warn({ server, vpn, id }, `VPN ${vpn}: a route of route server ${server} is ignored: ${reason}`);
    const more = rejected.length - rejectedLines;
    if (more > 0)
      log.warn(
        { server, vpn, routes: rejected.length },
        `VPN ${vpn}: and ${more} more routes of route server ${server} that are ignored`,
      );
  }
}

function subject(request: VpnRequest): string {
  return `${request.kind} ${request.vpn}`;
}

/** The server's words, as RFC 6120 section 8.3 has them. */
function refusal({ condition, applicationCondition, text }: StanzaError): string {
  const conditions =
    applicationCondition === undefined ? condition : `${condition}, ${applicationCondition.name}`;
  return text ? `${text} (${conditions})` : conditions;
}

/** Reasons, the first ten of them. */
function listed(items: readonly RejectedItem[]): string {
  const named = items.slice(0, rejectedLines).map(({ reason }) => reason);
  const more = items.length - named.length;
  return named.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
