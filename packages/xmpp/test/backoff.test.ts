import { expect, test } from 'vitest';
import { backoffDelay } from '../src/client/backoff.ts';

const backoff = { initial: 500, max: 30_000 };

test('doubles up to the maximum', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => backoffDelay(failures, backoff, () => 1));
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('leaves out up to a half, by chance', () => {
  expect(backoffDelay(2, backoff, () => 0)).toBe(1000);
  expect(backoffDelay(2, backoff, () => 0.5)).toBe(1500);
});
