// A stream over TCP, always inside TLS: from the first byte (XEP-0368), or after STARTTLS (RFC 6120 section 5), of which
// the stream itself never sees anything.
import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { sayFarewell } from '../farewell.ts';
import { negotiateStartTls } from './starttls.ts';
import type { Wire, WireEvents } from './wire.ts';

export interface TcpWireOptions {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly mode: 'direct' | 'starttls';
  readonly tls: ConnectionOptions;
}

export class TcpWire extends EventEmitter<WireEvents> implements Wire {
  readonly #options: TcpWireOptions;
  #socket: Socket | undefined;

  constructor(options: TcpWireOptions) {
    super();
    this.#options = options;
  }

  get unsent(): number {
    return this.#socket?.writableLength ?? 0;
  }

  connect(): void {
    const { host, port, domain, mode, tls } = this.#options;
    if (mode === 'direct') {
      const socket = tlsConnect({ host, port, ALPNProtocols: ['xmpp-client'], ...tls });
      socket.once('connect', () => this.emit('progress', 'tls'));
      this.#carry(socket);
      return;
    }
    const socket = connect({ host, port });
    this.#watch(socket);
    socket.once('connect', () =>
      negotiateStartTls(socket, domain, {
        progress: (step) => this.emit('progress', step),
        proceed: () => this.#upgrade(socket),
        failed: (reason) => this.emit('error', reason),
      }),
    );
  }

  write(text: string): void {
    this.#socket?.write(text);
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  finish(words: readonly string[]): Promise<void> {
    return this.#socket ? sayFarewell(this.#socket, words.join('')) : Promise.resolve();
  }

  destroy(): void {
    this.#socket?.destroy();
  }

  #upgrade(plain: Socket): void {
    plain.removeAllListeners('error').removeAllListeners('close');
    // What goes wrong below is told by the TLS above it.
    plain.on('error', () => {});
    this.emit('progress', 'tls');
    this.#carry(tlsConnect({ socket: plain, ...this.#options.tls }));
  }

  #carry(socket: TLSSocket): void {
    this.#watch(socket);
    socket.once('secureConnect', () => this.emit('connect'));
    socket.on('data', (bytes: Buffer) => this.emit('data', bytes));
  }

  #watch(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.emit('error', error));
    socket.on('close', () => this.emit('close'));
  }
}
