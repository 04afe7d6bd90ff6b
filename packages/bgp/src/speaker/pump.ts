// Lets all peers send in turns, some milliseconds in each turn of the event loop: a million routes for one delay no other, nor whatever else
// the process does. Owns the order of turns; knows no route. Times in milliseconds.
import type { Next } from '../adj-rib-out/sender.ts';

/** One that has something to send. */
export interface Pumped {
  next(): Next;
  /** @returns whether there is room for more; `ready` is called when there is again. */
  send(message: Uint8Array): boolean;
}

export interface PumpParts {
  readonly now: () => number;
  /** Runs a task when all else had its turn. */
  readonly defer: (task: () => void) => void;
}

/** How long peers are sent to before what else there is to do has its turn. */
const turnTime = 5;
/** Messages of one peer before the next one's. */
const share = 16;

export class Pump {
  readonly #parts: PumpParts;
  /** In the order of their turns. */
  readonly #ready = new Set<Pumped>();
  #isDue = false;

  constructor(parts: PumpParts) {
    this.#parts = parts;
  }

  /** It has something to send, and room. */
  ready(peer: Pumped): void {
    this.#ready.add(peer);
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.defer(() => this.#turn());
  }

  forget(peer: Pumped): void {
    this.#ready.delete(peer);
  }

  #turn(): void {
    const end = this.#parts.now() + turnTime;
    for (let [peer] = this.#ready; peer !== undefined; [peer] = this.#ready) {
      this.#ready.delete(peer);
      if (this.#share(peer)) this.#ready.add(peer);
      if (this.#parts.now() >= end) break;
    }
    this.#isDue = this.#ready.size > 0;
    if (this.#isDue) this.#parts.defer(() => this.#turn());
  }

  /** @returns whether it has more, and room. */
  #share(peer: Pumped): boolean {
    for (let sent = 0; sent < share; sent++) {
      const message = peer.next();
      if (message === undefined) return false;
      if (message === 'again') return true;
      if (!peer.send(message)) return false;
    }
    return true;
  }
}
