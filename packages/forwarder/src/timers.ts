// How long the forwarder waits for others. Milliseconds.

export interface Timers {
  /** For End-of-RIB, before stale routes are swept without it. */
  readonly endOfRib: number;
  /** For attachments that failed to become ready after the start, before End-of-RIB is said without them. */
  readonly settle: number;
  /** For the answer to a retract, before the label route goes nevertheless. */
  readonly retract: number;
  /** Before a freed label is used again. */
  readonly labelQuarantine: number;
  /** Before a route server is asked again for what it refused. */
  readonly refused: number;
}

export const defaultTimers: Timers = {
  endOfRib: 300_000,
  settle: 30_000,
  retract: 5_000,
  labelQuarantine: 60_000,
  refused: 30_000,
};
