// A hundred thousand random events, in short runs: whatever happens, the kernel ends as desired, and nothing leaks on the way.
// One run again: `FUZZ_SEED=17 vitest run --project unit packages/reconciler/test/model.test.ts`. More of them: test/fuzz.ts.
import { describe, expect, test } from 'vitest';
import { Run } from './model/run.ts';

const EVENTS = 1_000;
const RUNS = 100;
const PARTS = 10;

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

describe.runIf(given === undefined)('random events', () => {
  test.each(Array.from({ length: PARTS }, (_, part) => part))('part %i', async (part) => {
    let events = 0;
    for (let at = 0; at < RUNS / PARTS; at++) events += await run(1 + (part * RUNS) / PARTS + at);
    expect(events).toBeGreaterThanOrEqual((EVENTS * RUNS) / PARTS);
  });
});

test.runIf(given !== undefined)(`random events from seed ${given}`, async () => {
  await run(Number(given));
});
