// Peers that do what they should not, over real sockets with a clock that tests move: each harms its own session alone.
import { afterEach, expect, test } from 'vitest';
import { encodeEndOfRib, encodeMessage, initialOptions, type SessionConfiguration } from '../src/index.ts';
import { configuration, graceful } from './session-values.ts';
import { end, establish, type RawPeer, rawPeer, type Speaker, speaker, until } from './transport-peers.ts';

const started: Speaker[] = [];
const raws: RawPeer[] = [];
afterEach(() => {
  end(...started.splice(0));
  for (const { socket } of raws.splice(0)) socket.destroy();
});

async function passive(changes: Partial<SessionConfiguration> = {}): Promise<Speaker> {
  const made = await speaker('127.0.0.1', { address: '127.0.0.2', port: 1 }, { passive: true, ...changes });
  made.session.start();
  started.push(made);
  return made;
}
function raw({ port }: Speaker, from = '127.0.0.2'): RawPeer {
  const made = rawPeer(from, { address: '127.0.0.1', port });
  raws.push(made);
  return made;
}
async function session(): Promise<readonly [Speaker, RawPeer]> {
  const a = await passive();
  const peer = raw(a);
  await establish(peer);
  await until(() => a.session.state === 'established', 'Established');
  return [a, peer];
}
/** Code and subcode of the NOTIFICATION that a raw peer got. */
async function told(peer: RawPeer): Promise<number[]> {
  await until(() => peer.received.some(({ type }) => type === 3), 'a NOTIFICATION');
  return [...(peer.received.find(({ type }) => type === 3)?.body.subarray(0, 2) ?? [])];
}

test('garbage is answered and ends the connection', async () => {
  const a = await passive();
  const peer = raw(a);
  peer.socket.write('GET / HTTP/1.1\r\nHost: route-server\r\n\r\n');
  expect(await told(peer)).toEqual([1, 1]);
  await until(peer.closed, 'closed');
  expect(a.failures[0]).toMatch(/connection not synchronized/);
});

test('garbage in a session ends it', async () => {
  const [a, peer] = await session();
  peer.socket.write(Buffer.alloc(100));
  expect(await told(peer)).toEqual([1, 1]);
  await until(() => a.downs.length === 1, 'the end');
});

test('a connection that says nothing ends in time', async () => {
  const a = await passive();
  const peer = raw(a);
  await until(() => peer.received.length === 1, 'an OPEN');
  a.clock.advance(239_999);
  expect(a.session.state).toBe('open-sent');
  a.clock.advance(1);
  expect(await told(peer)).toEqual([4, 0]);
});

test('a peer that falls silent is given up after the hold time', async () => {
  const [a, peer] = await session();
  a.clock.advance(89_999);
  expect(a.session.state).toBe('established');
  a.clock.advance(1);
  expect(a.downs[0]?.reason).toMatch(/hold time of 90 s/);
  expect(await told(peer)).toEqual([4, 0]);
});

test('a connection that is cut ends the session', async () => {
  const [a, peer] = await session();
  peer.socket.resetAndDestroy();
  await until(() => a.downs.length === 1, 'the end');
  expect(a.downs[0]?.cause).toBe('lost');
});

test('a peer that does not read: told that it is full, bounded, then given up by the send hold time', async () => {
  const [a, peer] = await session();
  peer.socket.pause();
  const update = new Uint8Array(4096).fill(255);
  const many = () => {
    let sent = 0;
    while (a.session.send(update) && sent < 100_000) sent++;
    return sent;
  };
  expect(many()).toBeLessThan(1000);
  peer.socket.resume();
  await until(() => a.drained === 1, 'room again');
  peer.socket.pause();
  // As much as the system takes, until it takes no more for twenty looks in a row.
  let without = 0;
  await until(() => {
    without = many() > 0 ? 0 : without + 1;
    return without > 20;
  }, 'nothing more is taken');
  // So that silence is not why.
  a.session.pause();
  a.clock.advance(479_000);
  expect(a.downs).toEqual([]);
  a.clock.advance(1000);
  expect(a.downs[0]?.reason).toMatch(/send hold time/);
});

/** Fills the way to a raw peer that does not read. @returns messages sent */
async function fill(a: Speaker): Promise<number> {
  const bytes = Buffer.concat(Array.from({ length: 1000 }, () => encodeEndOfRib('vpnv4')));
  let sent = 0;
  let without = 0;
  await until(() => {
    for (let room = true; room; ) {
      room = a.session.send(bytes);
      sent += 1000;
      without = room ? 0 : without + 1;
    }
    return without > 20;
  }, 'nothing more is taken');
  return sent;
}

test('what waits for a peer is dropped where the session ends, so that the NOTIFICATION comes through', async () => {
  const [a, peer] = await session();
  peer.socket.pause();
  const sent = await fill(a);
  a.session.stop('shutdown');
  peer.socket.resume();
  expect(await told(peer)).toEqual([6, 2]);
  await until(peer.closed, 'closed');
  expect(peer.received.filter(({ type }) => type === 2).length).toBeLessThan(sent - 10_000);
});

test('a peer that closes without reading what waits has ended the session', async () => {
  const [a, peer] = await session();
  peer.socket.pause();
  await fill(a);
  peer.socket.end();
  await until(() => a.downs.length === 1, 'the end');
  expect(a.lingering.pending).toBe(1);
  a.lingering.advance(1000);
  await until(() => a.lingering.pending === 0, 'its socket');
  expect(a.downs[0]?.cause).toBe('lost');
});

test('nothing is read beyond what the system holds while the session is paused', async () => {
  const [a, peer] = await session();
  a.session.pause();
  const size = 64 << 20;
  peer.socket.write(Buffer.alloc(size, encodeEndOfRib('vpnv4')));
  let left = size;
  let same = 0;
  await until(() => {
    const now = peer.socket.writableLength - peer.socket.bytesWritten;
    same = now === left ? same + 1 : 0;
    left = now;
    return same > 20;
  }, 'nothing more is taken');
  expect(peer.socket.writableLength).toBeGreaterThan(0);
});

test('messages of more than 4,096 octets, where both speak RFC 8654', async () => {
  const [a, peer] = await session();
  const data = new Uint8Array(5000);
  const options = { ...initialOptions, extendedMessage: true };
  peer.socket.write(encodeMessage({ type: 'notification', code: 6, subcode: 4, data }, options));
  await until(() => a.downs.length === 1, 'the end');
  expect(a.downs[0]?.notification?.data.length).toBe(5000);
});

test('what is not wanted yet stays with the peer, and silence does not count meanwhile', async () => {
  const [a, peer] = await session();
  a.onMessage = () => a.session.pause();
  const bytes = Buffer.from(encodeEndOfRib('vpnv4'));
  peer.socket.write(Buffer.concat(Array.from({ length: 1000 }, () => bytes)));
  await until(() => a.messages === 1, 'the first');
  a.clock.advance(400_000);
  expect([a.messages, a.session.state]).toEqual([1, 'established']);
  a.session.resume();
  await until(() => a.messages === 2, 'the second');
  a.onMessage = () => undefined;
  a.session.resume();
  await until(() => a.messages === 1000, 'all');
});

test('a peer that restarted and comes anew has its old session ended, its routes kept', async () => {
  const a = await passive({ gracefulRestart: graceful });
  const before = raw(a);
  await establish(before, { gracefulRestart: graceful, holdTime: 0 });
  await until(() => a.session.state === 'established', 'Established');
  a.clock.advance(120_000);
  const silent = raw(a);
  await until(() => silent.received.length === 1, 'an OPEN');
  expect(a.downs).toEqual([]);
  await establish(raw(a), { gracefulRestart: graceful });
  await until(() => a.ups.length === 2, 'the new session');
  expect(a.downs[0]).toMatchObject({ cause: 'replaced', retention: { time: 120, families: ['vpnv4'] } });
  await until(before.closed, 'the old one closed');
});

test('what comes behind the message at which the session was ended is not handed up', async () => {
  const [a, peer] = await session();
  a.onMessage = () => a.session.stop('prefix-limit');
  peer.socket.write(Buffer.concat([encodeEndOfRib('vpnv4'), encodeEndOfRib('vpnv6')]));
  expect(await told(peer)).toEqual([6, 1]);
  await until(peer.closed, 'closed');
  expect([a.messages, a.session.state, a.clock.pending]).toEqual([1, 'idle', 0]);
});

test('what the next OPEN says can be changed', async () => {
  const a = await passive({ gracefulRestart: { restarting: true, time: 120, families: [] } });
  a.session.configure({ ...configuration, passive: true, holdTime: 30 });
  const peer = raw(a);
  await until(() => peer.received.length === 1, 'an OPEN');
  expect([...(peer.received[0]?.body.subarray(3, 5) ?? [])]).toEqual([0, 30]);
  expect(() => a.session.configure({ ...configuration, holdTime: 2 })).toThrow(/hold time of 2 s/);
});

test('1,000 connections of strangers are closed, and a session goes on', async () => {
  const [a, peer] = await session();
  const strangers = Array.from({ length: 1000 }, () => raw(a, '127.0.0.9'));
  await until(() => strangers.every(({ closed }) => closed()), 'all closed');
  expect(a.refused.length).toBe(1000);
  expect(strangers.every(({ received }) => received.length === 0)).toBe(true);
  peer.socket.write(encodeEndOfRib('vpnv4'));
  await until(() => a.messages === 1, 'a message');
});

test('connections of a peer without end leave one', async () => {
  const a = await passive();
  const all = Array.from({ length: 50 }, () => raw(a));
  await until(() => all.filter(({ closed }) => closed()).length === 49, 'the others closed');
  expect(a.session.state).toBe('open-sent');
});
