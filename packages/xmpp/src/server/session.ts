// One forwarder's session after resource binding: requests in their order, answers and messages out. Never negotiates. Sizes
// in bytes.
import type { Duplex } from 'node:stream';
import { type Element, escapeXML } from 'ltx';
import { StanzaError } from '../errors.ts';
import { sayFarewell } from '../farewell.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import {
  attribute,
  iqError,
  iqResult,
  isPing,
  isStanza,
  messageText,
  pingIq,
  STREAM_END,
  streamErrorText,
} from '../stanza.ts';
import { type MessageSource, SessionOutput } from './output.ts';
import type { OutputPump } from './output-pump.ts';

export type RequestHandler = (payload: Element) => Promise<Element | undefined> | Element | undefined;

interface SessionEvents {
  /** Once; `reason` is for an operator. */
  close: (reason: string) => void;
}

export interface ServerSession {
  /** Full. */
  readonly jid: string;
  readonly account: string;
  readonly remoteAddress: string;
  /**
   * Answers iqs of type set, one after another in the order in which they came. A StanzaError thrown is sent as the
   * answer; anything else thrown is logged and answered with internal-server-error.
   */
  onRequest(handler: RequestHandler): void;
  /**
   * Sends a message with this payload, which may be serialised already; it must then declare its own namespace. When
   * more than `maxOutputBytes` would wait for the reader, the session is closed instead.
   */
  sendMessage(payload: Element | string): void;
  /**
   * Sends messages as fast as the peer reads them, and no faster: asks `source` for one payload after the other, each
   * declaring its own namespace, until it has none. Payloads may be shared between sessions and are not changed. What waits
   * for the reader is some 200 KiB at the most, and a reader however slow is not cut off as long as it reads at all.
   * @returns what is to be called when the source has a payload again.
   */
  sendFrom(source: MessageSource): () => void;
  /** With a condition of RFC 6120 section 4.9.3: as a stream error. Resolves when the connection is closed. */
  close(condition?: string, text?: string): Promise<void>;
  /** Returns what removes the listener again. */
  on<Name extends keyof SessionEvents>(event: Name, listener: SessionEvents[Name]): () => void;
}

export interface SessionOptions {
  readonly socket: Duplex;
  readonly domain: string;
  readonly account: string;
  readonly resource: string;
  readonly remoteAddress: string;
  /** What may wait in the socket for it, of what is not asked for only when it reads: answers above all. */
  readonly maxOutputBytes: number;
  readonly pump: OutputPump;
  /** The peer reads, however slowly, what had to wait for it. */
  readonly onProgress: () => void;
  readonly log: Log;
}

/** The localpart that the drafts give the route server's JID. */
const ROUTE_SERVER = 'route-server';

/** As many requests may wait for their turn before no more is read from the peer. */
const MAX_WAITING_REQUESTS = 64;

export class Session implements ServerSession {
  readonly jid: string;
  readonly bareJid: string;
  readonly account: string;
  readonly remoteAddress: string;
  readonly #socket: Duplex;
  readonly #domain: string;
  readonly #maxOutputBytes: number;
  readonly #log: Log;
  readonly #output: SessionOutput;
  readonly #listeners: Listeners<SessionEvents>;
  #handler: RequestHandler | undefined;
  readonly #requests: Element[] = [];
  #answering = false;
  #open = true;
  #closed: Promise<void> = Promise.resolve();
  #pings = 0;

  constructor(options: SessionOptions) {
    this.#socket = options.socket;
    this.#domain = options.domain;
    this.account = options.account;
    this.remoteAddress = options.remoteAddress;
    this.bareJid = `${options.account}@${options.domain}`;
    this.jid = `${this.bareJid}/${options.resource}`;
    this.#maxOutputBytes = options.maxOutputBytes;
    this.#log = options.log;
    this.#output = new SessionOutput({
      socket: options.socket,
      pump: options.pump,
      frame: {
        start: `<message from="${escapeXML(this.#domain)}" to="${escapeXML(this.jid)}">`,
        end: '</message>',
      },
      onProgress: options.onProgress,
      onFault: (err) => {
        this.#log.error(
          { jid: this.jid, err },
          'XMPP: what is to be sent cannot be made; the session is closed',
        );
        void this.close('internal-server-error');
      },
    });
    this.#listeners = new Listeners((event, err) =>
      this.#log.error({ jid: this.jid, err }, `XMPP: ${event} of the session was not dealt with`),
    );
  }

  on<Name extends keyof SessionEvents>(event: Name, listener: SessionEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  onRequest(handler: RequestHandler): void {
    this.#handler = handler;
  }

  sendMessage(payload: Element | string): void {
    this.#send(messageText(this.#domain, this.jid, payload.toString()));
  }

  sendFrom(source: MessageSource): () => void {
    return this.#output.sendFrom(source);
  }

  close(condition?: string, text?: string): Promise<void> {
    const farewell = condition === undefined ? STREAM_END : streamErrorText(condition, text);
    this.#end(text ?? condition ?? 'closed by the server', () => sayFarewell(this.#socket, farewell));
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

  ping(): void {
    this.#pings += 1;
    this.#send(pingIq(`ping-${this.#pings}`, { from: this.#domain, to: this.jid }).toString());
  }

  /** Takes the next stanza of the peer. */
  onStanza(stanza: Element): void {
    if (!this.#open) return;
    const from = attribute(stanza, 'from');
    if (from !== undefined && from !== this.jid && from !== this.bareJid) {
      this.#log.warn(
        { jid: this.jid },
        'XMPP: a stanza pretends to be from another JID; the session is closed',
      );
      void this.close('invalid-from', 'the from of a stanza is not the JID of its session');
    } else if (isStanza(stanza, 'iq')) this.#onIq(stanza);
    // Presence and messages of forwarders mean nothing here, and are no fault (RFC 6120 section 8.4 allows silence).
    else if (!isStanza(stanza, 'message') && !isStanza(stanza, 'presence'))
      void this.close('unsupported-stanza-type');
  }

  #onIq(iq: Element): void {
    const type = attribute(iq, 'type');
    if (type === 'result' || type === 'error') return;
    const refusal = this.#refusal(iq, type);
    if (refusal) this.#send(iqError(iq, refusal).toString());
    else if (isPing(iq)) this.#send(iqResult(iq).toString());
    else if (type === 'get') this.#send(iqError(iq, unavailable()).toString());
    else {
      this.#requests.push(iq);
      if (this.#requests.length >= MAX_WAITING_REQUESTS) this.#socket.pause();
      if (!this.#answering) void this.#answerRequests();
    }
  }

  #refusal(iq: Element, type: string | undefined): StanzaError | undefined {
    const to = attribute(iq, 'to');
    const children = iq.getChildElements().length;
    if ((type !== 'get' && type !== 'set') || attribute(iq, 'id') === undefined || children !== 1)
      return new StanzaError('modify', 'bad-request', {
        text: 'an iq needs an id, a type of get or set, and one child',
      });
    if (to === undefined || to === this.bareJid) return undefined;
    const domain = this.#domain.toLowerCase();
    if ([domain, `${ROUTE_SERVER}@${domain}`].includes(to.toLowerCase())) return undefined;
    return new StanzaError('cancel', 'service-unavailable', {
      text: `this server relays nothing: address ${this.#domain}`,
    });
  }

  async #answerRequests(): Promise<void> {
    this.#answering = true;
    for (let iq = this.#requests.shift(); iq && this.#open; iq = this.#requests.shift()) {
      if (this.#socket.isPaused() && this.#requests.length < MAX_WAITING_REQUESTS / 2) this.#socket.resume();
      this.#send(await this.#answer(iq));
    }
    this.#answering = false;
  }

  async #answer(iq: Element): Promise<string> {
    try {
      const [payload] = iq.getChildElements();
      if (!this.#handler || !payload) throw unavailable();
      const result = await this.#handler(payload);
      return iqResult(iq, result).toString();
    } catch (error) {
      if (error instanceof StanzaError) return iqError(iq, error).toString();
      this.#log.error({ jid: this.jid, err: error }, 'XMPP: a request failed for a fault of the server');
      return iqError(iq, new StanzaError('cancel', 'internal-server-error')).toString();
    }
  }

  #send(text: string): void {
    if (!this.#open) return;
    const waiting = this.#output.waiting + Buffer.byteLength(text);
    if (waiting <= this.#maxOutputBytes) {
      this.#output.send(text);
      return;
    }
    const facts = { jid: this.jid, waitingBytes: waiting, maxOutputBytes: this.#maxOutputBytes };
    this.#log.warn(facts, 'XMPP: the peer reads too slowly; its session is closed');
    // Told later, so that whoever sends to many sessions does not lose one in the middle of it. No last words: they
    // would wait behind all the rest.
    this.#open = false;
    this.#output.stop();
    this.#closed = this.#destroy();
    process.nextTick(() => this.#listeners.emit('close', 'policy-violation: it reads too slowly'));
  }

  #end(reason: string, disconnect: () => Promise<void>): void {
    if (!this.#open) return;
    this.#open = false;
    this.#output.stop();
    this.#closed = disconnect();
    this.#listeners.emit('close', reason);
  }

  #destroy(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#socket.destroy();
    });
  }
}

function unavailable(): StanzaError {
  return new StanzaError('cancel', 'service-unavailable');
}
