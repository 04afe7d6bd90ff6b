// A client that stays connected: one stream at a time, a new one after a jittered backoff when that ends, for ever,
// until it is stopped. Never plaintext, never without authentication of both sides. Times in milliseconds.
import type { Element } from 'ltx';
import { XmppError } from '../errors.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { Reconnect } from '../reconnect.ts';
import type { Backoff } from './backoff.ts';
import type { Credential } from './credential.ts';
import { ClientStream } from './stream.ts';

export interface XmppClientOptions {
  /** Name or address of the server; its certificate is checked against `domain`, not against this. */
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** The localpart of the JID, and the name that authenticates. */
  readonly account: string;
  readonly resource: string;
  /** `tcp`, the default, or a WebSocket at /xmpp-websocket (RFC 7395). */
  readonly transport?: 'tcp' | 'websocket';
  /** Over TCP. `direct`, the default: from the first byte; `starttls`: demanded in a plaintext that carries nothing else. */
  readonly tls?: 'direct' | 'starttls';
  /** Certificates of the CA in PEM; the system's when absent. */
  readonly ca?: Credential | undefined;
  /** Our certificate in PEM, with those between it and its CA; the account is authenticated by it where it can be. */
  readonly certificate?: Credential | undefined;
  /** Of the certificate, in PEM. */
  readonly key?: Credential | undefined;
  /** May be left out where there is a certificate. */
  readonly password?: Credential | undefined;
  /** Whether the password may be shown to the server, inside TLS, where that offers nothing better. Default false. */
  readonly plain?: boolean;
  /** Default 30 000. */
  readonly pingInterval?: number;
  /** For each step of the negotiation, for the answer to a ping and to a request. Default 10 000. */
  readonly timeout?: number;
  /** Default 500 to 30 000. */
  readonly backoff?: Backoff;
  readonly log: Log;
  /** Readers of elements that are to come as values, new ones for each stream; see SubtreeReader. None by default. */
  readonly readers?: () => readonly SubtreeReader[];
  /** From 0 to below 1, for the jitter. */
  readonly random?: () => number;
}

interface XmppClientEvents {
  online: () => void;
  /** No session, and why: after the end of one, and again after each attempt that failed. */
  offline: (reason: XmppError) => void;
  /**
   * Messages come one after the other: each waits until the promises that listeners returned for the one before are settled. When more than a few
   * wait, nothing is read from the server: a listener that waits for a request of its own session may wait for ever.
   */
  message: (stanza: Element) => unknown;
}

export class XmppClient {
  readonly #options: XmppClientOptions;
  readonly #listeners: Listeners<XmppClientEvents>;
  readonly #server: string;
  #stream: ClientStream | undefined;
  readonly #reconnect: Reconnect;
  #running = false;
  #jid: string | undefined;

  constructor(options: XmppClientOptions) {
    this.#options = options;
    this.#server = `${options.domain} (${options.host}:${options.port})`;
    const { account, backoff, random, log } = options;
    this.#listeners = new Listeners((event, err) =>
      log.error({ server: this.#server, err }, `XMPP: ${event} was not dealt with; the session goes on`),
    );
    this.#reconnect = new Reconnect({
      ...(backoff && { backoff }),
      ...(random && { random }),
      facts: { server: this.#server, account },
      log,
      attempt: () => this.#connect(),
    });
  }

  get online(): boolean {
    return this.#jid !== undefined;
  }

  /** The full JID while online. */
  get jid(): string | undefined {
    return this.#jid;
  }

  /** Returns what removes the listener again. A listener that throws is logged and changes nothing. */
  on<Name extends keyof XmppClientEvents>(event: Name, listener: XmppClientEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  /** Ends the session in order, or whatever attempt there is at once. Resolves within about two seconds. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#reconnect.cancel();
    await this.#stream?.close();
  }

  /**
   * Sends an iq of type set and waits for its answer: the payload of the result, undefined when that is empty.
   * Throws StanzaError when the server answers with an error, XmppError 'timeout' when it does not answer, and the
   * stream's XmppError when the stream ends first.
   */
  async request(
    payload: Element,
    options: { to?: string; timeout?: number } = {},
  ): Promise<Element | undefined> {
    if (!this.#stream || !this.online) throw new XmppError('closed', `no session with ${this.#server}`);
    const { to, timeout = this.#timeout } = options;
    return await this.#stream.request(payload, to, timeout);
  }

  get #timeout(): number {
    return this.#options.timeout ?? 10_000;
  }

  #connect(): void {
    const { pingInterval = 30_000 } = this.#options;
    const stream = new ClientStream(
      { ...this.#options, pingInterval, timeout: this.#timeout },
      {
        online: (jid) => this.#onOnline(jid),
        message: (stanza) => this.#listeners.emitInTurn('message', stanza),
        ended: (reason) => this.#onEnded(reason),
      },
    );
    this.#stream = stream;
    void stream.begin();
  }

  #onOnline(jid: string): void {
    this.#jid = jid;
    this.#reconnect.succeeded();
    this.#options.log.info({ server: this.#server, jid }, 'XMPP: session established');
    this.#listeners.emit('online');
  }

  #onEnded(reason: XmppError): void {
    this.#jid = undefined;
    if (this.#running) this.#reconnect.ended(reason);
    else this.#options.log.info({ server: this.#server }, 'XMPP: stopped');
    this.#listeners.emit('offline', reason);
  }
}
