// What every client has that stays connected: one stream at a time, a new one after a jittered backoff when that ends, for ever, until
// it is stopped; and who listens. What a stream is, and how to ask on it, is of each kind of client. Times in milliseconds.
import type { Element } from 'ltx';
import { XmppError } from '../errors.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import { Reconnect, type ReconnectOptions } from '../reconnect.ts';

interface ClientEvents {
  online: () => void;
  /** No session, and why: after the end of one, and again after each attempt that failed. */
  offline: (reason: XmppError) => void;
  /**
   * Messages come one after the other: each waits until the promises that listeners returned for the one before are settled. When more than a few
   * wait, nothing is read from the server: a listener that waits for a request of its own session may wait for ever.
   */
  message: (stanza: Element) => unknown;
}

/** What becomes of one attempt at a stream. None may throw. */
export interface AttemptEvents {
  /** @param jid whom the server knows us as. */
  readonly online: (jid: string) => void;
  /** Where it returns a promise, the next message waits for that; it may not reject. */
  readonly message: (stanza: Element) => Promise<void> | undefined;
  /** Once, at the end, whatever it was. */
  readonly ended: (reason: XmppError) => void;
}

export interface SteadyClientOptions extends Omit<ReconnectOptions, 'attempt' | 'facts'> {
  /** Names the server in what an operator reads. */
  readonly server: string;
  /** Who we are there, for the same. */
  readonly name: object;
  /** The line of the log about a stream that is there. */
  readonly established: string;
  readonly log: Log;
}

export abstract class SteadyClient<Stream extends { close(): Promise<void> }> {
  readonly #established: string;
  readonly #log: Log;
  readonly #server: string;
  readonly #listeners: Listeners<ClientEvents>;
  readonly #reconnect: Reconnect;
  #stream: Stream | undefined;
  #running = false;
  #jid: string | undefined;

  constructor({ server, name, established, ...options }: SteadyClientOptions) {
    const { log } = options;
    this.#established = established;
    this.#log = log;
    this.#server = server;
    this.#listeners = new Listeners((event, err) =>
      log.error({ server, err }, `XMPP: ${event} was not dealt with; the session goes on`),
    );
    this.#reconnect = new Reconnect({
      ...options,
      facts: { server, ...name },
      attempt: () => this.#connect(),
    });
  }

  /** Begins an attempt; its events may come from then on. */
  protected abstract attempt(events: AttemptEvents): Stream;

  get online(): boolean {
    return this.#jid !== undefined;
  }

  /** Whom the server knows us as, while online. */
  get jid(): string | undefined {
    return this.#jid;
  }

  /** Returns what removes the listener again. A listener that throws is logged and changes nothing. */
  on<Name extends keyof ClientEvents>(event: Name, listener: ClientEvents[Name]): () => void {
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

  /** The stream to ask on. @throws XmppError 'closed' where there is none. */
  protected get session(): Stream {
    if (!this.#stream || !this.online) throw new XmppError('closed', `no session with ${this.#server}`);
    return this.#stream;
  }

  #connect(): void {
    this.#stream = this.attempt({
      online: (jid) => this.#onOnline(jid),
      message: (stanza) => this.#listeners.emitInTurn('message', stanza),
      ended: (reason) => this.#onEnded(reason),
    });
  }

  #onOnline(jid: string): void {
    this.#jid = jid;
    this.#reconnect.succeeded();
    this.#log.info({ server: this.#server, jid }, this.#established);
    this.#listeners.emit('online');
  }

  #onEnded(reason: XmppError): void {
    this.#jid = undefined;
    if (this.#running) this.#reconnect.ended(reason);
    else this.#log.info({ server: this.#server }, 'XMPP: stopped');
    this.#listeners.emit('offline', reason);
  }
}
