// The plaintext before STARTTLS (RFC 6120 section 5): a header, the one feature that there is, and the demand for TLS; whatever else a
// client says ends its connection. Reads not a byte beyond the demand. Times in milliseconds.
import type { Socket } from 'node:net';
import { Element } from 'ltx';
import { sayFarewell } from '../farewell.ts';
import type { Log } from '../log.ts';
import { NS_TLS } from '../namespaces.ts';
import type { StreamLimits } from '../parser/limits.ts';
import { STREAM_END, streamErrorText } from '../stanza.ts';
import { NEGOTIATION_LIMITS, StreamParser } from '../stream-parser.ts';
import { headerFault, headerText } from './stream-header.ts';

export interface PlaintextOptions {
  readonly socket: Socket;
  readonly domain: string;
  readonly timeout: number;
  /** The client waits for the server's TLS; nothing that it said before counts any more. */
  readonly secure: () => void;
  readonly log: Log;
}

/** Nobody needs more to ask for TLS. */
const LIMITS: StreamLimits = { ...NEGOTIATION_LIMITS, maxStanzaBytes: 4096, maxElements: 8 };

/** In bytes, white space included. */
const MAX_PLAINTEXT = 8192;

const FEATURES = `<stream:features><starttls xmlns="${NS_TLS}"><required/></starttls></stream:features>`;

export class PlaintextOpening {
  readonly #options: PlaintextOptions;
  readonly #socket: Socket;
  readonly #parser = new StreamParser(LIMITS);
  #timer: NodeJS.Timeout | undefined;
  #headerSent = false;
  #read = 0;
  /** The client asked for TLS. */
  #demanded = false;
  #closed = false;

  constructor(options: PlaintextOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#parser.on('start', (header) => this.#onHeader(header));
    this.#parser.on('element', (element) => this.#onElement(element));
    this.#parser.on('end', () => this.#finish(STREAM_END));
    this.#parser.on('error', ({ condition = 'not-well-formed', message }) => this.#end(condition, message));
  }

  begin(): void {
    this.#timer = setTimeout(
      () => this.#end('connection-timeout', 'the negotiation took too long'),
      this.#options.timeout,
    );
    this.#socket.on('data', this.#take);
    this.#socket.on('error', () => this.#stop());
    this.#socket.on('close', () => this.#stop());
  }

  readonly #take = (bytes: Buffer): void => {
    // One by one: so it is known what came behind the demand for TLS, before the server agreed to it.
    for (let at = 0; at < bytes.length && !this.#closed; at++) {
      this.#read += 1;
      if (this.#read > MAX_PLAINTEXT) this.#end('policy-violation', 'too much before TLS');
      this.#parser.write(bytes.subarray(at, at + 1));
      if (!this.#demanded) continue;
      // Somebody between client and server may have put it there for the stream in TLS. White space is dropped: RFC 6120 section
      // 5.3.3 forbids it, and go-sendxmpp sends it.
      if (/[^ \t\r\n]/.test(bytes.toString('latin1', at + 1)))
        this.#end('policy-violation', 'nothing may follow the demand for TLS');
      else this.#proceed();
    }
  };

  #onHeader(header: Element): void {
    if (this.#closed) return;
    const fault = headerFault(header, this.#options.domain);
    if (fault !== undefined) {
      this.#end(fault);
      return;
    }
    this.#sendHeader();
    this.#socket.write(FEATURES);
  }

  #onElement(element: Element): void {
    if (this.#closed) return;
    if (element.is('starttls', NS_TLS)) this.#demanded = true;
    // RFC 6120 section 5.3.1: the client has to do it before anything else.
    else this.#end('policy-violation', 'TLS is required');
  }

  #proceed(): void {
    this.#stop();
    this.#socket.off('data', this.#take);
    this.#socket.write(new Element('proceed', { xmlns: NS_TLS }).toString());
    this.#options.secure();
  }

  #end(condition: string, text?: string): void {
    if (this.#closed) return;
    const facts = { remoteAddress: this.#socket.remoteAddress, condition };
    this.#options.log.debug(facts, `XMPP: ended before TLS: ${text ?? condition}`);
    if (!this.#headerSent) this.#sendHeader();
    this.#finish(streamErrorText(condition, text));
  }

  #finish(lastWords: string): void {
    this.#stop();
    void sayFarewell(this.#socket, lastWords);
  }

  #stop(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #sendHeader(): void {
    this.#headerSent = true;
    this.#socket.write(headerText(this.#options.domain));
  }
}
