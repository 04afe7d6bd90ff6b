// The XMPP side on sessions that are scripted: what goes to whom, in which order, serialised how often.

import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import { type Dialect, encodeRequest, type VpnRequest } from '@hostpe/signaling';
import type { ServerSession } from '@hostpe/xmpp';
import { describe, expect, test } from 'vitest';
import { ControlPlane } from '../src/control-plane.ts';
import { Sessions } from '../src/session.ts';
import { runAtOnce } from './readers.ts';
import { route, silent, vpnsOf } from './values.ts';

type Handler = Parameters<ServerSession['onRequest']>[0];

class ScriptedSession implements ServerSession {
  readonly jid: string;
  readonly account: string;
  readonly remoteAddress = '127.0.0.1';
  readonly sent: unknown[] = [];
  #handler: Handler = () => undefined;
  #next: () => Uint8Array | undefined = () => undefined;
  #closed: (reason: string) => void = () => {};

  constructor(account: string) {
    this.account = account;
    this.jid = `${account}@dc1.example/hostpe`;
  }

  onRequest(handler: Handler): void {
    this.#handler = handler;
  }

  sendMessage(payload: unknown): void {
    this.sent.push(payload);
  }

  sendFrom(source: () => Uint8Array | undefined): () => void {
    this.#next = source;
    return () => {};
  }

  on(_event: 'close', listener: (reason: string) => void): () => void {
    this.#closed = listener;
    return () => {};
  }

  async close(): Promise<void> {
    this.#closed('closed');
  }

  request(request: VpnRequest) {
    return this.#handler(encodeRequest(request, this.jid));
  }

  /** A payload that is no request. */
  raw(name: string) {
    const payload = encodeRequest({ kind: 'subscribe', vpn: 'red' }, this.jid);
    payload.name = name;
    return this.#handler(payload);
  }

  /** Takes all that there is to send. */
  read(): readonly unknown[] {
    for (let payload = this.#next(); payload !== undefined; payload = this.#next()) this.sent.push(payload);
    return this.sent;
  }

  /** Prefixes and End-of-RIBs of what was sent since the last call. */
  heard(): string[] {
    this.read();
    return this.sent.splice(0).map((body) => {
      const items = [...String(body).matchAll(/<(item|retract) id="([^"]*)"/g)];
      return items.map(([, kind, id]) => `${kind === 'item' ? '+' : '-'}${id}`).join(' ') || 'end-of-rib';
    });
  }
}

function setUp(accounts: readonly string[], dialect: Dialect = 'end-system-06') {
  const deferred: (() => void)[] = [];
  /** Refusals in the log, each with its level. */
  const refusals: string[] = [];
  const noting = (level: string) => (_facts: object, message: string) => {
    if (message.includes('refused')) refusals.push(`${level} ${message}`);
  };
  const log = { ...silent, debug: noting('debug'), warn: noting('warn') };
  const sessions = new Sessions({ log, dialect: () => dialect, defer: (task) => deferred.push(task) });
  const clock = new ManualClock();
  const controlPlane = new ControlPlane({
    vpns: vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] }),
    forwarders: new Map(
      accounts.map((account) => [
        account,
        { addresses: new Set([parseIpAddress('10.255.0.1')]), vpns: new Set(['red', 'blue']) },
      ]),
    ),
    withdrawDelay: 60_000,
    restartDelay: 0,
    lowerStale: false,
    clock,
    log: silent,
    run: runAtOnce,
    changed: (vpn, receivers) => sessions.changed(vpn, receivers),
    endOfRib: (vpn, receivers) => sessions.endOfRib(vpn, receivers),
    startTable: (vpn, account) => sessions.startTable(vpn, account),
    endSession: (account, reason) => sessions.end(account, reason),
  });
  const accept = (account: string) => {
    const session = new ScriptedSession(account);
    sessions.accept(session, controlPlane);
    return session;
  };
  const runDeferred = () => {
    for (const task of deferred.splice(0)) task();
  };
  return { accept, sessions, controlPlane, refusals, runDeferred };
}

const p1 = route({ prefix: '10.1.0.1/32', nexthop: '10.255.0.1', label: 1000 });
const subscribe: VpnRequest = { kind: 'subscribe', vpn: 'red' };
const publish = (...routes: readonly (typeof p1)[]): VpnRequest => ({
  kind: 'publish',
  vpn: 'red',
  routes,
  rejected: [],
});

test('the answer to a subscribe goes before the table', () => {
  const { accept, runDeferred } = setUp(['h1']);
  const session = accept('h1');
  const answer = session.request(subscribe);
  expect(String(answer)).toContain('subscription="subscribed"');
  expect(session.heard()).toEqual([]);
  runDeferred();
  expect(session.heard()).toEqual(['end-of-rib']);
});

test('a notification is serialised once, however many hear of it', () => {
  const { accept, runDeferred } = setUp(['h1', 'h2', 'h3']);
  const three = ['h1', 'h2', 'h3'].map(accept);
  for (const session of three) session.request(subscribe);
  runDeferred();
  for (const session of three) session.heard();
  three[0]?.request(publish(p1));
  const bodies = three.map((session) => session.read()[0]);
  expect(bodies[0]).toBeInstanceOf(Uint8Array);
  expect(new Set(bodies).size).toBe(1);
  expect(three.map((session) => session.heard())).toEqual(Array(3).fill(['+10.1.0.1/32']));
});

test('a large table comes in several messages, End-of-RIB last', () => {
  const { accept, runDeferred } = setUp(['h1', 'h2']);
  const publisher = accept('h1');
  publisher.request(subscribe);
  const routes = Array.from({ length: 250 }, (_, index) =>
    route({ prefix: `10.1.${index}.0/24`, nexthop: '10.255.0.1', label: 1000 }),
  );
  publisher.request(publish(...routes));
  const subscriber = accept('h2');
  subscriber.request(subscribe);
  runDeferred();
  const heard = subscriber.heard();
  expect(heard.at(-1)).toBe('end-of-rib');
  expect(heard.slice(0, -1).map((message) => message.split(' ').length)).toEqual([100, 100, 50]);
  expect(heard.slice(0, -1).join(' ')).toBe(routes.map(({ prefix }) => `+${prefix}`).join(' '));
});

test('contrail: End-of-RIB is said once, when the last VPN is told, and again after a new one', () => {
  const { accept, runDeferred } = setUp(['h1'], 'contrail');
  const session = accept('h1');
  session.request(subscribe);
  session.request({ kind: 'subscribe', vpn: 'blue' });
  session.request(publish(p1));
  runDeferred();
  expect(session.heard()).toEqual(['+10.1.0.1/32', 'end-of-rib']);
  session.request({ kind: 'unsubscribe', vpn: 'blue' });
  session.request({ kind: 'subscribe', vpn: 'blue' });
  runDeferred();
  expect(session.heard()).toEqual(['end-of-rib']);
  for (const vpn of ['red', 'blue']) {
    session.request({ kind: 'unsubscribe', vpn });
    session.request({ kind: 'subscribe', vpn });
  }
  runDeferred();
  expect(session.heard()).toEqual(['end-of-rib']);
});

describe('a session that ends', () => {
  test('before its table was sent hears nothing, and its successor is not told twice', () => {
    const { accept, runDeferred } = setUp(['h1']);
    const first = accept('h1');
    first.request(subscribe);
    void first.close();
    const second = accept('h1');
    second.request(subscribe);
    runDeferred();
    expect(first.heard()).toEqual([]);
    expect(second.heard()).toEqual(['end-of-rib']);
  });

  test('leaves its routes, stale', () => {
    const { accept, controlPlane, sessions } = setUp(['h1']);
    const session = accept('h1');
    session.request(subscribe);
    session.request(publish(p1));
    void session.close();
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 1, stale: 1 });
    expect(sessions.session('h1')).toBeUndefined();
  });

  test('means nothing while the route server stops', () => {
    const { accept, controlPlane, sessions } = setUp(['h1']);
    const session = accept('h1');
    session.request(subscribe);
    session.request(publish(p1));
    sessions.stop();
    void session.close();
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 1, stale: 0 });
  });
});

describe('a refusal', () => {
  const endOfRib = (vpn: string): VpnRequest => ({ kind: 'end-of-rib', vpn });
  const levels = (refusals: string[]) => refusals.splice(0).map((line) => line.split(' ')[0]);

  test('is a warning once for a kind of request in a VPN, then a debug line, until the session ends', () => {
    const { accept, refusals } = setUp(['h1', 'h2']);
    const first = accept('h1');
    for (let time = 0; time < 3; time += 1) expect(() => first.request(endOfRib('red'))).toThrow();
    expect(refusals.splice(0)).toEqual([
      'warn forwarder h1: refused: VPN red: subscribe first; a repetition is logged as debug',
      'debug forwarder h1: refused: VPN red: subscribe first',
      'debug forwarder h1: refused: VPN red: subscribe first',
    ]);
    expect(() => first.request(publish(p1))).toThrow();
    expect(() => accept('h2').request(endOfRib('red'))).toThrow();
    void first.close();
    expect(() => accept('h1').request(endOfRib('red'))).toThrow();
    expect(levels(refusals)).toEqual(['warn', 'warn', 'warn']);
  });

  test('cannot be made a warning again by another name of an unknown VPN, or by a payload nobody understands', () => {
    const { accept, refusals } = setUp(['h1']);
    const session = accept('h1');
    for (const vpn of ['green', 'brown', 'white']) expect(() => session.request(endOfRib(vpn))).toThrow();
    expect(levels(refusals)).toEqual(['warn', 'debug', 'debug']);
    for (const name of ['one', 'two']) expect(() => session.raw(name)).toThrow();
    expect(levels(refusals)).toEqual(['warn', 'debug']);
  });
});
