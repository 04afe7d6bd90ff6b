// A speaker on real sockets, and peers that say what a test wants.
import { parseIpPrefix, parseRouteTarget, routeTargetToBytes } from '@hostpe/net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type CodecOptions,
  decodeMessage,
  encodeEndOfRib,
  encodeMessage,
  type PathAttributes,
  type PeerConfiguration,
  packUpdates,
  packWithdrawals,
  type SessionConfiguration,
  Speaker,
} from '../src/index.ts';
import { address, internal, plain, route } from './codec-values.ts';
import { damagedMessages } from './damaged-messages.ts';
import { ManualClock } from './session-values.ts';
import { establish, type RawPeer, rawPeer, until } from './transport-peers.ts';

const own = '127.0.3.1';
const red = parseRouteTarget('65000:1');
const blue = parseRouteTarget('65000:2');
const nexthop = address('203.0.113.1');
const redAttributes: PathAttributes = { ...plain, localPreference: 100, routeTargets: [red] };
const blueAttributes: PathAttributes = { ...plain, localPreference: 100, routeTargets: [blue] };

const peerAt = (name: string, host: number, more: Partial<PeerConfiguration> = {}): PeerConfiguration => ({
  name,
  address: address(`127.0.3.${host}`),
  port: 179,
  localAddress: address(own),
  as: 65000,
  families: ['vpnv4', 'vpnv6', 'rtc'],
  protection: { key: undefined, hops: undefined },
  passive: true,
  holdTime: 90,
  routeReflectorClient: false,
  encapsulation: 'both',
  addPathReceive: [],
  addPathSend: [],
  gracefulRestart: true,
  longLivedTime: 0,
  ...more,
});

let speaker: Speaker;
let clock: ManualClock;
let warnings: string[];
let completed: string[];
const raws: RawPeer[] = [];
let port: number;

async function start(...peers: readonly PeerConfiguration[]): Promise<void> {
  clock = new ManualClock();
  warnings = [];
  completed = [];
  speaker = new Speaker({
    configuration: {
      as: 65000,
      identifier: address('192.0.2.1'),
      clusterId: address('192.0.2.1'),
      listen: [{ address: address(own), port: 0 }],
      restartTime: 120,
      peers,
    },
    clock,
    now: () => performance.now(),
    random: () => 1,
    defer: (task) => setImmediate(task),
    run: (steps, done) => {
      for (const _ of steps);
      done();
    },
    log: { debug: () => {}, info: () => {}, warn: (_, text) => warnings.push(text) },
    changed: () => {},
    complete: (peer) => completed.push(peer),
  });
  port = (await speaker.start())[0]?.port ?? 0;
}

afterEach(() => {
  speaker.stop();
  for (const { socket } of raws.splice(0)) socket.destroy();
});

/** @param families without RTC unless said, so that nothing is filtered and nothing waits */
async function connect(
  host: number,
  changes: Partial<SessionConfiguration> = {},
): Promise<RawPeer & { readonly said: () => string[]; say(...messages: Iterable<Uint8Array>[]): void }> {
  const raw = rawPeer(`127.0.3.${host}`, { address: own, port });
  raws.push(raw);
  const mine = { families: ['vpnv4', 'vpnv6'] as const, identifier: address(`192.0.2.${host}`), ...changes };
  await establish(raw, mine);
  await until(
    () => speaker.peers.some(({ state, address: at }) => state === 'established' && at === `127.0.3.${host}`),
    'up',
  );
  const codec: CodecOptions = {
    ...internal,
    internal: (mine.localAs ?? 65000) === 65000,
    extendedMessage: true,
  };
  return {
    ...raw,
    said: () => raw.received.flatMap((message) => linesOf(message, codec)),
    say: (...messages) => {
      for (const bytes of messages) for (const one of bytes) raw.socket.write(one);
    },
  };
}

/** A round trip: what was said before has been heard. */
async function heard(peer: Awaited<ReturnType<typeof connect>>): Promise<void> {
  const ends = () => peer.said().filter((line) => line === 'end rtc').length;
  const before = ends();
  peer.say([encodeMessage({ type: 'route-refresh', family: 'rtc', kind: 'request' }, internal)]);
  await until(() => ends() > before, 'an answer');
}

/** What an UPDATE or a ROUTE-REFRESH says, a line a fact. */
function linesOf({ type, body }: RawPeer['received'][number], codec: CodecOptions): string[] {
  if (type !== 2 && type !== 5) return [];
  const header = Buffer.concat([Buffer.alloc(16, 0xff), Buffer.from([0, 0, type])]);
  header.writeUInt16BE(19 + body.length, 16);
  const message = decodeMessage(Buffer.concat([header, body]), codec);
  if (message?.type === 'route-refresh') return [`${message.kind} ${String(message.family)}`];
  if (message?.type !== 'update') return [];
  const { announced, withdrawn, endOfRib, attributes } = message;
  const path = (attributes?.asPath ?? []).flatMap(({ numbers }) => numbers).join('-');
  const lines: string[] = [];
  for (const one of withdrawn)
    if (one.family === 'rtc') for (const { target } of one.memberships) lines.push(`-rtc ${target.at(-1)}`);
    else for (const { rd, prefix } of one.routes) lines.push(`-${rd} ${prefix}`);
  if (announced?.family === 'rtc')
    for (const { target } of announced.memberships) lines.push(`+rtc ${target.at(-1)}`);
  else
    for (const { rd, prefix, label } of announced?.routes ?? [])
      lines.push(`+${rd} ${prefix} ${label} ${announced?.nexthop}${path === '' ? '' : ` by ${path}`}`);
  if (endOfRib !== undefined) lines.push(`end ${String(endOfRib)}`);
  return lines;
}

const announce = (attributes: PathAttributes, ...routes: ReturnType<typeof route>[]) =>
  packUpdates(attributes, { family: 'vpnv4', nexthop, routes }, internal);
const withdraw = (...routes: ReturnType<typeof route>[]) =>
  packWithdrawals({ family: 'vpnv4', routes }, internal);
const membership = (target: typeof red) => ({
  originAs: 65000,
  target: routeTargetToBytes(target),
  length: 96,
});
const wants = (target: typeof red) =>
  packUpdates(
    { ...plain, localPreference: 100 },
    { family: 'rtc', nexthop: address('192.0.2.9'), memberships: [membership(target)] },
    internal,
  );
const withdrawsWish = (target: typeof red) =>
  packWithdrawals({ family: 'rtc', memberships: [membership(target)] }, internal);
const one = route('65000:7', '10.1.0.0/16', 100);
const two = route('65000:7', '10.2.0.0/16', 200);
const three = route('65000:7', '10.3.0.0/16', 300);

/** Our own route. */
function originate(attributes: PathAttributes, ...routes: ReturnType<typeof route>[]): void {
  speaker.rib.announce(speaker.source, 'vpnv4', attributes, nexthop, routes);
  speaker.changed();
}

const has = (prefix: string): boolean =>
  speaker.rib.best(speaker.rib.find('vpnv4', one.rd, parseIpPrefix(prefix))) >= 0;
const isStale = (prefix: string): boolean =>
  speaker.rib.isStale(speaker.rib.best(speaker.rib.find('vpnv4', one.rd, parseIpPrefix(prefix))));

describe('what a peer is told', () => {
  beforeEach(() => start(peerAt('a', 2), peerAt('b', 3), peerAt('x', 4, { as: 65001 })));

  test('all that is there, then End-of-RIB as soon as it is due, then changes', async () => {
    originate(redAttributes, one);
    const a = await connect(2);
    await until(() => a.said().length > 0, 'a route');
    expect(a.said()).toEqual([`+65000:7 10.1.0.0/16 100 ${nexthop}`]);
    speaker.complete();
    await until(() => a.said().length === 3, 'End-of-RIB');
    expect(a.said().slice(1)).toEqual(['end vpnv4', 'end vpnv6']);
    originate(redAttributes, two);
    speaker.rib.withdraw(speaker.source, 'vpnv4', [one]);
    await until(() => a.said().length === 5, 'changes');
    expect(a.said().slice(3).sort()).toEqual([`+65000:7 10.2.0.0/16 200 ${nexthop}`, '-65000:7 10.1.0.0/16']);
  });

  test('nothing of what came and went before it was there', async () => {
    originate(redAttributes, one);
    speaker.rib.withdraw(speaker.source, 'vpnv4', [one]);
    const a = await connect(2);
    speaker.complete();
    await until(() => a.said().length === 2, 'End-of-RIB');
    expect(a.said()).toEqual(['end vpnv4', 'end vpnv6']);
  });

  test('routes of the targets that it asked for, once it has said End-of-RIB of them', async () => {
    speaker.complete();
    originate(redAttributes, one);
    originate(blueAttributes, two);
    const a = await connect(2, { families: ['vpnv4', 'rtc'] });
    await until(() => a.said().includes('end rtc'), 'our End-of-RIB of targets');
    a.say(wants(blue));
    await heard(a);
    expect(a.said()).toEqual(['end rtc', 'end rtc']);
    a.say([encodeEndOfRib('rtc')]);
    await until(() => a.said().includes('end vpnv4'), 'End-of-RIB');
    expect(a.said().slice(2)).toEqual([`+65000:7 10.2.0.0/16 200 ${nexthop}`, 'end vpnv4']);
    a.say(wants(red));
    await until(() => a.said().includes(`+65000:7 10.1.0.0/16 100 ${nexthop}`), 'the other');
    // What it was told already is not told again.
    originate({ ...redAttributes, routeTargets: [red, blue] }, three);
    await until(() => a.said().length === 6, 'one of both targets');
    a.say(withdrawsWish(blue));
    await until(() => a.said().length === 7, 'the end of what it wants no longer');
    expect(a.said().slice(5)).toEqual([`+65000:7 10.3.0.0/16 300 ${nexthop}`, '-65000:7 10.2.0.0/16']);
  });

  test('all that it wants, when it says no End-of-RIB of targets for half a minute', async () => {
    originate(redAttributes, one);
    const a = await connect(2, {
      families: ['vpnv4', 'rtc'],
      gracefulRestart: { restarting: false, time: 120, families: [] },
    });
    a.say(wants(red));
    await until(() => a.said().includes('end rtc'), 'our End-of-RIB of targets');
    await heard(a);
    clock.advance(29_000);
    await heard(a);
    expect(a.said().some((line) => line.startsWith('+'))).toBe(false);
    clock.advance(1_000);
    await until(() => a.said().includes(`+65000:7 10.1.0.0/16 100 ${nexthop}`), 'the route');
  });

  test('all that it wants, two seconds after it last said what, where it is not known to say End-of-RIB', async () => {
    originate(redAttributes, one);
    originate(blueAttributes, two);
    const a = await connect(2, { families: ['vpnv4', 'rtc'], gracefulRestart: undefined });
    a.say(wants(red));
    await heard(a);
    clock.advance(1_900);
    a.say(wants(blue));
    await heard(a);
    clock.advance(1_900);
    await heard(a);
    expect(a.said().some((line) => line.startsWith('+'))).toBe(false);
    clock.advance(100);
    await until(() => a.said().filter((line) => line.startsWith('+')).length === 2, 'the routes');
  });

  test('which targets are wanted here, first of all', async () => {
    speaker.hold(red);
    speaker.hold(red);
    const a = await connect(2, { families: ['vpnv4', 'rtc'] });
    await until(() => a.said().length === 2, 'targets');
    expect(a.said()).toEqual(['+rtc 1', 'end rtc']);
    speaker.hold(blue);
    speaker.release(red);
    await until(() => a.said().length === 3, 'the other target');
    speaker.release(red);
    await until(() => a.said().length === 4, 'the end of the first');
    expect(a.said().slice(2)).toEqual(['+rtc 2', '-rtc 1']);
  });

  test('routes of others by the rules of BGP, and never its own', async () => {
    const a = await connect(2);
    const b = await connect(3);
    const x = await connect(4, { localAs: 65001, peerAs: 65000 });
    a.say(announce(redAttributes, one));
    await until(() => x.said().length === 1, 'a route of an internal peer');
    expect(x.said()).toEqual([`+65000:7 10.1.0.0/16 100 ${nexthop} by 65000`]);
    x.say(
      packUpdates(
        { ...redAttributes, localPreference: undefined, asPath: [{ kind: 'sequence', numbers: [65001] }] },
        { family: 'vpnv4', nexthop, routes: [two] },
        { ...internal, internal: false },
      ),
    );
    await until(() => a.said().length === 1 && b.said().length === 1, 'a route of an external peer');
    for (const peer of [a, b]) expect(peer.said()).toEqual([`+65000:7 10.2.0.0/16 200 ${nexthop} by 65001`]);
    // What is taken back is taken back from those who were told.
    a.say(withdraw(one));
    await until(() => x.said().length === 2, 'the end of it');
    expect(x.said()[1]).toBe('-65000:7 10.1.0.0/16');
    expect(b.said()).toHaveLength(1);
  });

  test('all again where it asks, between marks', async () => {
    originate(redAttributes, one);
    speaker.complete();
    const a = await connect(2, { families: ['vpnv4'] });
    await until(() => a.said().length === 2, 'a route and End-of-RIB');
    a.say([encodeMessage({ type: 'route-refresh', family: 'vpnv4', kind: 'request' }, internal)]);
    await until(() => a.said().length === 5, 'all again');
    expect(a.said().slice(2)).toEqual(['begin vpnv4', `+65000:7 10.1.0.0/16 100 ${nexthop}`, 'end vpnv4']);
  });

  test('all again where it asks before End-of-RIB, without the marks that it would pass over', async () => {
    originate(redAttributes, one);
    const a = await connect(2, { families: ['vpnv4'] });
    await until(() => a.said().length === 1, 'a route');
    a.say([encodeMessage({ type: 'route-refresh', family: 'vpnv4', kind: 'request' }, internal)]);
    await until(() => a.said().length === 2, 'all again');
    speaker.complete();
    await until(() => a.said().length === 3, 'End-of-RIB');
    const said = `+65000:7 10.1.0.0/16 100 ${nexthop}`;
    expect(a.said()).toEqual([said, said, 'end vpnv4']);
  });
});

describe('what a peer announced', () => {
  const graceful = {
    gracefulRestart: { restarting: false, time: 60, families: [{ family: 'vpnv4', forwarding: true }] },
  } as const;
  beforeEach(() => start(peerAt('a', 2, { longLivedTime: 600 })));

  test('goes with the session', async () => {
    const a = await connect(2);
    a.say(announce(redAttributes, one), [encodeEndOfRib('vpnv4')], [encodeEndOfRib('vpnv6')]);
    await until(() => completed.length === 1, 'all of it');
    expect(has('10.1.0.0/16')).toBe(true);
    a.socket.destroy();
    await until(() => !has('10.1.0.0/16'), 'the end of it');
  });

  test('is kept over a restart, but for what is not announced again', async () => {
    const a = await connect(2, graceful);
    a.say(announce(redAttributes, one, two));
    await until(() => has('10.2.0.0/16'), 'routes');
    a.socket.resetAndDestroy();
    await until(() => has('10.1.0.0/16') && isStale('10.1.0.0/16'), 'stale routes');
    const again = await connect(2, graceful);
    again.say(announce(redAttributes, one));
    await until(() => !isStale('10.1.0.0/16'), 'a route again');
    expect(isStale('10.2.0.0/16')).toBe(true);
    again.say([encodeEndOfRib('vpnv4')]);
    await until(() => !has('10.2.0.0/16'), 'the end of the other');
    expect(has('10.1.0.0/16')).toBe(true);
  });

  test('goes when the peer is not back in time', async () => {
    const a = await connect(2, graceful);
    a.say(announce(redAttributes, one));
    await until(() => has('10.1.0.0/16'), 'a route');
    a.socket.resetAndDestroy();
    await until(() => isStale('10.1.0.0/16'), 'a stale route');
    clock.advance(59_000);
    expect(has('10.1.0.0/16')).toBe(true);
    clock.advance(1000);
    expect(has('10.1.0.0/16')).toBe(false);
  });

  test('is the least preferred where it is kept for long, and goes in the end', async () => {
    const a = await connect(2, {
      ...graceful,
      longLived: [{ family: 'vpnv4', forwarding: true, time: 300 }],
    });
    a.say(announce(redAttributes, one));
    await until(() => has('10.1.0.0/16'), 'a route');
    a.socket.resetAndDestroy();
    await until(() => isStale('10.1.0.0/16'), 'a stale route');
    clock.advance(60_000);
    const { rib } = speaker;
    const best = rib.best(rib.find('vpnv4', one.rd, one.prefix));
    expect(rib.set(rib.attributeSet(best)).attributes.communities).toEqual([0xffff0006]);
    clock.advance(300_000);
    expect(has('10.1.0.0/16')).toBe(false);
  });

  test('is not used where it came by way of us, and that is said once', async () => {
    const a = await connect(2);
    a.say(announce(redAttributes, one));
    await until(() => has('10.1.0.0/16'), 'a route');
    const looped = { ...redAttributes, clusterList: [address('192.0.2.1')] };
    a.say(announce(looped, one), announce(looped, two), announce(redAttributes, three));
    await until(() => has('10.3.0.0/16'), 'another route');
    expect([has('10.1.0.0/16'), has('10.2.0.0/16')]).toEqual([false, false]);
    expect(warnings).toEqual(['BGP peer a: routes not used: cluster list with our own cluster 192.0.2.1']);
  });
});

test('a peer whose messages are damaged harms itself alone', { timeout: 60_000 }, async () => {
  // Without hold times: the clock is moved over the time in which a peer that failed is not looked for.
  await start(peerAt('a', 2, { gracefulRestart: false, holdTime: 0 }), peerAt('b', 3, { holdTime: 0 }));
  const b = await connect(3);
  b.say(announce(redAttributes, one));
  await until(() => has('10.1.0.0/16'), 'its route');
  let a = await connect(2);
  for (const { message } of fc.sample(damagedMessages, { numRuns: 400, seed: 4271 })) {
    if (a.closed()) {
      clock.advance(600_000);
      a = await connect(2);
    }
    a.say([message, encodeEndOfRib('vpnv6')]);
    const { updatesReceived = 0 } = speaker.peers[0] ?? {};
    await until(
      () => a.closed() || (speaker.peers[0]?.updatesReceived ?? 0) > updatesReceived,
      'what comes of it',
    );
  }
  expect(speaker.peers[1]).toMatchObject({ name: 'b', state: 'established', received: 1 });
  originate(blueAttributes, two);
  await until(() => b.said().includes(`+65000:7 10.2.0.0/16 200 ${nexthop}`), 'a route of ours');
  expect(b.closed()).toBe(false);
});
