// One connection of a client, from the TLS handshake's end to its session: stream headers, SASL, resource binding;
// afterwards it feeds the session. Nothing but the negotiation is answered before authentication, and all of it must
// be over in time. Whatever the peer sends ends this connection at worst. Times in milliseconds.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Element } from 'ltx';
import type { XmppError } from '../errors.ts';
import { sayFarewell } from '../farewell.ts';
import { Liveness } from '../liveness.ts';
import type { Log } from '../log.ts';
import { NS_BIND, NS_SASL, NS_STREAM } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { attribute, iqResult, isResourcepart, isStanza, STREAM_END, streamErrorText } from '../stanza.ts';
import { NEGOTIATION_LIMITS, type StreamLimits } from '../stream-parser.ts';
import { failure, type SaslAnswer, type SaslExchange } from './authentication.ts';
import type { Session, SessionOptions } from './session.ts';
import { headerFault, headerText } from './stream-header.ts';
import type { ServerWire } from './wire.ts';

/** What a session is made of. */
export type BoundResource = Pick<SessionOptions, 'account' | 'resource' | 'remoteAddress' | 'onProgress'>;

export interface ConnectionOptions {
  readonly wire: ServerWire;
  readonly domain: string;
  readonly streamLimits: StreamLimits;
  /** For the stream after authentication. */
  readonly readers: () => readonly SubtreeReader[];
  readonly pingInterval: number;
  readonly timeout: number;
  readonly sasl: SaslExchange;
  readonly authenticated: () => void;
  /** Makes the session; where the account had one, that is closed first. */
  readonly bind: (bound: BoundResource) => Session;
  /** The client knows that it is bound. */
  readonly bound: (session: Session) => void;
  readonly log: Log;
}

type Phase = 'header' | 'sasl' | 'sasl-busy' | 'header-again' | 'bind' | 'session' | 'closed';

/** RFC 6120 section 6.4.5: from 2 to 5. */
const MAX_ATTEMPTS = 3;

export class ServerConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: Duplex;
  readonly #remoteAddress: string;
  readonly #log: Log;
  #phase: Phase = 'header';
  #headerSent = false;
  #attempts = 0;
  #account = '';
  #session: Session | undefined;
  #liveness: Liveness | undefined;
  #closed: Promise<void> = Promise.resolve();
  readonly #negotiation: NodeJS.Timeout;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#socket = options.wire.socket;
    this.#remoteAddress = options.wire.remoteAddress;
    this.#open(NEGOTIATION_LIMITS, []);
    this.#negotiation = setTimeout(
      () => this.#fail('connection-timeout', 'the negotiation took too long'),
      options.timeout,
    );
    let lost = 'the connection was closed';
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      lost = `the connection was lost: ${error.code ?? error.message}`;
    });
    this.#socket.on('close', () => {
      this.#stop();
      this.#session?.cut(lost);
    });
  }

  /** Ends it with a stream error; resolves when it is closed. */
  close(condition: string): Promise<void> {
    this.#fail(condition);
    return this.#closed;
  }

  #open(limits: StreamLimits, readers: readonly SubtreeReader[]): void {
    const live = (): boolean => this.#phase !== 'closed';
    this.#options.wire.open(limits, readers, {
      received: () => this.#liveness?.received(),
      start: (header) => live() && this.#onHeader(header),
      element: (element) => live() && this.#onElement(element),
      end: () => live() && this.#onEnd(),
      error: (error) => live() && this.#onMalformed(error),
    });
  }

  #onHeader(header: Element): void {
    const fault = headerFault(header, this.#options.domain);
    if (fault === undefined) this.#sendFeatures();
    else this.#fail(fault);
  }

  #sendFeatures(): void {
    const features = new Element('stream:features');
    if (this.#phase === 'header') {
      const mechanisms = features.c('mechanisms', { xmlns: NS_SASL });
      for (const mechanism of this.#options.sasl.mechanisms) mechanisms.c('mechanism').t(mechanism);
    } else features.c('bind', { xmlns: NS_BIND });
    this.#phase = this.#phase === 'header' ? 'sasl' : 'bind';
    this.#sendHeader();
    this.#send(features);
  }

  #onElement(element: Element): void {
    if (element.is('error', NS_STREAM)) this.#onEnd();
    else if (this.#phase === 'session') this.#session?.onStanza(element);
    else if (this.#phase === 'sasl' && element.getNS() === NS_SASL) void this.#authenticate(element);
    else if (this.#phase === 'bind') this.#bind(element);
    // RFC 6120 section 4.9.3.12: whatever else comes before the negotiation is over.
    else this.#fail('not-authorized');
  }

  async #authenticate(element: Element): Promise<void> {
    this.#phase = 'sasl-busy';
    let answer: SaslAnswer;
    try {
      answer = await this.#options.sasl.take(element);
    } catch (err) {
      this.#log.error(
        { remoteAddress: this.#remoteAddress, err },
        'XMPP: the credentials cannot be looked up',
      );
      answer = failure('temporary-auth-failure');
    }
    if (this.#phase !== 'sasl-busy') return;
    this.#phase = 'sasl';
    const { outcome } = answer;
    if (outcome.kind === 'failure') return this.#onFailure(answer.element, outcome);
    if (outcome.kind === 'success') {
      this.#account = outcome.account;
      this.#headerSent = false;
      this.#phase = 'header-again';
      this.#open(this.#options.streamLimits, this.#options.readers());
      this.#options.authenticated();
    }
    this.#send(answer.element);
  }

  #onFailure(element: Element, { condition, account }: { condition: string; account?: string }): void {
    const facts = { remoteAddress: this.#remoteAddress, account: account?.slice(0, 64), condition };
    this.#log.warn(facts, 'XMPP: authentication failed');
    this.#attempts += 1;
    this.#send(element);
    if (this.#attempts >= MAX_ATTEMPTS) this.#fail('policy-violation', 'too many failed attempts');
  }

  #bind(iq: Element): void {
    const bind = isStanza(iq, 'iq') ? iq.getChild('bind', NS_BIND) : undefined;
    const resource = bind?.getChildText('resource') || randomBytes(9).toString('base64url');
    if (!bind || attribute(iq, 'type') !== 'set' || attribute(iq, 'id') === undefined)
      this.#fail('not-authorized');
    else if (!isResourcepart(resource)) this.#fail('bad-format', 'not a resource');
    else this.#begin(iq, resource);
  }

  #begin(iq: Element, resource: string): void {
    const session = this.#options.bind({
      account: this.#account,
      resource,
      remoteAddress: this.#remoteAddress,
      // Who reads is there, also where its answer to a ping has to wait until it has read all that went before.
      onProgress: () => this.#liveness?.received(),
    });
    const result = new Element('bind', { xmlns: NS_BIND });
    result.c('jid').t(session.jid);
    this.#send(iqResult(iq, result));
    clearTimeout(this.#negotiation);
    this.#session = session;
    this.#phase = 'session';
    const { pingInterval: interval, timeout } = this.#options;
    this.#liveness = new Liveness({
      interval,
      timeout,
      ping: () => session.ping(),
      dead: () => session.cut(`no answer to a ping within ${timeout / 1000} s`),
    });
    session.on('close', () => this.#stop());
    this.#options.bound(session);
  }

  #onEnd(): void {
    if (this.#session) this.#closed = this.#session.endedByPeer();
    else {
      this.#stop();
      this.#closed = sayFarewell(this.#socket, STREAM_END);
    }
  }

  #onMalformed(error: XmppError): void {
    const condition = error.condition ?? 'not-well-formed';
    const facts = { remoteAddress: this.#remoteAddress, jid: this.#session?.jid, condition };
    this.#log.warn(facts, `XMPP: the stream is closed: ${error.message}`);
    this.#fail(condition);
  }

  #fail(condition: string, text?: string): void {
    if (this.#session) this.#closed = this.#session.close(condition, text);
    else if (this.#phase !== 'closed') {
      if (!this.#headerSent) this.#sendHeader();
      this.#stop();
      this.#closed = sayFarewell(this.#socket, streamErrorText(condition, text));
    }
  }

  #stop(): void {
    this.#phase = 'closed';
    clearTimeout(this.#negotiation);
    this.#liveness?.stop();
  }

  /** RFC 6120 section 4.7: the server's header comes before anything else, also before an error. */
  #sendHeader(): void {
    this.#headerSent = true;
    this.#socket.write(headerText(this.#options.domain));
  }

  #send(element: Element): void {
    this.#socket.write(element.toString());
  }
}
