// How long the event loop stood still: by the clock, and by the CPU time of the main thread, which a busy machine does not prolong. Milliseconds.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';

export interface Turns {
  readonly delay: number;
  /** CPU time of the longest turn, of whatever it was made of. */
  readonly cpu: number;
}

/** Watches the event loop until `end`. */
export class TurnWatch {
  readonly #monitor = monitorEventLoopDelay({ resolution: 1 });
  #last = 0;
  #longest = 0;
  #isOver = false;

  constructor() {
    this.#monitor.enable();
    this.#last = cpuNow();
    setImmediate(() => this.#look());
  }

  async end(): Promise<Turns> {
    this.#isOver = true;
    // The monitor is told of what stood still last only when it is over.
    await setTimeout(10);
    this.#monitor.disable();
    return { delay: this.#monitor.max / 1e6, cpu: this.#longest / 1e3 };
  }

  #look(): void {
    const now = cpuNow();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
    if (!this.#isOver) setImmediate(() => this.#look());
  }
}

/** Microseconds. */
function cpuNow(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
