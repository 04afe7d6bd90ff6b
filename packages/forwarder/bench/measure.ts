// What a piece of work costs. Times are milliseconds.

export interface Cost {
  readonly wall: number;
  /** CPU time of all threads of this process, with the kernel's work for it. */
  readonly cpu: number;
}

/** Call it when nothing else runs in the process. */
export async function measure(work: () => Promise<void>): Promise<Cost> {
  // What was made ready may have left something to collect; that is not of the work.
  globalThis.gc?.();
  const before = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / 1e3 };
}
