import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitFor } from '../src/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('asks at each interval until there is a value', async () => {
  const answers = [undefined, false, 0 as const];
  let asked = 0;
  const found = waitFor('a value', async () => answers[asked++], { interval: 50 });
  await vi.advanceTimersByTimeAsync(99);
  expect(asked).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(await found).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('names what and the last error at the deadline', async () => {
  const failed = waitFor('pings pass', async () => Promise.reject(new Error('no route')), { timeout: 2000 });
  const seen = expect(failed).rejects.toMatchObject({
    code: 'timeout',
    message: 'not within 2 s: pings pass; last error: no route',
  });
  await vi.advanceTimersByTimeAsync(2000);
  await seen;
});

test('the deadline holds while a look hangs', async () => {
  const failed = waitFor('an answer', () => new Promise<undefined>(() => undefined), { timeout: 2000 });
  const seen = expect(failed).rejects.toMatchObject({ code: 'timeout' });
  await vi.advanceTimersByTimeAsync(2000);
  await seen;
});
