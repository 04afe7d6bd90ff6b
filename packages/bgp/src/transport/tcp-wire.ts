// A session's wire on a TCP socket. Owns what waits to be written and the socket's end; knows no message. Sizes are octets, times milliseconds.
import type { Socket } from 'node:net';
import type { SessionClock } from '../session/clock.ts';
import type { Wire, WireEvents } from '../session/wire.ts';

/** What is handed to the system at a time: so finely shows whether the peer takes any of it. */
const portion = 65_536;
/** For the last message to go out and the peer to close. */
const lingering = 1000;

export class TcpWire implements Wire {
  readonly description: string;
  readonly #socket: Socket;
  readonly #clock: SessionClock;
  #events: WireEvents | undefined;
  #queue: Uint8Array[] = [];
  #queued = 0;
  /** Handed to the system, not yet taken. */
  #underWay = 0;
  #finished = false;

  /** @param socket connected; nothing was read of it. */
  constructor(socket: Socket, clock: SessionClock) {
    this.#socket = socket;
    this.#clock = clock;
    const { localAddress, localPort, remoteAddress, remotePort } = socket;
    this.description = `${localAddress} port ${localPort} to ${remoteAddress} port ${remotePort}`;
    socket.setNoDelay(true);
    // Each failure is followed by `close`, which tells it.
    let failure = 'the peer closed the connection';
    socket.on('error', (error) => {
      failure = `the connection failed: ${error.message}`;
    });
    socket.on('close', () => this.#told()?.closed(failure));
    // `close` waits for what is to be written, which nobody may read.
    socket.on('end', () => this.#told()?.closed(failure));
  }

  get waiting(): number {
    return this.#queued + this.#underWay;
  }

  start(events: WireEvents): void {
    this.#events = events;
    this.#socket.on('data', (chunk: Uint8Array) => this.#told()?.received(chunk));
    this.#socket.resume();
    if (this.#socket.destroyed) queueMicrotask(() => this.#told()?.closed('the peer closed the connection'));
  }

  write(bytes: Uint8Array): void {
    if (this.#finished || this.#socket.destroyed) return;
    const idle = this.waiting === 0;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    // Not at once: what is written in one turn goes out together.
    if (!idle) return;
    queueMicrotask(() => this.#flush());
    this.#told()?.output('waiting');
  }

  writeLast(bytes: Uint8Array): void {
    this.#queue = [];
    this.#queued = 0;
    this.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#socket.destroyed) return;
    // What still comes is read and dropped: to close on unread octets would reset the connection and with it what was just sent.
    this.#socket.resume();
    const cancel = this.#clock.after(lingering, () => this.#socket.destroy());
    this.#socket.once('close', cancel);
    if (this.waiting === 0) this.#socket.end();
  }

  #told(): WireEvents | undefined {
    return this.#finished ? undefined : this.#events;
  }

  #flush(): void {
    if (this.#underWay > 0 || this.#socket.destroyed) return;
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (const chunk of this.#queue) {
      if (length > 0 && length + chunk.length > portion) break;
      chunks.push(chunk);
      length += chunk.length;
    }
    if (length === 0) return;
    this.#queue.splice(0, chunks.length);
    this.#queued -= length;
    this.#underWay = length;
    this.#socket.write(Buffer.concat(chunks), () => {
      this.#underWay = 0;
      this.#flush();
      if (this.#finished && this.waiting === 0) this.#socket.end();
      this.#told()?.output(this.waiting === 0 ? 'drained' : 'moving');
    });
  }
}
