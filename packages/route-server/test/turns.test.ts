import { expect, test } from 'vitest';
import { Turns } from '../src/turns.ts';

test('who comes when the time of a turn is over waits for the next, in order', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const work = async (name: string) => {
    for (let wait = turns.wait(); wait; wait = turns.wait()) await wait;
    order.push(name);
    const end = performance.now() + 4;
    while (performance.now() < end);
  };
  setImmediate(() => order.push('the next turn'));
  await Promise.all(['a', 'b', 'c'].map(work));
  // A busy machine may take the time of the turn before b has its own.
  expect([
    ['a', 'b', 'the next turn', 'c'],
    ['a', 'the next turn', 'b', 'c'],
  ]).toContainEqual(order);
});
