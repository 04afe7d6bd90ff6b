// A client of open streams that stays connected: one stream at a time, a new one after a jittered backoff when that ends, for ever,
// until it is stopped. No authentication but that of TLS, where it is configured; no answers to what it sends. Times in milliseconds.
import type { Element } from 'ltx';
import type { Backoff } from '../client/backoff.ts';
import { XmppError } from '../errors.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import { Reconnect } from '../reconnect.ts';
import { ClientOpenStream, type ClientOpenStreamOptions } from './client-stream.ts';

export interface OpenStreamClientOptions extends Omit<ClientOpenStreamOptions, 'holdTime' | 'timeout'> {
  /** Makes the stanzas of one stream of their payloads. */
  readonly stanzas: () => (payload: Element) => Element;
  /** Without anything from the server it is given up; white space goes out three times as often. Default 90 000. */
  readonly holdTime?: number;
  /** For each step until the stream is there. Default 10 000. */
  readonly timeout?: number;
  /** Default 500 to 30 000. */
  readonly backoff?: Backoff;
  readonly log: Log;
  /** From 0 to below 1, for the jitter. */
  readonly random?: () => number;
}

interface OpenStreamClientEvents {
  online: () => void;
  /** No stream, and why: after the end of one, and again after each attempt that failed. */
  offline: (reason: XmppError) => void;
  /** As XmppClient has it. */
  message: (stanza: Element) => void | Promise<void>;
}

export class OpenStreamClient {
  readonly #options: OpenStreamClientOptions;
  readonly #listeners: Listeners<OpenStreamClientEvents>;
  readonly #server: string;
  readonly #reconnect: Reconnect;
  #stream: ClientOpenStream | undefined;
  #stanza: (payload: Element) => Element;
  #running = false;
  #online = false;

  constructor(options: OpenStreamClientOptions) {
    this.#options = options;
    this.#stanza = options.stanzas();
    this.#server = `${options.server} (${options.host}:${options.port})`;
    this.#reconnect = new Reconnect({
      ...options,
      facts: { server: this.#server, name: options.name },
      attempt: () => this.#connect(),
    });
    this.#listeners = new Listeners((event, err) =>
      options.log.error(
        { server: this.#server, err },
        `XMPP: ${event} was not dealt with; the session goes on`,
      ),
    );
  }

  get online(): boolean {
    return this.#online;
  }

  /** Our name while online. */
  get jid(): string | undefined {
    return this.#online ? this.#options.name : undefined;
  }

  /** Returns what removes the listener again. A listener that throws is logged and changes nothing. */
  on<Name extends keyof OpenStreamClientEvents>(
    event: Name,
    listener: OpenStreamClientEvents[Name],
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  /** Ends the stream in order, or whatever attempt there is at once. Resolves within about two seconds. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#reconnect.cancel();
    await this.#stream?.close();
  }

  /**
   * Sends a payload in its stanza; no answer comes, so it resolves when that is with the network. Payloads go out in the order of
   * the calls.
   * @throws XmppError 'closed' where there is no stream, or where it ends before.
   */
  async request(payload: Element): Promise<undefined> {
    if (!this.#stream || !this.#online) throw new XmppError('closed', `no session with ${this.#server}`);
    await this.#stream.send(this.#stanza(payload));
  }

  #connect(): void {
    const { holdTime = 90_000, timeout = 10_000 } = this.#options;
    this.#stanza = this.#options.stanzas();
    this.#stream = new ClientOpenStream(
      { ...this.#options, holdTime, timeout },
      {
        online: () => this.#onOnline(),
        message: (stanza) => this.#listeners.emitInTurn('message', stanza),
        ended: (reason) => this.#onEnded(reason),
      },
    );
  }

  #onOnline(): void {
    const { name, log } = this.#options;
    this.#online = true;
    this.#reconnect.succeeded();
    log.info({ server: this.#server, jid: name }, 'XMPP: open stream established, without authentication');
    this.#listeners.emit('online');
  }

  #onEnded(reason: XmppError): void {
    this.#online = false;
    if (this.#running) this.#reconnect.ended(reason);
    else this.#options.log.info({ server: this.#server }, 'XMPP: stopped');
    this.#listeners.emit('offline', reason);
  }
}
