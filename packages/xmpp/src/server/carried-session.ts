// What every session has, whatever its peer speaks: its requests in their turn, what it sends and the bound on that, and its end. What
// a stanza of the peer means, and how an end is said, is of each kind of session. Never negotiates. Sizes in bytes.
import type { Duplex } from 'node:stream';
import type { Element } from 'ltx';
import { sayFarewell } from '../farewell.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import { messageFrame, STREAM_END } from '../stanza.ts';
import { type MessageSource, SessionOutput } from './output.ts';
import type { OutputPump } from './output-pump.ts';
import { RequestQueue } from './request-queue.ts';
import type { RequestHandler, ServerSession, SessionEvents } from './server-session.ts';

/** What may wait for one reader unless it is configured otherwise: answers above all, since messages are made only as it reads. */
export const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export interface CarriedSessionOptions {
  readonly socket: Duplex;
  readonly account: string;
  readonly remoteAddress: string;
  /** What may wait in the socket, of what is not asked for only when the peer reads. */
  readonly maxOutputBytes: number;
  readonly pump: OutputPump;
  /** The peer reads, however slowly, what had to wait for it. */
  readonly onProgress: () => void;
  readonly log: Log;
}

/** Whom messages are from and to. */
export interface SessionAddresses {
  readonly server: string;
  /** Full. */
  readonly peer: string;
}

export abstract class CarriedSession implements ServerSession {
  readonly jid: string;
  readonly account: string;
  readonly remoteAddress: string;
  protected readonly log: Log;
  readonly #socket: Duplex;
  readonly #maxOutputBytes: number;
  readonly #frame: { readonly start: string; readonly end: string };
  readonly #output: SessionOutput;
  readonly #requests: RequestQueue;
  readonly #listeners: Listeners<SessionEvents>;
  #handler: RequestHandler | undefined;
  #open = true;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: CarriedSessionOptions, { server, peer }: SessionAddresses) {
    const { socket, pump, onProgress, log } = options;
    this.jid = peer;
    this.account = options.account;
    this.remoteAddress = options.remoteAddress;
    this.log = log;
    this.#socket = socket;
    this.#maxOutputBytes = options.maxOutputBytes;
    this.#frame = messageFrame(server, peer);
    this.#output = new SessionOutput({
      socket,
      pump,
      frame: this.#frame,
      onProgress,
      onFault: (err) => {
        log.error({ ...this.facts, err }, 'XMPP: what is to be sent cannot be made; the session is closed');
        void this.close('internal-server-error');
      },
    });
    this.#requests = new RequestQueue(socket, (request) => this.take(request));
    this.#listeners = new Listeners((event, err) =>
      log.error({ ...this.facts, err }, `XMPP: ${event} of the session was not dealt with`),
    );
  }

  /** Takes the next stanza of the peer. */
  abstract onStanza(stanza: Element): void;

  /** Takes a request in its turn. Must not reject. */
  protected abstract take(request: Element): Promise<void>;

  /** The last words to the peer. */
  protected abstract farewell(condition?: string, text?: string): string;

  on<Name extends keyof SessionEvents>(event: Name, listener: SessionEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  onRequest(handler: RequestHandler): void {
    this.#handler = handler;
  }

  sendMessage(payload: Element | string): void {
    this.send(this.#frame.start + payload.toString() + this.#frame.end);
  }

  sendFrom(source: MessageSource): () => void {
    return this.#output.sendFrom(source);
  }

  close(condition?: string, text?: string): Promise<void> {
    const words = this.farewell(condition, text);
    this.#end(text ?? condition ?? 'closed by the server', () => sayFarewell(this.#socket, words));
    return this.#closed;
  }

  /** The peer ended the stream in order. */
  endedByPeer(): Promise<void> {
    this.#end('closed by the peer', () => sayFarewell(this.#socket, STREAM_END));
    return this.#closed;
  }

  /** The connection is gone, or to be cut without last words. */
  cut(reason: string): void {
    this.#end(reason, () => this.#destroy());
  }

  /** What each line of the log is about. */
  protected get facts(): object {
    return { jid: this.jid, account: this.account };
  }

  protected get open(): boolean {
    return this.#open;
  }

  /** What waits in the socket. */
  protected get waiting(): number {
    return this.#output.waiting;
  }

  protected get handler(): RequestHandler | undefined {
    return this.#handler;
  }

  /** To be taken when those before it are done. */
  protected queue(request: Element): void {
    this.#requests.push(request);
  }

  protected logFault(err: unknown): void {
    this.log.error({ ...this.facts, err }, 'XMPP: a request failed for a fault of the server');
  }

  protected send(text: string): void {
    if (!this.#open) return;
    const waitingBytes = this.waiting + Buffer.byteLength(text);
    if (waitingBytes <= this.#maxOutputBytes) {
      this.#output.send(text);
      return;
    }
    const facts = { ...this.facts, waitingBytes, maxOutputBytes: this.#maxOutputBytes };
    this.log.warn(facts, 'XMPP: the peer reads too slowly; its session is closed');
    // Told later, so that whoever sends to many sessions does not lose one in the middle of it. No last words: they
    // would wait behind all the rest.
    this.#stop(() => this.#destroy());
    process.nextTick(() => this.#listeners.emit('close', 'policy-violation: it reads too slowly'));
  }

  #end(reason: string, disconnect: () => Promise<void>): void {
    if (!this.#open) return;
    this.#stop(disconnect);
    this.#listeners.emit('close', reason);
  }

  #stop(disconnect: () => Promise<void>): void {
    this.#open = false;
    this.#output.stop();
    this.#requests.stop();
    this.#closed = disconnect();
  }

  #destroy(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }
}
