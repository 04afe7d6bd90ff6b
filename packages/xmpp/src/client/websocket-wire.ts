// A stream over a WebSocket inside TLS (RFC 7395), for networks that let only HTTP through. The TLS is that of TCP: the
// HTTP request goes out only when the server has proved its name. Sizes in bytes, times in milliseconds.
import { EventEmitter } from 'node:events';
import { isIPv6 } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { XmppError } from '../errors.ts';
import { STREAM_LIMITS } from '../stream-parser.ts';
import type { Wire, WireEvents } from './wire.ts';

export interface WebSocketWireOptions {
  readonly host: string;
  readonly port: number;
  /** What the HTTP request calls the server, whatever its address is. */
  readonly domain: string;
  readonly tls: ConnectionOptions;
}

/** How long the server may take to read the last words and close. */
const FAREWELL_TIME = 2_000;

export class WebSocketWire extends EventEmitter<WireEvents> implements Wire {
  readonly #options: WebSocketWireOptions;
  #tls: TLSSocket | undefined;
  #socket: WebSocket | undefined;

  constructor(options: WebSocketWireOptions) {
    super();
    this.#options = options;
  }

  get unsent(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  connect(): void {
    const { host, port, tls } = this.#options;
    const socket = connect({ host, port, ALPNProtocols: ['http/1.1'], ...tls });
    this.#tls = socket;
    socket.once('connect', () => this.emit('progress', 'tls'));
    socket.once('secureConnect', () => this.#handshake(socket));
    socket.on('error', (error) => this.emit('error', error));
    socket.on('close', () => this.emit('close'));
  }

  write(text: string): void {
    // What is written behind the end of the connection is lost, as on any wire; the end itself is told by `close`.
    this.#socket?.send(text, () => {});
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  finish(words: readonly string[]): Promise<void> {
    const [tls, socket] = [this.#tls, this.#socket];
    if (!tls || !socket || tls.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => tls.destroy(), FAREWELL_TIME);
      tls.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      // Unread, what still comes would keep the end of the connection from being seen.
      socket.resume();
      for (const text of words) this.write(text);
      socket.close();
    });
  }

  destroy(): void {
    this.#tls?.destroy();
  }

  #handshake(tls: TLSSocket): void {
    this.emit('progress', 'websocket');
    const { domain, port } = this.#options;
    const url = `wss://${isIPv6(domain) ? `[${domain}]` : domain}:${port}/xmpp-websocket`;
    const socket = new WebSocket(url, 'xmpp', {
      createConnection: () => tls,
      perMessageDeflate: false,
      maxPayload: STREAM_LIMITS.maxStanzaBytes,
    });
    this.#socket = socket;
    let open = false;
    socket.on('open', () => {
      open = true;
      this.emit('connect');
    });
    socket.on('message', (message: Buffer, binary) => {
      if (binary) this.emit('error', broken('a message is not text', 'bad-format'));
      else this.emit('data', message);
    });
    socket.on('error', (error) => {
      this.emit('error', open ? broken(error.message, 'policy-violation') : error);
    });
  }
}

function broken(what: string, condition: string): XmppError {
  return new XmppError('stream', `the server breaks the rules of the WebSocket: ${what}`, { condition });
}
