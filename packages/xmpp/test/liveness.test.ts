import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Liveness } from '../src/liveness.ts';

describe('Liveness', () => {
  const ping = vi.fn();
  const dead = vi.fn();
  let liveness: Liveness;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    ping.mockReset();
    dead.mockReset();
    liveness = new Liveness({ interval: 30_000, timeout: 10_000, ping, dead });
  });
  afterEach(() => void vi.useRealTimers());

  test('pings each interval while the peer answers', () => {
    for (let round = 1; round <= 3; round++) {
      vi.advanceTimersByTime(29_999);
      expect(ping).toHaveBeenCalledTimes(round - 1);
      vi.advanceTimersByTime(1);
      expect(ping).toHaveBeenCalledTimes(round);
      liveness.received();
    }
    expect(dead).not.toHaveBeenCalled();
  });

  test('gives up a peer of which nothing comes within the timeout, once', async () => {
    liveness.received();
    vi.advanceTimersByTime(39_999);
    await nextTurn();
    expect(dead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await nextTurn();
    expect(dead).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(100_000);
    await nextTurn();
    expect(dead).toHaveBeenCalledTimes(1);
  });

  test('an answer that waited in the socket while we were held up still counts', async () => {
    vi.advanceTimersByTime(40_000);
    liveness.received();
    await nextTurn();
    expect(dead).not.toHaveBeenCalled();
  });

  test('stops, also from within its ping', async () => {
    ping.mockImplementation(() => liveness.stop());
    vi.advanceTimersByTime(100_000);
    await nextTurn();
    expect(ping).toHaveBeenCalledTimes(1);
    expect(dead).not.toHaveBeenCalled();
  });
});
