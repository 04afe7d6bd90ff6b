// Sessions whose peers read slowly: what they hear is right and whole, and what is kept for them is bounded.

import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import { encodeRequest, type VpnRequest, type VpnRoute } from '@hostpe/signaling';
import type { ServerSession } from '@hostpe/xmpp';
import { describe, expect, test } from 'vitest';
import { ControlPlane } from '../src/control-plane.ts';
import { Sessions } from '../src/session.ts';
import { runAtOnce } from './readers.ts';
import { route, silent, vpnsOf } from './values.ts';

type Handler = Parameters<ServerSession['onRequest']>[0];

/** Reads only when it is told to. */
class SlowSession implements ServerSession {
  readonly jid: string;
  readonly account: string;
  readonly remoteAddress = '127.0.0.1';
  woken = 0;
  #handler: Handler = () => undefined;
  #next: () => Uint8Array | undefined = () => undefined;

  constructor(account: string) {
    this.account = account;
    this.jid = `${account}@dc1.example/hostpe`;
  }

  onRequest(handler: Handler): void {
    this.#handler = handler;
  }

  sendMessage(): void {}

  sendFrom(source: () => Uint8Array | undefined): () => void {
    this.#next = source;
    return () => {
      this.woken += 1;
    };
  }

  on(): () => void {
    return () => {};
  }

  async close(): Promise<void> {}

  request(request: VpnRequest) {
    return this.#handler(encodeRequest(request, this.jid));
  }

  /** The next so many messages; all where not said. */
  read(count = Number.POSITIVE_INFINITY): string[] {
    const read: string[] = [];
    while (read.length < count) {
      const payload = this.#next();
      if (payload === undefined) break;
      const items = [...String(payload).matchAll(/<(item|retract) id="([^"]*)"/g)];
      read.push(items.map(([, kind, id]) => `${kind === 'item' ? '+' : '-'}${id}`).join(' ') || 'end-of-rib');
    }
    return read;
  }
}

function setUp() {
  const deferred: (() => void)[] = [];
  const sessions = new Sessions({
    log: silent,
    dialect: () => 'end-system-06',
    defer: (task) => deferred.push(task),
  });
  const controlPlane = new ControlPlane({
    vpns: vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] }),
    forwarders: new Map(
      ['h1', 'h2'].map((account) => [
        account,
        { addresses: new Set([parseIpAddress('10.255.0.1')]), vpns: new Set(['red', 'blue']) },
      ]),
    ),
    withdrawDelay: 60_000,
    restartDelay: 0,
    lowerStale: false,
    clock: new ManualClock(),
    log: silent,
    run: runAtOnce,
    changed: (vpn, receivers) => sessions.changed(vpn, receivers),
    endOfRib: (vpn, receivers) => sessions.endOfRib(vpn, receivers),
    startTable: (vpn, account) => sessions.startTable(vpn, account),
    endSession: (account, reason) => sessions.end(account, reason),
  });
  const join = (account: string, ...vpns: readonly string[]) => {
    const session = new SlowSession(account);
    sessions.accept(session, controlPlane);
    for (const vpn of vpns) session.request({ kind: 'subscribe', vpn });
    for (const task of deferred.splice(0)) task();
    return session;
  };
  return { controlPlane, join };
}

const routeAt = (number: number, label = 1000): VpnRoute =>
  route({
    prefix: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32`,
    nexthop: '10.255.0.1',
    label,
  });
const routes = (count: number, label?: number) =>
  Array.from({ length: count }, (_, number) => routeAt(number, label));

describe('a table', () => {
  test('is made as it is read: what changed meanwhile comes once, what went ahead of the reader not at all', () => {
    const { controlPlane, join } = setUp();
    join('h1', 'red').read();
    controlPlane.publish('h1', 'red', routes(300));
    const late = join('h2', 'red');
    expect(late.woken).toBeGreaterThan(0);
    const [first = ''] = late.read(1);
    expect(first.split(' ')).toEqual(routes(100).map(({ prefix }) => `+${prefix}`));
    // One that was sent, one that was not; of both kinds.
    controlPlane.retract('h1', 'red', [routeAt(5).id, routeAt(250).id]);
    controlPlane.publish('h1', 'red', [routeAt(6, 2000), routeAt(251, 2000), routeAt(1000)]);
    const rest = late.read();
    expect(rest.at(-1)).toBe('end-of-rib');
    const items = rest.slice(0, -1).flatMap((message) => message.split(' '));
    const changes = items.filter((item) => [5, 6, 250, 251, 1000].includes(numberOf(item)));
    expect(changes.sort()).toEqual(
      [
        `-${routeAt(5).prefix}`,
        `+${routeAt(6).prefix}`,
        `+${routeAt(251).prefix}`,
        `+${routeAt(1000).prefix}`,
      ].sort(),
    );
    expect(items).toHaveLength(200 - 1 + 3);
  });

  test('of very many routes is not made before it is read, nor does it hold up another VPN', () => {
    const { controlPlane, join } = setUp();
    join('h1', 'red', 'blue').read();
    controlPlane.publish('h1', 'red', routes(20_000));
    controlPlane.publish('h1', 'blue', routes(1));
    const before = performance.now();
    const late = join('h2', 'red', 'blue');
    const joined = performance.now() - before;
    const [, second, third] = late.read(3);
    expect([second, third]).toEqual([`+${routeAt(0).prefix}`, expect.stringContaining('+10.')]);
    expect(joined).toBeLessThan(50);
    expect(late.read().filter((message) => message === 'end-of-rib')).toHaveLength(2);
  });
});

test('who falls behind hears each prefix once, as it is at last, and then again all changes as they come', () => {
  const { controlPlane, join } = setUp();
  const slow = join('h2', 'red');
  slow.read();
  const publisher = join('h1', 'red');
  publisher.read();
  // Far more than is kept for one that does not read.
  for (let round = 0; round < 100; round++) {
    controlPlane.publish('h1', 'red', routes(500, 1000 + round));
    publisher.read();
  }
  controlPlane.retract('h1', 'red', [routeAt(0).id]);
  const items = slow.read().flatMap((message) => message.split(' '));
  // Of the first it has never heard.
  expect(items.sort()).toEqual(
    routes(500)
      .slice(1)
      .map(({ prefix }) => `+${prefix}`)
      .sort(),
  );
  for (const label of [2000, 2001]) {
    controlPlane.publish('h1', 'red', [routeAt(1, label)]);
    expect(slow.read()).toEqual([`+${routeAt(1).prefix}`]);
  }
});

test('End-of-RIB that was not read yet does not come after a subscribe that asks for the table anew', () => {
  const { controlPlane, join } = setUp();
  join('h1', 'red').read();
  controlPlane.publish('h1', 'red', routes(2));
  const late = join('h2', 'red');
  late.request({ kind: 'subscribe', vpn: 'red' });
  expect(late.read()).toEqual([`+${routeAt(0).prefix} +${routeAt(1).prefix}`]);
});

function numberOf(item: string): number {
  const [, a = '', b = '', c = ''] = /10\.(\d+)\.(\d+)\.(\d+)/.exec(item) ?? [];
  return (Number(a) << 16) + (Number(b) << 8) + Number(c);
}
