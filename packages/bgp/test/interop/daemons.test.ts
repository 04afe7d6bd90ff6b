// From nothing to Established with the daemons that most networks run, in both directions, with and without TCP-MD5.
import { afterEach, describe, expect, test } from 'vitest';
import { defaultTimes } from '../../src/index.ts';
import { freePort, type RunningDaemon } from '../../src/testing/index.ts';
import { graceful } from '../session-values.ts';
import { end, realClock, type Speaker, speaker, tcpCounter, until } from '../transport-peers.ts';
import { bird, frr } from './daemons.ts';

let running: RunningDaemon | undefined;
let ours: Speaker | undefined;
afterEach(async () => {
  if (ours !== undefined) end(ours);
  await running?.end();
});

const address = '127.0.1.1';
const peer = '127.0.1.2';
const times = {
  ...defaultTimes,
  retryLeast: 0.3,
  retryMost: 0.3,
  idleLeast: 0.3,
  idleMost: 0.3,
  connect: 0.5,
};

describe.each([bird, frr])('$name', (daemon) => {
  test.each([
    ['we connect', false, undefined],
    ['it connects', true, undefined],
    ['we connect, with TCP-MD5', false, 'a-key'],
    ['it connects, with TCP-MD5', true, 'a-key'],
  ] as const)('%s', async (_name, passive, key) => {
    const port = await freePort(peer);
    const protection = { key, hops: undefined };
    const changes = { passive, times, gracefulRestart: graceful };
    ours = await speaker(address, { address: peer, port }, changes, protection, realClock);
    const { session, ups, downs } = ours;
    session.start();
    running = daemon.start({
      address: peer,
      port,
      peer: address,
      peerPort: ours.port,
      passive: !passive,
      key,
    });
    await until(() => session.state === 'established', `Established: ${running?.output()}`);
    expect(ups[0]?.negotiated).toMatchObject({
      families: ['vpnv4'],
      routeRefresh: true,
      enhancedRouteRefresh: true,
      codec: { as4: true, internal: true },
      gracefulRestart: { restarting: expect.any(Boolean), time: 120 },
    });
    await until(() => (ours?.messages ?? 0) > 0, 'its End-of-RIB');
    await running.end();
    running = undefined;
    await until(() => downs.length === 1, 'the end');
    expect(downs[0]?.cause).toBe('lost');
  });

  test.each([
    ['another key', 'a-key', 'b-key', 'TCPMD5Failure'],
    ['a key here alone', 'a-key', undefined, 'TCPMD5Unexpected'],
    ['a key there alone', undefined, 'b-key', 'TCPMD5NotFound'],
  ] as const)('no session with %s', async (_name, here, there, counter) => {
    const before = tcpCounter(counter);
    const port = await freePort(peer);
    const protection = { key: here, hops: undefined };
    ours = await speaker(address, { address: peer, port }, { times }, protection, realClock);
    running = daemon.start({
      address: peer,
      port,
      peer: address,
      peerPort: ours.port,
      passive: true,
      key: there,
    });
    const { session, failures, ups } = ours;
    session.start();
    await until(() => tcpCounter(counter) > before, `${counter} counts`);
    await until(() => failures.some((failure) => failure.includes('TCP-MD5')), 'that nobody answers');
    expect(ups).toEqual([]);
  });
});
