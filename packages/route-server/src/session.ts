// The XMPP side of the control plane: requests of forwarders in, events out. Owns which account has which session and how a
// refusal is said in a stanza; never decides what is refused.

import type { RejectedItem, VpnEvent, VpnRequest } from '@hostpe/signaling';
import { decodeRequest, encodeEvent, encodeReply, SignalingError } from '@hostpe/signaling';
import { type Log, type ServerSession, StanzaError } from '@hostpe/xmpp';
import type { ControlPlane } from './control-plane.ts';
import { RouteServerError } from './errors.ts';
import { segments } from './segments.ts';

const PUBSUB_ERRORS = 'http://jabber.org/protocol/pubsub#errors';

/** How many items the text of an error names, and how much of each: a request must not choose the size of its answer. */
const NAMED_ITEMS = 10;
const NAMED_CHARACTERS = 200;

/** The child of an iq. */
type Payload = Parameters<typeof decodeRequest>[0];

export interface SessionsOptions {
  readonly log: Log;
  /** Runs a task after the answer to the current request is on its way. */
  readonly defer: (task: () => void) => void;
}

export class Sessions {
  readonly #log: Log;
  readonly #defer: (task: () => void) => void;
  /** By account. */
  readonly #sessions = new Map<string, ServerSession>();

  constructor(options: SessionsOptions) {
    this.#log = options.log;
    this.#defer = options.defer;
  }

  session(account: string): ServerSession | undefined {
    return this.#sessions.get(account);
  }

  /** Serves a session until it closes. An earlier one of the account has closed before. */
  accept(session: ServerSession, controlPlane: ControlPlane): void {
    const { account, jid, remoteAddress } = session;
    this.#log.info({ account, jid, remoteAddress }, `forwarder ${account}: online from ${remoteAddress}`);
    this.#sessions.set(account, session);
    controlPlane.opened(account);
    const refused = new Set<string>();
    session.onRequest((payload) => this.#answer(session, controlPlane, refused, payload));
    session.on('close', (reason) => {
      if (this.#sessions.get(account) !== session) return;
      this.#log.warn(
        { account, jid, reason },
        `forwarder ${account}: session lost (${reason}); its routes are kept as stale`,
      );
      this.#sessions.delete(account);
      controlPlane.closed(account);
    });
  }

  /** The route server stops: the end of a session means nothing any more. */
  stop(): void {
    this.#sessions.clear();
  }

  /** Sends an event, serialised once, to those of the accounts that have a session. */
  deliver(event: VpnEvent, accounts: Iterable<string>): void {
    const receivers = [...accounts];
    for (const segment of segments(event)) {
      const body = encodeEvent(segment).toString();
      for (const account of receivers) this.#sessions.get(account)?.sendMessage(body);
    }
  }

  /** `refused`: what the session was refused before, as `subjectOf` has it. */
  #answer(
    session: ServerSession,
    controlPlane: ControlPlane,
    refused: Set<string>,
    payload: Payload,
  ): Payload | undefined {
    let request: VpnRequest | undefined;
    try {
      request = decodeRequest(payload);
      this.#perform(session, controlPlane, request);
      return encodeReply(request, session.jid);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      const { account } = session;
      const facts = { account, condition: refusal.condition };
      const message = `forwarder ${account}: refused: ${refusal.text}`;
      const subject = subjectOf(request, error);
      if (refused.has(subject)) this.#log.debug(facts, message);
      else this.#log.warn(facts, `${message}; a repetition is logged as debug`);
      refused.add(subject);
      throw refusal;
    }
  }

  #perform(session: ServerSession, controlPlane: ControlPlane, request: VpnRequest): void {
    const { account } = session;
    const { vpn } = request;
    this.#log.debug(
      { account, vpn, request: request.kind },
      `forwarder ${account}: ${request.kind} in VPN ${vpn}`,
    );
    switch (request.kind) {
      case 'subscribe':
        controlPlane.subscribe(account, vpn, request.instanceId);
        // The answer to the subscribe marks the start of the table for the forwarder: it goes first.
        this.#defer(() => {
          if (this.#sessions.get(account) === session) controlPlane.inform(account, vpn);
        });
        return;
      case 'unsubscribe':
        controlPlane.unsubscribe(account, vpn);
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
