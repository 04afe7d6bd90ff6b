// One attempt at one stream to a server: TLS, SASL, resource binding, stanzas; composed of the @xmpp packages. Used
// once and thrown away, so that no state of a failed attempt can reach the next. Never retries; never plaintext.
//
// What the @xmpp packages do not do by themselves is here: every step has a watchdog; the parser is our own, strict
// and bounded; whatever the peer sends ends in `ended`, never in an exception; the server's SCRAM proof is checked;
// what waits to be read or written is bounded. Times in milliseconds, sizes in bytes.
import iqCaller, { type IqCaller } from '@xmpp/iq/caller.js';
import createMiddleware from '@xmpp/middleware';
import resourceBinding from '@xmpp/resource-binding';
import sasl from '@xmpp/sasl';
import createStreamFeatures from '@xmpp/stream-features';
import Connection from '@xmpp/tls/lib/Connection.js';
import { Element } from 'ltx';
import { StanzaError, XmppError } from '../errors.ts';
import { Liveness } from '../liveness.ts';
import { NS_SASL, NS_STREAM } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import {
  attribute,
  iqError,
  iqResult,
  isIqRequest,
  isPing,
  isStanza,
  pingIq,
  streamErrorFrom,
} from '../stanza.ts';
import { NEGOTIATION_LIMITS, STREAM_LIMITS } from '../stream-parser.ts';
import { type AuthenticationOptions, ClientAuthentication } from './authentication.ts';
import { connectionClosed, failureOf, mendError, requestFailure, type Step, stepTimeout } from './failure.ts';
import { documentFraming, type Framing } from './framing.ts';
import { Inbox } from './inbox.ts';
import { checkHeader, demandBinding, isJidOf, refusal } from './negotiation.ts';
import type { AttemptEvents } from './steady-client.ts';
import { openTransport, type TransportOptions } from './transport.ts';
import type { Wire } from './wire.ts';

export interface ClientStreamOptions extends TransportOptions, AuthenticationOptions {
  readonly resource: string;
  readonly pingInterval: number;
  readonly timeout: number;
  readonly readers?: () => readonly SubtreeReader[];
}

/** What may wait for a server that does not read. */
const MAX_UNSENT = 16 * 1024 * 1024;

export class ClientStream extends Connection {
  readonly #options: ClientStreamOptions;
  readonly #events: AttemptEvents;
  readonly #iqs: IqCaller;
  readonly #inbox: Inbox;
  readonly #authentication: ClientAuthentication;
  #step: Step = 'connect';
  #watchdog: NodeJS.Timeout | undefined;
  #liveness: Liveness | undefined;
  #wire: Wire | undefined;
  #framing: Framing = documentFraming;
  #opened = false;
  #boundJid = '';
  #pings = 0;
  #ended = false;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: ClientStreamOptions, events: AttemptEvents) {
    // The packages' own timeouts come after our watchdog's, which names the step.
    super({ domain: options.domain, timeout: options.timeout * 2 });
    this.#options = options;
    this.#events = events;
    this.#inbox = new Inbox({
      deliver: events.message,
      pause: () => this.#wire?.pause(),
      resume: () => this.#wire?.resume(),
    });
    this.on('error', (error: unknown) => this.#fail(error));
    this.on('open', (header: Element) => this.#onHeader(header));
    this.on('close', () => this.#end(new XmppError('closed', 'the server ended the stream'), []));
    this.on('disconnect', () => this.#end(connectionClosed(this.#step)));
    this.on('online', () => this.#online());

    const middleware = createMiddleware({ entity: this });
    const streamFeatures = createStreamFeatures({ middleware });
    this.#iqs = iqCaller({ middleware, entity: this });
    middleware.use(({ stanza }, next) => {
      if (stanza.is('features', NS_STREAM)) this.#checkFeatures(stanza);
      return next();
    });
    this.#authentication = new ClientAuthentication(options);
    sasl({ streamFeatures, saslFactory: this.#authentication.factory }, async (authenticate) => {
      await this.#authentication.run(authenticate);
      this.#onAuthenticated();
    });
    resourceBinding({ streamFeatures, iqCaller: this.#iqs }, options.resource);
  }

  /** Starts it, once; how it goes is told by the events alone. */
  async begin(): Promise<void> {
    this.#expect('connect');
    try {
      const { wire, framing } = await openTransport(this.#options);
      if (this.#ended) return;
      this.#wire = wire;
      this.#framing = framing;
      // The package lets go of its own listeners when the wire closes.
      wire.on('error', () => {});
      wire.on('progress', (step) => this.#expect(step));
      wire.once('connect', () => void this.#open());
      this._attachSocket(wire);
      wire.connect();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends it in order where it is up, at once where it is not. `ended` is told before this resolves. */
  close(): Promise<void> {
    this.#end(new XmppError('closed', 'stopped'), this.#liveness && []);
    return this.#closed;
  }

  /** XmppClient.request. */
  async request(payload: Element, to: string | undefined, timeout: number): Promise<Element | undefined> {
    const iq = new Element('iq', to === undefined ? { type: 'set' } : { type: 'set', to });
    iq.cnode(payload);
    try {
      const reply = await this.#iqs.request(iq, timeout);
      return reply.getChildElements()[0];
    } catch (error) {
      throw requestFailure(error, timeout);
    }
  }

  override header(): string {
    return this.#framing.header(this.#options.domain);
  }

  override send(element: Element): Promise<void> {
    return this.write(this.#framing.element(element));
  }

  /** Resolves before the bytes are sent: the package would miss an answer that comes before its own write returns. */
  override write(text: string): Promise<void> {
    const wire = this.#wire;
    if (this.#ended || !wire) return Promise.reject(new XmppError('closed', 'the stream is closed'));
    if (wire.unsent + text.length > MAX_UNSENT) {
      const waits = wire.unsent >> 20;
      const reason = new XmppError('timeout', `the server does not read: ${waits} MiB wait to be sent`);
      this.#end(reason);
      return Promise.reject(reason);
    }
    wire.write(text);
    return Promise.resolve();
  }

  override _onData(bytes: Uint8Array): void {
    this.#liveness?.received();
    if (this.parser) this.parser.write(bytes);
    else this.#fail(new XmppError('stream', 'the server speaks before it is asked'));
  }

  override _jid(jid: string): unknown {
    this.#boundJid = jid;
    return super._jid(jid);
  }

  /** The package calls it for what the parser refused; `error` comes next, with the reason, and ends the stream. */
  override _streamError(): Promise<unknown> {
    return Promise.resolve();
  }

  override _onElement(element: Element): void {
    if (this.#ended) return;
    try {
      if (element.is('error', NS_STREAM)) this.#end(streamErrorFrom(element), []);
      else if (isStanza(element, 'message') || isStanza(element, 'presence') || isIqRequest(element))
        this.#onStanza(element);
      else {
        if (element.is('success', NS_SASL)) this.#authentication.take(element);
        if (isStanza(element, 'iq') && attribute(element, 'type') === 'error') mendError(element);
        super._onElement(element);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What the server sends of itself; before the session nothing of it means anything. */
  #onStanza(stanza: Element): void {
    if (!this.#liveness) return;
    if (isStanza(stanza, 'message')) this.#inbox.take(stanza);
    else if (isStanza(stanza, 'iq'))
      this.#send(
        isPing(stanza) ? iqResult(stanza) : iqError(stanza, new StanzaError('cancel', 'service-unavailable')),
      );
  }

  async #open(): Promise<void> {
    try {
      this.Parser = this.#framing.parser(NEGOTIATION_LIMITS, []);
      this.#expect('header');
      this.#opened = true;
      await this.open({ domain: this.#options.domain });
    } catch (error) {
      this.#fail(error);
    }
  }

  #onHeader(header: Element): void {
    try {
      checkHeader(header, this.#framing, this.#options.domain);
      this.#expect('features');
    } catch (error) {
      this.#fail(error);
    }
  }

  #checkFeatures(features: Element): void {
    if (this.#step !== 'features') throw refusal('policy-violation', 'stream features out of turn');
    if (this.#authentication.done) demandBinding(features);
    else this.#authentication.choose(features);
    this.#expect(this.#authentication.done ? 'binding' : 'authentication');
  }

  #onAuthenticated(): void {
    this.Parser = this.#framing.parser(STREAM_LIMITS, this.#options.readers?.() ?? []);
    this.#expect('header');
  }

  #online(): void {
    const { account, domain, pingInterval: interval, timeout } = this.#options;
    const jid = this.#boundJid;
    if (!isJidOf(jid, account, domain)) {
      this.#fail(refusal('invalid-from', 'the server bound another JID'));
      return;
    }
    clearTimeout(this.#watchdog);
    this.#step = 'session';
    const ping = (): void => {
      this.#pings += 1;
      this.#send(pingIq(`ping-${this.#pings}`, {}));
    };
    const dead = (): void => {
      // What we do not read is not the server's silence.
      if (this.#inbox.paused) this.#liveness?.received();
      else this.#end(stepTimeout('session', timeout));
    };
    this.#liveness = new Liveness({ interval, timeout, ping, dead });
    this.#events.online(jid);
  }

  #send(stanza: Element): void {
    this.send(stanza).catch((error: unknown) => this.#fail(error));
  }

  #expect(step: Step): void {
    if (this.#ended) return;
    const { timeout } = this.#options;
    this.#step = step;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#end(stepTimeout(step, timeout)), timeout);
  }

  #fail(error: unknown): void {
    const reason = failureOf(this.#step, error);
    const told = reason.code === 'stream' ? reason.condition : undefined;
    this.#end(reason, told === undefined ? undefined : [told]);
  }

  /** With `farewell` the stream is ended in order, with a stream error where it has a condition. */
  #end(reason: XmppError, farewell?: readonly [] | readonly [condition: string]): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#liveness?.stop();
    this.#inbox.close();
    // Before a stream is opened there is none to end.
    if (this.#wire && this.#opened && farewell)
      this.#closed = this.#wire.finish(this.#framing.end(farewell[0]));
    else this.#wire?.destroy();
    for (const { promise, reject } of this.#iqs.handlers.values()) {
      promise.catch(() => {});
      reject(reason);
    }
    // Frees whatever in the packages still waits for an event.
    this.emit('error', reason);
    this.#events.ended(reason);
  }
}
