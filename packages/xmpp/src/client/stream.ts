// One attempt at one stream to a server: TLS, SASL, resource binding, stanzas; composed of the @xmpp packages. Used
// once and thrown away, so that no state of a failed attempt can reach the next. Never retries; never plaintext.
//
// What the @xmpp packages do not do by themselves is here: every step has a watchdog; the parser is our own, strict
// and bounded; whatever the peer sends ends in `ended`, never in an exception; the server's SCRAM proof is checked.
// Times in milliseconds.
import { isIP, isIPv6 } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type TLSSocket } from 'node:tls';
import { Client } from '@xmpp/client-core';
import iqCaller, { type IqCaller } from '@xmpp/iq/caller.js';
import createMiddleware from '@xmpp/middleware';
import resourceBinding from '@xmpp/resource-binding';
import sasl from '@xmpp/sasl';
import createStreamFeatures from '@xmpp/stream-features';
import ConnectionTLS from '@xmpp/tls/lib/Connection.js';
import { Element } from 'ltx';
import { StanzaError, XmppError } from '../errors.ts';
import { sayFarewell } from '../farewell.ts';
import { Liveness } from '../liveness.ts';
import { NS_BIND, NS_CLIENT, NS_SASL, NS_STANZA_ERRORS, NS_STREAM } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { SCRAM_SHA_256, ScramClient } from '../scram.ts';
import {
  attribute,
  iqError,
  iqResult,
  isIqRequest,
  isPing,
  isStanza,
  pingIq,
  STREAM_END,
  streamErrorFrom,
  streamErrorText,
} from '../stanza.ts';
import { NEGOTIATION_LIMITS, STREAM_LIMITS, StreamParser } from '../stream-parser.ts';
import { connectionClosed, failureOf, requestFailure, type Step, stepTimeout } from './failure.ts';
import { scramFactory } from './mechanism.ts';

export interface ClientStreamOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly account: string;
  readonly resource: string;
  readonly password: () => string | Promise<string>;
  readonly ca?: string | undefined;
  readonly pingInterval: number;
  readonly timeout: number;
  readonly readers?: () => readonly SubtreeReader[];
}

/** What becomes of the stream. None may throw. */
export interface ClientStreamEvents {
  readonly online: (jid: string) => void;
  readonly message: (stanza: Element) => void;
  /** Once, at the end, whatever it was. */
  readonly ended: (reason: XmppError) => void;
}

class NegotiationParser extends StreamParser {
  constructor() {
    super(NEGOTIATION_LIMITS);
  }
}

/** Of the stream after authentication, of which there is one. */
function sessionParser(readers: readonly SubtreeReader[]): new () => StreamParser {
  return class extends StreamParser {
    constructor() {
      super(STREAM_LIMITS, { readers });
    }
  };
}

class Transport extends ConnectionTLS {}
Transport.prototype.Parser = NegotiationParser;

export class ClientStream extends Client {
  readonly #options: ClientStreamOptions;
  readonly #events: ClientStreamEvents;
  readonly #iqs: IqCaller;
  #step: Step = 'connect';
  #watchdog: NodeJS.Timeout | undefined;
  #liveness: Liveness | undefined;
  #tls: TLSSocket | undefined;
  #scram: ScramClient | undefined;
  #success = '';
  #authenticated = false;
  #boundJid = '';
  #pings = 0;
  #ended = false;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: ClientStreamOptions, events: ClientStreamEvents) {
    // The packages' own timeouts come after our watchdog's, which names the step.
    super({ domain: options.domain, timeout: options.timeout * 2 });
    this.#options = options;
    this.#events = events;
    this.transports.push(Transport);
    this.on('error', (error: unknown) => this.#fail(error));
    this.on('open', (header: Element) => this.#checkHeader(header));
    this.on('close', () => this.#end(new XmppError('closed', 'the server ended the stream'), STREAM_END));
    this.on('disconnect', () => this.#end(connectionClosed(this.#step)));
    this.on('online', () => this.#online());

    const middleware = createMiddleware({ entity: this });
    const streamFeatures = createStreamFeatures({ middleware });
    this.#iqs = iqCaller({ middleware, entity: this });
    middleware.use(({ stanza }, next) => {
      if (stanza.is('features', NS_STREAM)) this.#checkFeatures(stanza);
      return next();
    });
    const saslFactory = scramFactory(() => this.#scram);
    sasl({ streamFeatures, saslFactory }, (authenticate) => this.#authenticate(authenticate));
    resourceBinding({ streamFeatures, iqCaller: this.#iqs }, options.resource);
  }

  /** Starts it, once; how it goes is told by the events alone. */
  async begin(): Promise<void> {
    const { host, port, domain } = this.#options;
    try {
      this.#expect('connect');
      const connected = this.connect(`xmpps://${isIPv6(host) ? `[${host}]` : host}:${port}`);
      this.#tls = this.socket?.socket ?? undefined;
      // The package lets go of its own listeners when the socket closes.
      this.#tls?.on('error', () => {});
      this.#tls?.once('connect', () => this.#expect('tls'));
      await connected;
      if (this.#ended) return;
      this.#expect('header');
      await this.open({ domain });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends it in order where it is up, at once where it is not. `ended` is told before this resolves. */
  close(): Promise<void> {
    this.#end(new XmppError('closed', 'stopped'), this.#liveness && STREAM_END);
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

  override socketParameters(service: string): ConnectionOptions {
    const { host, port, domain, ca } = this.#options;
    return {
      ...super.socketParameters(service),
      host,
      port,
      ...(ca === undefined ? {} : { ca }),
      // The certificate must be the XMPP domain's, whatever the address is (RFC 7590, XEP-0368).
      checkServerIdentity: (_name, certificate) => checkServerIdentity(domain, certificate),
      ...(isIP(domain) ? {} : { servername: domain }),
      ALPNProtocols: ['xmpp-client'],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    };
  }

  /** Resolves before the bytes are sent: the package would miss an answer that comes before its own write returns. */
  override write(text: string): Promise<void> {
    const socket = this.socket;
    if (this.#ended || !socket?.socket)
      return Promise.reject(new XmppError('closed', 'the stream is closed'));
    socket.write(text);
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
      if (element.is('error', NS_STREAM)) this.#end(streamErrorFrom(element), STREAM_END);
      else if (isStanza(element, 'message') || isStanza(element, 'presence') || isIqRequest(element))
        this.#onStanza(element);
      else {
        if (element.is('success', NS_SASL))
          this.#success = Buffer.from(element.getText(), 'base64').toString();
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
    if (isStanza(stanza, 'message')) this.#events.message(stanza);
    else if (isStanza(stanza, 'iq'))
      this.#send(
        isPing(stanza) ? iqResult(stanza) : iqError(stanza, new StanzaError('cancel', 'service-unavailable')),
      );
  }

  #checkHeader(header: Element): void {
    const from = attribute(header, 'from');
    const { domain } = this.#options;
    let fault: readonly [condition: string, what: string] | undefined;
    if (!header.is('stream', NS_STREAM) || header.findNS() !== NS_CLIENT)
      fault = ['invalid-namespace', 'the server speaks no XMPP for clients'];
    else if (!attribute(header, 'version')?.startsWith('1.'))
      fault = ['unsupported-version', 'the server speaks no XMPP 1.0'];
    else if (from !== undefined && from.toLowerCase() !== domain.toLowerCase())
      fault = ['host-unknown', `the server is ${from.slice(0, 200)}, not ${domain}`];
    if (fault) this.#fail(new XmppError('stream', fault[1], { condition: fault[0] }));
    else this.#expect('features');
  }

  #checkFeatures(features: Element): void {
    if (this.#step !== 'features')
      throw new XmppError('stream', 'stream features out of turn', { condition: 'policy-violation' });
    const mechanisms = features
      .getChild('mechanisms', NS_SASL)
      ?.getChildren('mechanism')
      .map((mechanism) => mechanism.getText());
    // To go on without is to talk to a server that never proved that it knows the password.
    if (!this.#authenticated && !mechanisms?.includes(SCRAM_SHA_256))
      throw new XmppError('authentication', `the server does not offer ${SCRAM_SHA_256}`);
    if (this.#authenticated && (mechanisms || !features.getChild('bind', NS_BIND)))
      throw new XmppError('stream', 'the server offers no resource binding', {
        condition: 'policy-violation',
      });
    this.#expect(this.#authenticated ? 'binding' : 'authentication');
  }

  async #authenticate(
    authenticate: (credentials: object, mechanism: string) => Promise<void>,
  ): Promise<void> {
    const scram = new ScramClient(this.#options.account, await this.#password());
    this.#scram = scram;
    await authenticate({}, SCRAM_SHA_256);
    this.#scram = undefined;
    scram.verify(this.#success);
    this.#authenticated = true;
    this.Parser = sessionParser(this.#options.readers?.() ?? []);
    this.#expect('header');
  }

  async #password(): Promise<string> {
    try {
      return await this.#options.password();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new XmppError('authentication', `no password: ${why}`, { cause });
    }
  }

  #online(): void {
    const { account, domain, pingInterval: interval, timeout } = this.#options;
    const [bare] = this.#boundJid.split('/', 1);
    if (bare?.toLowerCase() !== `${account}@${domain}`.toLowerCase()) {
      this.#fail(new XmppError('stream', 'the server bound another JID', { condition: 'invalid-from' }));
      return;
    }
    clearTimeout(this.#watchdog);
    this.#step = 'session';
    const ping = (): void => {
      this.#pings += 1;
      this.#send(pingIq(`ping-${this.#pings}`, {}));
    };
    const dead = (): void => this.#end(stepTimeout('session', timeout));
    this.#liveness = new Liveness({ interval, timeout, ping, dead });
    this.#events.online(this.#boundJid);
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
    const told = reason.code === 'stream' && reason.condition !== undefined;
    this.#end(reason, told ? streamErrorText(reason.condition ?? '') : undefined);
  }

  #end(reason: XmppError, farewell?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#liveness?.stop();
    if (this.#tls && farewell !== undefined) this.#closed = sayFarewell(this.#tls, farewell);
    else this.#tls?.destroy();
    for (const { promise, reject } of this.#iqs.handlers.values()) {
      promise.catch(() => {});
      reject(reason);
    }
    // Frees whatever in the packages still waits for an event.
    this.emit('error', reason);
    this.#events.ended(reason);
  }
}

/** The package takes the first child of an error without looking whether there is one. */
function mendError(iq: Element): void {
  const error = iq.getChild('error') ?? iq.c('error', { type: 'cancel' });
  if (error.getChildElements().length === 0) error.c('undefined-condition', { xmlns: NS_STANZA_ERRORS });
}
