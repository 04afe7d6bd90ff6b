// A route server that restarts under all its forwarders: they come back soon, and not all at once.
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { backoffDelay } from '../src/client/backoff.ts';
import { scramCredentials } from '../src/scram.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

const CLIENTS = 2_000;
const BACKOFF = { initial: 500, max: 30_000 };
/** A login costs the server that many milliseconds of its one CPU; a client gives up one that takes longer than 10 s. */
const LOGIN = 4;
const PATIENCE = 10_000;
const MAX_UNAUTHENTICATED = 1_000;

/** From 0 to below 1, the same in each run (Numerical Recipes). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** All clients lose a server at 0 that takes connections again at `back`: when each attempt came, when the last login was done. */
function restart(back: number): { readonly attempts: readonly number[]; readonly last: number } {
  const random = randomFrom(1);
  const due = Array.from({ length: CLIENTS }, () => ({ at: backoffDelay(0, BACKOFF, random), failures: 1 }));
  const attempts: number[] = [];
  let free = back;
  for (let online = 0; online < CLIENTS; ) {
    const next = due.reduce((first, client) => (client.at < first.at ? client : first));
    const { at } = next;
    attempts.push(at);
    const waiting = (free - at) / LOGIN;
    if (at >= back && waiting < MAX_UNAUTHENTICATED) {
      free = Math.max(free, at) + LOGIN;
      if (free - at <= PATIENCE) {
        online += 1;
        next.at = Number.POSITIVE_INFINITY;
        continue;
      }
      next.at += PATIENCE;
    }
    next.at += backoffDelay(next.failures, BACKOFF, random);
    next.failures += 1;
  }
  return { attempts, last: free };
}

/** The most attempts within any 100 ms from `begin` on. */
function crowd(attempts: readonly number[], begin: number): number {
  const times = attempts.filter((at) => at >= begin).toSorted((a, b) => a - b);
  return Math.max(...times.map((at, index) => times.findLastIndex((other) => other < at + 100) - index + 1));
}

describe('2,000 clients of a server that restarts', () => {
  test.each([
    [100, 900],
    [1_000, 450],
    [5_000, 120],
    [20_000, 50],
  ])('back after %i ms: all are there 30 s later, after at most %i attempts in any 100 ms', (back, most) => {
    const { attempts, last } = restart(back);
    expect(last - back).toBeLessThan(30_000);
    expect(crowd(attempts, back)).toBeLessThanOrEqual(most);
  });

  test('after a day: 30 s more than their slowest backoff is not needed', () => {
    const { attempts, last } = restart(600_000);
    expect(last - 600_000).toBeLessThan(31_000);
    expect(crowd(attempts, 600_000)).toBeLessThanOrEqual(30);
  });
});

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

test('200 clients over TLS of a server that restarts are all back', async () => {
  const credentials = scramCredentials(PASSWORD);
  const accounts = Array.from({ length: 200 }, (_, n) => `c${n}`);
  const options = { credentials: () => credentials };
  const { server, port } = await setting.server(options);
  const clients = accounts.map((account) =>
    setting.client(port, { account, backoff: { initial: 100, max: 2_000 }, timeout: 20_000 }),
  );
  for (const client of clients) client.start();
  await until(() => server.sessions.size === 200, 'all are there');
  await server.close();
  expect(clients.filter((client) => client.online)).toEqual([]);
  const again = await setting.server({ ...options, listen: [{ address: '127.0.0.1', port }] });
  await until(() => again.server.sessions.size === 200, 'all are back');
  expect(new Set(again.server.sessions.keys())).toEqual(new Set(accounts.map((name) => `${name}@${DOMAIN}`)));
}, 90_000);
