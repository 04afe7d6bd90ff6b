// The XMPP side of the control plane: requests of forwarders in, events out. Owns which account has which session and how a
// refusal is said in a stanza; never decides what is refused.

import type { Dialect, RejectedItem, VpnEvent, VpnRequest } from '@hostpe/signaling';
import { dialects, RequestDecoder, SignalingError, sayableEvent } from '@hostpe/signaling';
import { type Log, type RequestHandler, type ServerSession, StanzaError } from '@hostpe/xmpp';
import type { ControlPlane } from './control-plane.ts';
import { RouteServerError } from './errors.ts';
import { Feed } from './feed.ts';
import { SharedSegments } from './shared-segments.ts';
import type { TableSegment } from './table-reader.ts';

const PUBSUB_ERRORS = 'http://jabber.org/protocol/pubsub#errors';

/** How many items the text of an error names, and how much of each: a request must not choose the size of its answer. */
const NAMED_ITEMS = 10;
const NAMED_CHARACTERS = 200;

/** The child of an iq. */
type Payload = Parameters<RequestDecoder['decode']>[0];

/** A session with what is known of it besides its stream. */
interface Served {
  readonly session: ServerSession;
  readonly dialect: Dialect;
  readonly decoder: RequestDecoder;
  readonly controlPlane: ControlPlane;
  readonly feed: Feed;
  /** Says that the feed has something. */
  readonly wake: () => void;
  /** What it was refused before, as `subjectOf` has it. */
  readonly refused: Set<string>;
  /** VPNs whose End-of-RIB was said, or would be; of use where the dialect has one End-of-RIB of all. */
  readonly complete: Set<string>;
}

interface RefusalFacts {
  readonly account: string;
  readonly condition?: string;
}

export interface SessionsOptions {
  readonly log: Log;
  /** What an account's forwarder speaks. */
  readonly dialect: (account: string) => Dialect;
  /** Runs a task after the answer to the current request is on its way. */
  readonly defer: (task: () => void) => void;
  /** What a request waits for before it is answered, over and over until there is nothing; see Turns. */
  readonly wait?: () => Promise<void> | undefined;
}

export class Sessions {
  readonly #options: SessionsOptions;
  /** By account. */
  readonly #sessions = new Map<string, Served>();
  /** VPNs of which a dialect could not say a route, so that the log says it once. */
  readonly #unsaid = new Set<string>();
  /** By dialect. */
  readonly #shared = new Map<Dialect, SharedSegments>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  session(account: string): ServerSession | undefined {
    return this.#sessions.get(account)?.session;
  }

  /** Serves a session until it closes. An earlier one of the account has closed before. */
  accept(session: ServerSession, controlPlane: ControlPlane): void {
    const { log, dialect: dialectOf } = this.#options;
    const { account, jid, remoteAddress } = session;
    const dialect = dialectOf(account);
    log.info({ account, jid, remoteAddress, dialect }, `forwarder ${account}: online from ${remoteAddress}`);
    const refused = new Set<string>();
    const decoder = new RequestDecoder({
      dialect,
      subscriptions: () => controlPlane.presence.subscriptions(account),
      onDiscarded: (reason) => this.#warnOnce(refused, 'discarded', { account }, reason),
    });
    const complete = new Set<string>();
    const feed = new Feed({
      tables: controlPlane.rib.tables,
      encode: (vpn, said) => {
        if (said !== 'end-of-rib') return this.#encodeSegment(vpn, said, dialect);
        complete.add(vpn);
        const isDue =
          dialects[dialect].endOfRib === 'vpn' ||
          [...controlPlane.presence.subscriptions(account).keys()].every((vpn) => complete.has(vpn));
        return isDue ? this.#encode({ kind: 'end-of-rib', vpn }, dialect) : [];
      },
    });
    const wake = session.sendFrom(() => feed.next());
    const served = { session, dialect, decoder, controlPlane, feed, wake, refused, complete };
    this.#sessions.set(account, served);
    controlPlane.opened(account);
    session.onRequest((payload) => this.#answerInTurn(served, payload));
    session.on('close', (reason) => {
      feed.close();
      if (this.#sessions.get(account) !== served) return;
      log.warn(
        { account, jid, reason },
        `forwarder ${account}: session lost (${reason}); its routes are kept as stale`,
      );
      this.#sessions.delete(account);
      controlPlane.closed(account);
    });
  }

  /** Ends the session of an account, if it has one; the account may make another. */
  end(account: string, reason: string): void {
    void this.#sessions.get(account)?.session.close('reset', `session ended: ${reason}`);
  }

  /** The route server stops: the end of a session means nothing any more. */
  stop(): void {
    this.#sessions.clear();
  }

  /** Those of the accounts that have a session are sent what changed in a VPN, as fast as each reads. */
  changed(vpn: string, accounts: Iterable<string>): void {
    for (const account of accounts) {
      const served = this.#sessions.get(account);
      served?.feed.changed(vpn);
      served?.wake();
    }
  }

  /** Then End-of-RIB. */
  endOfRib(vpn: string, accounts: Iterable<string>): void {
    for (const account of accounts) {
      const served = this.#sessions.get(account);
      served?.feed.endOfRib(vpn);
      served?.wake();
    }
  }

  /** Sends the table of a VPN as it is when the reader takes it. */
  startTable(vpn: string, account: string): void {
    const served = this.#sessions.get(account);
    served?.feed.startTable(vpn);
    served?.wake();
  }

  #encodeSegment(vpn: string, segment: TableSegment, dialect: Dialect): readonly Uint8Array[] {
    const shared = this.#shared.get(dialect) ?? new SharedSegments();
    this.#shared.set(dialect, shared);
    return shared.payloads(vpn, segment, ({ routes, withdrawn }) =>
      this.#encode({ kind: 'items', vpn, routes, retractedIds: withdrawn, rejected: [] }, dialect),
    );
  }

  /** The payloads of the messages of an event. */
  #encode(event: VpnEvent, dialect: Dialect): readonly Uint8Array[] {
    const { message, unsaid } = sayableEvent(dialects[dialect], event);
    for (const { reason } of unsaid) this.#logUnsaid(event.vpn, dialect, reason);
    return dialects[dialect].encodeEvent(message).map((payload) => Buffer.from(payload.toString()));
  }

  #logUnsaid(vpn: string, dialect: Dialect, reason: string): void {
    const subject = `${dialect} ${vpn}`;
    const level = this.#unsaid.has(subject) ? 'debug' : 'warn';
    this.#unsaid.add(subject);
    this.#options.log[level](
      { vpn, dialect },
      `VPN ${vpn}: forwarders of dialect ${dialect} do without ${reason}; further routes are logged as debug`,
    );
  }

  #answerInTurn(served: Served, payload: Payload): ReturnType<RequestHandler> {
    const wait = this.#options.wait?.();
    if (wait === undefined) return this.#answer(served, payload);
    return wait.then(() =>
      // Of a session that ended meanwhile nothing counts any more.
      this.#sessions.get(served.session.account) === served ? this.#answerInTurn(served, payload) : undefined,
    );
  }

  #answer(served: Served, payload: Payload): Payload | undefined {
    const { session, dialect, decoder, refused } = served;
    let request: VpnRequest | undefined;
    try {
      const requests = decoder.decode(payload);
      for (const one of requests) {
        request = one;
        this.#perform(served, one);
      }
      return requests.length === 1 && request
        ? dialects[dialect].encodeReply(request, session.jid)
        : undefined;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      const { condition, text = condition } = refusal;
      this.#warnOnce(refused, subjectOf(request, error), { account: session.account, condition }, text);
      throw refusal;
    }
  }

  /** @param said subjects that were a warning before. */
  #warnOnce(said: Set<string>, subject: string, facts: RefusalFacts, reason: string): void {
    const { log } = this.#options;
    const message = `forwarder ${facts.account}: refused: ${reason}`;
    if (said.has(subject)) log.debug(facts, message);
    else log.warn(facts, `${message}; a repetition is logged as debug`);
    said.add(subject);
  }

  #perform(served: Served, request: VpnRequest): void {
    const { session, controlPlane, feed, complete } = served;
    const { account } = session;
    const { vpn } = request;
    this.#options.log.debug(
      { account, vpn, request: request.kind },
      `forwarder ${account}: ${request.kind} in VPN ${vpn}`,
    );
    switch (request.kind) {
      case 'subscribe':
        controlPlane.subscribe(account, vpn, request.instanceId);
        complete.delete(vpn);
        feed.forgetEndOfRib(vpn);
        // The answer to the subscribe marks the start of the table for the forwarder: it goes first.
        this.#options.defer(() => {
          if (this.#sessions.get(account) === served) controlPlane.inform(account, vpn);
        });
        return;
      case 'unsubscribe':
        controlPlane.unsubscribe(account, vpn);
        feed.drop(vpn);
        return;
      case 'publish':
        this.#publish(account, controlPlane, request);
        return;
      case 'retract': {
        const unknown = controlPlane.retract(account, vpn, request.ids);
        if (unknown.length === 0) return;
        throw new StanzaError('cancel', 'item-not-found', {
          text: `VPN ${vpn}: no such item: ${listed(unknown)}`,
        });
      }
      case 'end-of-rib':
        controlPlane.endOfRib(account, vpn);
        return;
    }
  }

  #publish(
    account: string,
    controlPlane: ControlPlane,
    request: VpnRequest & { readonly kind: 'publish' },
  ): void {
    const foreign = controlPlane.publish(account, request.vpn, request.routes);
    const rejected: RejectedItem[] = [...request.rejected, ...foreign];
    if (rejected.length === 0) return;
    const accepted = request.routes.length - foreign.length;
    const count = `${rejected.length} of ${rejected.length + accepted} items rejected`;
    const text = `VPN ${request.vpn}: ${count}: ${listed(rejected.map(({ reason }) => reason))}`;
    if (accepted === 0 && request.rejected.length === 0) throw new StanzaError('auth', 'forbidden', { text });
    throw new StanzaError('modify', 'bad-request', {
      applicationCondition: { name: 'invalid-payload', xmlns: PUBSUB_ERRORS },
      text,
    });
  }
}

/** What a refusal is in RFC 6120 section 8.3.3 and XEP-0060; undefined for an error that is our own. */
function refusalOf(error: unknown): StanzaError | undefined {
  if (error instanceof StanzaError) return error;
  const text = error instanceof Error ? error.message : '';
  if (error instanceof SignalingError) {
    if (error.code === 'unsupported') return new StanzaError('cancel', 'feature-not-implemented', { text });
    if (error.code === 'malformed') return new StanzaError('modify', 'bad-request', { text });
    return undefined;
  }
  if (!(error instanceof RouteServerError)) return undefined;
  switch (error.code) {
    case 'unknown-vpn':
      return new StanzaError('cancel', 'item-not-found', { text });
    case 'not-authorised':
      return new StanzaError('auth', 'forbidden', { text });
    case 'not-subscribed':
      return new StanzaError('cancel', 'unexpected-request', {
        applicationCondition: { name: 'not-subscribed', xmlns: PUBSUB_ERRORS },
        text,
      });
  }
}

/**
 * Refusals of one subject are alike. A session has few of them, whatever it sends: names that it makes up, and what is not
 * understood, make no new ones.
 */
function subjectOf(request: VpnRequest | undefined, error: unknown): string {
  if (request === undefined) return 'not understood';
  const unknownVpn = error instanceof RouteServerError && error.code === 'unknown-vpn';
  return unknownVpn ? request.kind : `${request.kind} ${request.vpn}`;
}

function listed(items: readonly string[]): string {
  const named = items.slice(0, NAMED_ITEMS).map((item) => item.slice(0, NAMED_CHARACTERS));
  const more = items.length - named.length;
  return named.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
