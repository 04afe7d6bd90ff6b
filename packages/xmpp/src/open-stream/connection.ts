// One accepted connection of an open stream, from its first byte to its session: STARTTLS where it is demanded, the peer's header and
// ours; afterwards it feeds the session. Whatever the peer sends ends this connection at worst. Times in milliseconds.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Element } from 'ltx';
import { XmppError } from '../errors.ts';
import { sayFarewell } from '../farewell.ts';
import { Liveness } from '../liveness.ts';
import type { Log } from '../log.ts';
import { NS_STREAM, NS_TLS } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import type { CarriedSession } from '../server/carried-session.ts';
import { STREAM_END, streamErrorText } from '../stanza.ts';
import { type StreamLimits, StreamParser } from '../stream-parser.ts';
import { type OpenHeader, openHeaderText, readOpenHeader } from './header.ts';
import { Keepalive } from './keepalive.ts';
import { PlaintextEnd, PROCEED, STARTTLS_REQUIRED } from './starttls.ts';

/** A session with what tells that its peer is there: pings that are answered, or white space from both sides. */
export interface Admitted {
  readonly session: CarriedSession;
  readonly onStanza: (stanza: Element) => void;
  readonly ping?: () => void;
  readonly fill?: () => void;
}

export interface OpenConnectionOptions {
  readonly socket: Socket;
  readonly remoteAddress: string;
  /** STARTTLS is demanded where there is one. */
  readonly tls: TlsOptions | undefined;
  readonly limits: StreamLimits;
  readonly readers: () => readonly SubtreeReader[];
  readonly holdTime: number;
  readonly pingInterval: number;
  readonly timeout: number;
  /** Whom the server answers as. */
  readonly answersAs: (header: OpenHeader) => string;
  /** Begins the session of whom the header names. @throws XmppError where it may not have one. */
  readonly admit: (header: OpenHeader, socket: Socket, onProgress: () => void) => Admitted;
  /** The peer has our header. */
  readonly begun: (session: CarriedSession) => void;
  /** There will be no session. */
  readonly refused: (reason: string) => void;
  readonly log: Log;
}

type Phase = 'header' | 'starttls' | 'handshake' | 'session' | 'closed';

export class OpenConnection {
  readonly #options: OpenConnectionOptions;
  #socket: Socket;
  #parser: StreamParser;
  #phase: Phase = 'header';
  #secure = false;
  /** Our header where the peer has not got it yet. */
  #greeting = '';
  #plaintext = new PlaintextEnd();
  #session: CarriedSession | undefined;
  #onStanza: (stanza: Element) => void = () => {};
  #liveness: Liveness | Keepalive | undefined;
  #closed: Promise<void> = Promise.resolve();
  readonly #negotiation: NodeJS.Timeout;

  constructor(options: OpenConnectionOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#parser = this.#openParser();
    this.#negotiation = setTimeout(() => this.#refuse('it took too long to begin'), options.timeout);
    this.#read(options.socket);
  }

  /** Ends it; resolves when it is closed. */
  close(condition: string): Promise<void> {
    if (this.#session) this.#closed = this.#session.close(condition);
    else this.#farewell(streamErrorText(condition));
    return this.#closed;
  }

  #read(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      if (this.#phase === 'starttls') this.#plaintext.read(bytes);
      this.#liveness?.received();
      this.#parser.write(bytes);
    });
    let lost = 'the connection was closed';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      lost = `the connection was lost: ${error.code ?? error.message}`;
    });
    socket.on('close', () => {
      this.#stop();
      this.#session?.cut(lost);
    });
  }

  #openParser(): StreamParser {
    const { limits, readers } = this.#options;
    const parser = new StreamParser(limits, { readers: readers(), contrail: true });
    // After STARTTLS the former parser's remaining events are not of this stream.
    const current = (): boolean => this.#parser === parser && this.#phase !== 'closed';
    parser.on('start', (root) => current() && this.#onHeader(root));
    parser.on('element', (element) => current() && this.#onElement(element));
    parser.on('end', () => current() && this.#onEnd());
    parser.on('error', (error) => current() && this.#onMalformed(error));
    return parser;
  }

  #onHeader(root: Element): void {
    const { tls, answersAs, admit, begun } = this.#options;
    try {
      const header = readOpenHeader(root);
      this.#greeting = openHeaderText({
        from: answersAs(header),
        to: header.from,
        namespace: header.namespace,
        id: randomBytes(9).toString('base64url'),
      });
      if (tls !== undefined && !this.#secure) {
        this.#greet(STARTTLS_REQUIRED);
        this.#phase = 'starttls';
        return;
      }
      const admitted = admit(header, this.#socket, () => this.#liveness?.received());
      const { session } = admitted;
      this.#greet();
      clearTimeout(this.#negotiation);
      this.#session = session;
      this.#phase = 'session';
      this.#onStanza = admitted.onStanza;
      this.#liveness = this.#watch(admitted);
      session.on('close', () => this.#stop());
      begun(session);
    } catch (error) {
      if (!(error instanceof XmppError)) throw error;
      this.#refuse(error.message, error.condition);
    }
  }

  #watch({ session, ping, fill = () => {} }: Admitted): Liveness | Keepalive {
    const { holdTime, pingInterval: interval, timeout } = this.#options;
    if (ping !== undefined) {
      const dead = () => session.cut(`no answer to a ping within ${timeout / 1000} s`);
      return new Liveness({ interval, timeout, ping, dead });
    }
    return new Keepalive({
      holdTime,
      fill,
      // What we do not read is not the peer's silence.
      dead: () => !this.#socket.isPaused() && session.cut(`nothing came for ${holdTime / 1000} s`),
    });
  }

  #onElement(element: Element): void {
    if (element.is('error', NS_STREAM)) this.#onEnd();
    else if (this.#phase === 'session') this.#onStanza(element);
    else if (this.#phase !== 'starttls' || !element.is('starttls', NS_TLS))
      this.#refuse('it must begin with STARTTLS', 'policy-violation');
    // Whether more came with it is known when the whole chunk is read.
    else setImmediate(() => this.#upgrade());
  }

  #upgrade(): void {
    const { tls } = this.#options;
    if (this.#phase !== 'starttls' || tls === undefined) return;
    if (!this.#plaintext.isWith('starttls')) {
      this.#refuse('something was slipped in behind its <starttls/>', 'policy-violation');
      return;
    }
    this.#phase = 'handshake';
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.write(PROCEED);
    const handshake = createTlsServer(tls, (secure) => {
      if (this.#phase !== 'handshake') return;
      this.#socket = secure;
      this.#secure = true;
      this.#phase = 'header';
      this.#parser = this.#openParser();
      this.#read(secure);
    });
    handshake.on('tlsClientError', ({ message }) => this.#refuse(`the TLS handshake failed: ${message}`));
    handshake.emit('connection', plain);
  }

  #onEnd(): void {
    if (this.#session) this.#closed = this.#session.endedByPeer();
    else this.#farewell(STREAM_END);
  }

  #onMalformed(error: XmppError): void {
    const { remoteAddress, log } = this.#options;
    const condition = error.condition ?? 'not-well-formed';
    if (this.#session === undefined) {
      this.#refuse(error.message, condition);
      return;
    }
    const facts = { remoteAddress, jid: this.#session.jid, condition };
    log.warn(facts, `XMPP: the open stream is closed: ${error.message}`);
    this.#closed = this.#session.close(condition);
  }

  /** Before there is a session. */
  #refuse(reason: string, condition = 'connection-timeout'): void {
    if (this.#phase === 'closed') return;
    this.#options.refused(reason);
    this.#farewell(streamErrorText(condition));
  }

  /** What is said without a header is not read, and in a handshake it is nonsense. */
  #farewell(text: string): void {
    if (this.#phase === 'closed') return;
    const hasHeader = this.#phase === 'starttls' || this.#greeting !== '';
    const words = hasHeader ? this.#greeting + text : '';
    this.#stop();
    this.#closed = sayFarewell(this.#socket, words);
  }

  #greet(more = ''): void {
    this.#socket.write(this.#greeting + more);
    this.#greeting = '';
  }

  #stop(): void {
    this.#phase = 'closed';
    clearTimeout(this.#negotiation);
    this.#liveness?.stop();
  }
}
