// Faults that a test plants in the fake kernel: requests that fail although the kernel would agree, and a door that breaks among them.
import type { Request } from '../kernel.ts';

interface Fault {
  readonly errno: string;
  readonly hits: (request: Request) => boolean;
  /** Whether it is over once it has hit. */
  readonly once: boolean;
}

export class Faults {
  private readonly planted = new Set<Fault>();
  /** How many requests from now on each break is away; 1: behind the next. */
  private breaks: number[] = [];

  /** @param n counts requests from now on; the first is 1. */
  failNth(n: number, errno: string): void {
    let left = n;
    this.planted.add({ errno, hits: () => --left === 0, once: true });
  }

  /** @returns ends the fault. */
  failEach(hits: (request: Request) => boolean, errno: string): () => void {
    const fault: Fault = { errno, hits, once: false };
    this.planted.add(fault);
    return () => this.planted.delete(fault);
  }

  /** @param n counts requests from now on; the first is 1. */
  breakAfter(n: number): void {
    this.breaks.push(n);
  }

  /** @returns the errno that this request fails with, if any. To be asked once a request. */
  strike(request: Request): string | undefined {
    let errno: string | undefined;
    for (const fault of this.planted) {
      if (!fault.hits(request)) continue;
      errno ??= fault.errno;
      if (fault.once) this.planted.delete(fault);
    }
    return errno;
  }

  /** Whether the door breaks now, behind a request. To be asked once a request. */
  breaksNow(): boolean {
    const left = this.breaks.map((n) => n - 1);
    this.breaks = left.filter((n) => n > 0);
    return left.includes(0);
  }
}
