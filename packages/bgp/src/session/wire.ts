// One TCP connection as a session sees it, and how it comes to one: the seam between sessions and sockets. Types only.
import type { BgpError } from '../error.ts';

export interface Wire {
  /** For logs: address and port of both ends. */
  readonly description: string;
  /** Octets that the system has not taken yet. */
  readonly waiting: number;
  /** Begins to read; nothing is told before. */
  start(events: WireEvents): void;
  /** Whole messages; the octets may not change afterwards. */
  write(bytes: Uint8Array): void;
  /** In place of everything that waits and has not begun to go out. */
  writeLast(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  /** Sends what waits for a short time, then closes; nothing more is told. */
  finish(): void;
}

export interface WireEvents {
  received(chunk: Uint8Array): void;
  /** By the peer or the network. @param reason for an operator */
  closed(reason: string): void;
  /** Of what was written: some waits; the system took some; it took all. */
  output(progress: 'waiting' | 'moving' | 'drained'): void;
}

export interface Dialer {
  /** @returns what gives the attempt up; `done` is called once, unless it was given up. */
  dial(done: (result: Wire | BgpError) => void): () => void;
}
