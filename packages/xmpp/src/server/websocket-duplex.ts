// A WebSocket as a socket that streams are written to as on TCP; what is read are its messages, one by one. No XML is read here.
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { MessageFramer } from './message-framer.ts';

/** Of RFC 6455 section 7.4.1: it takes text only. */
const UNSUPPORTED_DATA = 1003;

type Done = (error?: Error | null) => void;

export class WebSocketDuplex extends Duplex {
  readonly #socket: WebSocket;
  readonly #framer = new MessageFramer();

  constructor(socket: WebSocket) {
    super({ readableObjectMode: true });
    this.#socket = socket;
    socket.on('message', (message: Buffer, isBinary) => {
      if (isBinary) socket.close(UNSUPPORTED_DATA, 'text only');
      else if (!this.push(message)) socket.pause();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(this.#framer.take(chunk), done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#send(
      chunks.flatMap(({ chunk }) => this.#framer.take(chunk)),
      done,
    );
  }

  override _final(done: Done): void {
    this.#socket.close();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.terminate();
    done(error);
  }

  #send(messages: readonly string[], done: Done): void {
    if (messages.length === 0) done();
    // They leave in their order: when the last one has, all have.
    for (const [index, message] of messages.entries())
      this.#socket.send(message, (error) => {
        if (index === messages.length - 1) done(error);
      });
  }
}
