import { expect, test } from 'vitest';
import { ShardedMap } from '../src/sharded-map.ts';

test('has what a Map has, below and above the number at which it becomes many', () => {
  const [sharded, plain] = [new ShardedMap<string, number>(), new Map<string, number>()];
  const keyOf = (number: number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32`;
  for (let number = 0; number < 20_000; number++)
    for (const map of [sharded, plain]) map.set(keyOf(number), number);
  for (let number = 0; number < 20_000; number += 3) {
    expect(sharded.delete(keyOf(number))).toBe(plain.delete(keyOf(number)));
    expect(sharded.delete(keyOf(number))).toBe(false);
    for (const map of [sharded, plain]) map.set(keyOf(number + 1), -number);
  }
  expect(sharded.size).toBe(plain.size);
  for (let number = 0; number < 20_001; number++)
    expect(sharded.get(keyOf(number))).toBe(plain.get(keyOf(number)));
  expect([...sharded.values()].sort((a, b) => a - b)).toEqual([...plain.values()].sort((a, b) => a - b));
});

test('that becomes many while it is walked through still gives all that stays', () => {
  const map = new ShardedMap<string, number>();
  for (let number = 0; number < 16_000; number++) map.set(`a${number}`, number);
  const seen = new Set<number>();
  for (const number of map.values()) {
    seen.add(number);
    if (number < 1_000) map.set(`b${number}`, -1);
  }
  for (let number = 0; number < 16_000; number++) expect(seen.has(number)).toBe(true);
});
