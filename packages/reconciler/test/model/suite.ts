// The random events as a test of its own, in parts, so that two of them may run beside each other.
import { describe, expect, test } from 'vitest';
import { Run } from './run.ts';

const EVENTS = 1_000;
const PARTS = 5;

const given = process.env['FUZZ_SEED'];

async function run(seed: number): Promise<number> {
  const one = new Run(seed);
  try {
    await one.run(EVENTS);
  } catch (error) {
    throw new Error(`again: FUZZ_SEED=${seed}`, { cause: error });
  }
  return one.events;
}

/** Every second seed from `first` on. With FUZZ_SEED in the environment that one alone, where it is among those. */
export function randomEvents(first: 1 | 2, runs: number): void {
  describe.runIf(given === undefined)('random events', () => {
    test.each(Array.from({ length: PARTS }, (_, part) => part))('part %i', async (part) => {
      let events = 0;
      for (let at = part; at < runs; at += PARTS) events += await run(first + 2 * at);
      expect(events).toBeGreaterThanOrEqual((EVENTS * runs) / PARTS);
    });
  });
  test.runIf(Number(given ?? 0) % 2 === first % 2 && given !== undefined)(
    `random events from seed ${given}`,
    async () => {
      await run(Number(given));
    },
  );
}
