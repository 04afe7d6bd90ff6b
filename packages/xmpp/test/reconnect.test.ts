// When a client tries again, and what the log has of it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { XmppError } from '../src/errors.ts';
import { Reconnect } from '../src/reconnect.ts';
import { RecordedLog } from './support/recorded-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const away = new XmppError('connect', 'cannot connect: ECONNREFUSED');
const closed = new XmppError('closed', 'the server ended the stream');

function start() {
  const log = new RecordedLog();
  const attempt = vi.fn();
  const facts = { server: 'rs1' };
  // No jitter: the whole of each delay.
  const reconnect = new Reconnect({
    backoff: { initial: 100, max: 350 },
    random: () => 1,
    facts,
    log,
    attempt,
  });
  return { log, attempt, reconnect };
}

test('each failure in a row waits longer, and a session that lasted ends the row', () => {
  const { attempt, reconnect } = start();
  const waits = (delay: number): void => {
    const before = attempt.mock.calls.length;
    vi.advanceTimersByTime(delay - 1);
    expect(attempt).toHaveBeenCalledTimes(before);
    vi.advanceTimersByTime(1);
    expect(attempt).toHaveBeenCalledTimes(before + 1);
  };
  for (const delay of [100, 200, 350, 350]) {
    reconnect.ended(away);
    waits(delay);
  }
  reconnect.succeeded();
  vi.advanceTimersByTime(9_999);
  reconnect.ended(closed);
  waits(350);
  reconnect.succeeded();
  vi.advanceTimersByTime(10_000);
  reconnect.ended(closed);
  waits(100);
});

test('cancelled, it tries no more', () => {
  const { attempt, reconnect } = start();
  reconnect.ended(away);
  reconnect.cancel();
  vi.advanceTimersByTime(10_000);
  expect(attempt).not.toHaveBeenCalled();
});

test('a reason is loud when it is new, and again after a session', () => {
  const { log, reconnect } = start();
  for (const reason of [away, away, closed, away]) reconnect.ended(reason);
  reconnect.succeeded();
  reconnect.ended(away);
  expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'debug', 'warn', 'warn', 'warn']);
  expect(log.lines[0]).toEqual({
    level: 'warn',
    facts: { server: 'rs1', code: 'connect', condition: undefined },
    message: 'XMPP: cannot connect: ECONNREFUSED; trying again in 0.1 s',
  });
});
