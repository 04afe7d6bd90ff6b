// Streams on TLS over TCP: the bytes are the stream.
import type { TLSSocket } from 'node:tls';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { type StreamLimits, StreamParser } from '../stream-parser.ts';
import type { ServerWire, StreamEvents } from './wire.ts';

export class TcpWire implements ServerWire {
  readonly socket: TLSSocket;
  readonly remoteAddress: string;
  #parser: StreamParser | undefined;
  #events: StreamEvents | undefined;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    socket.on('data', (bytes: Buffer) => {
      this.#events?.received();
      this.#parser?.write(bytes);
    });
  }

  open(limits: StreamLimits, readers: readonly SubtreeReader[], events: StreamEvents): void {
    const parser = new StreamParser(limits, { readers });
    this.#parser = parser;
    this.#events = events;
    // What the former parser still has is not of this stream.
    const current = (): boolean => this.#parser === parser;
    parser.on('start', (header) => current() && events.start(header));
    parser.on('element', (element) => current() && events.element(element));
    parser.on('end', () => current() && events.end());
    parser.on('error', (error) => current() && events.error(error));
  }
}
