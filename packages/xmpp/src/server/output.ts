// What one session sends. What answers the peer goes at once; messages are asked for one by one, only while the socket has
// little to send, so that a slow reader holds no more than that. Owns no queue of messages and no order among sessions. Sizes in bytes.
import type { Duplex } from 'node:stream';
import type { OutputPump, Pumped } from './output-pump.ts';

/** Gives the payload of the next message, serialised; undefined while it has none. */
export type MessageSource = () => Uint8Array | undefined;

export interface SessionOutputOptions {
  readonly socket: Duplex;
  readonly pump: OutputPump;
  /** Around each payload of a message: the start tag and the end tag of its stanza. */
  readonly frame: { readonly start: string; readonly end: string };
  /**
   * The peer, which had not read all for a while, has read some: it is there, however slow. That the system takes what is
   * written says nothing as long as it has room.
   */
  readonly onProgress: () => void;
  /** The source failed. */
  readonly onFault: (thrown: unknown) => void;
}

/** Messages are written while less than this waits in the socket. */
const HIGH_WATER = 128 * 1024;
/** What one session writes before the next one has its turn. */
const TURN_BYTES = 48 * 1024;

export class SessionOutput implements Pumped {
  readonly #socket: Duplex;
  readonly #pump: OutputPump;
  readonly #start: Buffer;
  readonly #end: Buffer;
  readonly #onProgress: () => void;
  readonly #onFault: (thrown: unknown) => void;
  #source: MessageSource | undefined;
  /** The source said that it has none, and has not said since that it has one again. */
  #dry = true;
  /** As much waits as may. */
  #full = false;
  #corked = false;
  #stopped = false;

  constructor({ socket, pump, frame, onProgress, onFault }: SessionOutputOptions) {
    this.#socket = socket;
    this.#pump = pump;
    this.#start = Buffer.from(frame.start);
    this.#end = Buffer.from(frame.end);
    this.#onProgress = onProgress;
    this.#onFault = onFault;
  }

  /** What waits in the socket. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** Sends text; what is sent within one tick goes together, in one TLS record and system call. */
  send(text: string): void {
    if (this.#stopped) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(text, this.#onWritten);
  }

  /** Asks this source from now on. @returns what is to be called when it has a message again. */
  sendFrom(source: MessageSource): () => void {
    this.#source = source;
    const wake = (): void => {
      if (this.#stopped) return;
      this.#dry = false;
      if (this.waiting < HIGH_WATER) this.#pump.wake(this);
    };
    wake();
    return wake;
  }

  stop(): void {
    this.#stopped = true;
  }

  write(): boolean {
    if (this.#stopped || this.#source === undefined || this.waiting >= HIGH_WATER) return false;
    this.#socket.cork();
    try {
      let written = 0;
      while (written < TURN_BYTES) {
        const payload = this.#source();
        if (payload === undefined) {
          this.#dry = true;
          break;
        }
        // Not copied together here: that costs as much as all the rest.
        this.#socket.write(this.#start);
        this.#socket.write(payload);
        this.#socket.write(this.#end, this.#onWritten);
        written += this.#start.length + payload.length + this.#end.length;
      }
    } catch (thrown) {
      this.#dry = true;
      this.#onFault(thrown);
    } finally {
      this.#socket.uncork();
    }
    this.#full = this.waiting >= HIGH_WATER;
    return !this.#stopped && !this.#dry && !this.#full;
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error || this.#stopped || this.waiting >= HIGH_WATER) return;
    if (this.#full) this.#onProgress();
    this.#full = false;
    if (!this.#dry) this.#pump.wake(this);
  };
}
