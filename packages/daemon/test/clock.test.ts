// The clock of the daemons: how long a timer takes at the least, and that it can be taken back.
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../src/index.ts';
import { ManualClock } from '../src/testing/index.ts';

describe('the system clock', () => {
  test('calls back once, never before the delay is over', async () => {
    const callback = vi.fn();
    const from = systemClock.now();
    const elapsed = await new Promise<number>((resolve) =>
      systemClock.after(5, () => {
        callback();
        resolve(systemClock.now() - from);
      }),
    );
    expect(elapsed).toBeGreaterThanOrEqual(5);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('waits on where the timer of the platform is early', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    try {
      const callback = vi.fn();
      systemClock.after(10, callback);
      now.mockReturnValue(9.5);
      vi.advanceTimersByTime(10);
      expect(callback).not.toHaveBeenCalled();
      now.mockReturnValue(10.5);
      vi.advanceTimersByTime(1);
      expect(callback).toHaveBeenCalledTimes(1);
    } finally {
      now.mockRestore();
      vi.useRealTimers();
    }
  });

  test('does not call back what was cancelled', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      systemClock.after(10, () => {})();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('the manual clock runs what falls due in order of time, at its time, also what is set meanwhile', () => {
  const clock = new ManualClock();
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b ${clock.now()}`));
  clock.after(10, () => {
    seen.push(`a ${clock.now()}`);
    clock.after(5, () => seen.push(`c ${clock.now()}`));
  });
  const cancel = clock.after(12, () => seen.push('never'));
  cancel();
  clock.advance(19);
  expect(seen).toEqual(['a 10', 'c 15']);
  expect(clock.pending).toBe(1);
  clock.advance(1);
  expect(seen).toEqual(['a 10', 'c 15', 'b 20']);
});
