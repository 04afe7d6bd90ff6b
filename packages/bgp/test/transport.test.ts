// Sessions over real sockets on loopback: both directions, both address families, collisions, TCP-MD5 and GTSM.
import { parseIpAddress } from '@hostpe/net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  defaultTimes,
  encodeEndOfRib,
  type PeerProtection,
  type SessionConfiguration,
  shutdownCommunication,
  TcpDialer,
  type Wire,
} from '../src/index.ts';
import { graceful } from './session-values.ts';
import {
  end,
  type PeerPlace,
  rawPeer,
  realClock,
  type Speaker,
  speaker,
  tcpCounter,
  unprotected,
  until,
} from './transport-peers.ts';

const started: Speaker[] = [];
afterEach(() => end(...started.splice(0)));

async function pair(
  addresses: readonly [string, string],
  protection: readonly [PeerProtection, PeerProtection] = [unprotected, unprotected],
  changes: Partial<SessionConfiguration> = { passive: true },
): Promise<readonly [Speaker, Speaker]> {
  const [a, b] = addresses;
  const places: [PeerPlace, PeerPlace] = [
    { address: a, port: 0 },
    { address: b, port: 0 },
  ];
  const first = await speaker(a, places[1], { ...changes, passive: false }, protection[0]);
  const identifier = parseIpAddress('192.0.2.2');
  const second = await speaker(b, places[0], { identifier, ...changes }, protection[1]);
  places[0].port = first.port;
  places[1].port = second.port;
  started.push(first, second);
  second.session.start();
  first.session.start();
  return [first, second];
}

const established = (...speakers: readonly Speaker[]) =>
  until(() => speakers.every(({ session }) => session.state === 'established'), 'Established');

describe.each([
  ['IPv4', ['127.0.0.1', '127.0.0.2']],
  ['IPv6', ['::1', '::1']],
] as const)('%s', (_family, addresses) => {
  test('a session, what is said on it, and its end with a word', async () => {
    const [a, b] = await pair(addresses);
    await established(a, b);
    expect(a.ups[0]?.negotiated.families).toEqual(['vpnv4', 'vpnv6', 'rtc']);
    expect(a.session.send(encodeEndOfRib('vpnv4'))).toBe(true);
    await until(() => b.messages === 1, 'End-of-RIB');
    a.session.stop('shutdown', 'works until 10');
    await until(() => b.downs.length === 1, 'the end');
    const told = b.downs[0]?.notification;
    expect([told?.code, told?.subcode]).toEqual([6, 2]);
    expect(shutdownCommunication(told?.data ?? new Uint8Array(0))).toBe('works until 10');
    expect(a.session.state).toBe('idle');
    expect(a.clock.pending).toBe(0);
  });

  test('with the same key, and with GTSM', async () => {
    const protection = { key: 'a key', hops: 1 };
    const [a, b] = await pair(addresses, [protection, protection]);
    await established(a, b);
    a.session.send(encodeEndOfRib('vpnv4'));
    await until(() => b.messages === 1, 'End-of-RIB');
  });
});

describe('TCP-MD5', () => {
  test.each([
    ['another key', { key: 'one', hops: undefined }, { key: 'two', hops: undefined }, 'TCPMD5Failure'],
    ['a key on the passive side alone', unprotected, { key: 'two', hops: undefined }, 'TCPMD5NotFound'],
    ['a key on the active side alone', { key: 'one', hops: undefined }, unprotected, 'TCPMD5Unexpected'],
  ] as const)('with %s nothing comes through', async (_name, ours, theirs, counter) => {
    const before = tcpCounter(counter);
    const [a, b] = await pair(['127.0.0.1', '127.0.0.2'], [ours, theirs]);
    await until(() => tcpCounter(counter) > before, `${counter} counts`);
    expect([a.session.state, b.session.state]).toEqual(['connect', 'active']);
    a.clock.advance(1000 * defaultTimes.connect);
    expect(a.failures).toEqual([expect.stringContaining('no answer to our connection in time')]);
  });

  test('a key that cannot be is refused by the name of the peer, and is in no error', async () => {
    const [a] = await pair(['127.0.0.1', '127.0.0.2']);
    const add = (key: string) =>
      a.listener.add({
        address: parseIpAddress('192.0.2.7'),
        protection: { key, hops: undefined },
        accept: () => undefined,
      });
    expect(() => add('secret'.repeat(20))).toThrow(/^peer 192\.0\.2\.7: a TCP-MD5 key has 1 to 80 octets$/);
    expect(() => add('k')).not.toThrow();
    const protection = { key: 'secret'.repeat(20), hops: undefined };
    const peer = { address: parseIpAddress('192.0.2.7'), port: 179, localAddress: undefined, protection };
    const result = await new Promise((done) => new TcpDialer(peer, realClock).dial(done));
    expect(String(result)).toBe('BgpError: peer 192.0.2.7: a TCP-MD5 key has 1 to 80 octets');
  });
});

test('a key that is taken away is no longer asked for', async () => {
  const address = parseIpAddress('127.0.0.2');
  const [a] = await pair(['127.0.0.1', '127.0.0.2']);
  const accepted: string[] = [];
  const accept = ({ description }: Wire) => accepted.push(description);
  a.listener.add({ address, protection: { key: 'one', hops: undefined }, accept });
  a.listener.add({ address, protection: unprotected, accept });
  const peer = rawPeer(address, { address: '127.0.0.1', port: a.port });
  await until(() => accepted.length === 1, 'a connection without a key');
  peer.socket.destroy();
});

test.each([
  ['the active', [{ key: undefined, hops: 1 }, unprotected]],
  ['the passive', [unprotected, { key: undefined, hops: 1 }]],
] as const)('GTSM of %s side drops what came over too many hops', async (_name, protection) => {
  const before = tcpCounter('TCPMinTTLDrop');
  const [a, b] = await pair(['127.0.0.1', '127.0.0.2'], protection);
  await until(() => tcpCounter('TCPMinTTLDrop') > before, 'TCPMinTTLDrop counts');
  expect([a.ups, b.ups]).toEqual([[], []]);
});

test.each([
  ['without', undefined],
  ['with', graceful],
])(
  'both connect at once, %s graceful restart: one session, on one connection',
  async (_name, gracefulRestart) => {
    for (let time = 0; time < 20; time++) {
      const [a, b] = await pair(['127.0.0.1', '127.0.0.2'], undefined, { gracefulRestart });
      await established(a, b);
      expect([a.downs, b.downs, a.ups.length, b.ups.length]).toEqual([[], [], 1, 1]);
      const [one, other] = [a, b].map(({ ups }) => ups[0]?.wire.match(/port \d+/g));
      expect(one).toEqual(other?.toReversed());
      end(...started.splice(0));
    }
  },
);

test('an attempt that fails is told with the peer, and tried again', async () => {
  const place = { address: '127.0.0.2', port: 1 };
  const a = await speaker('127.0.0.1', place);
  started.push(a);
  a.session.start();
  await until(() => a.session.state === 'active', 'Active');
  expect(a.failures[0]).toMatch(/^peer 127\.0\.0\.2 port 1: .*ECONNREFUSED/);
  const b = await speaker(
    '127.0.0.2',
    { address: '127.0.0.1', port: a.port },
    {
      identifier: parseIpAddress('192.0.2.2'),
      passive: true,
    },
  );
  started.push(b);
  b.session.start();
  place.port = b.port;
  a.clock.advance(5000);
  await established(a, b);
});
