// Requests of real clients to a real XMPP server over TLS on loopback: what each is answered, and what comes of it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import { type Dialect, dialects, encodeRequest, type VpnRequest } from '@hostpe/signaling';
import { type Log, StanzaError, scramCredentials, XmppServer } from '@hostpe/xmpp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ControlPlane } from '../src/control-plane.ts';
import { Sessions } from '../src/session.ts';
import { writeCertificate } from './certificate.ts';
import { Forwarder } from './forwarder.ts';
import { route, vpnsOf } from './values.ts';

const PASSWORD = 'correct horse battery staple';
const credentials = scramCredentials(PASSWORD);
const directory = mkdtempSync(join(tmpdir(), 'route-server-'));
let tls: { certificate: string; key: string };

beforeAll(() => {
  tls = writeCertificate(directory, 'dc1.example');
});
afterAll(() => rmSync(directory, { recursive: true }));

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

interface Line {
  readonly level: string;
  readonly facts: object;
  readonly message: string;
}

/** h1 and h2 may join red; blue exists, and neither may join it. @param spoken by h1; h2 speaks end-system-06. */
async function start(spoken: Dialect = 'end-system-06') {
  const clock = new ManualClock();
  const lines: Line[] = [];
  const at = (level: string) => (facts: object, message: string) => {
    lines.push({ level, facts, message });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const dialect = (account: string): Dialect => (account === 'h1' ? spoken : 'end-system-06');
  const sessions = new Sessions({ log, dialect, defer: setImmediate });
  const controlPlane = new ControlPlane({
    vpns: vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] }),
    forwarders: new Map([
      ['h1', { addresses: new Set([parseIpAddress('10.255.0.1')]), vpns: new Set(['red']) }],
      ['h2', { addresses: new Set([parseIpAddress('10.255.0.2')]), vpns: new Set(['red']) }],
    ]),
    withdrawDelay: 60_000,
    restartDelay: 0,
    clock,
    log,
    deliver: (event, accounts, places) => sessions.deliver(event, accounts, places),
    deliverTable: (vpn, account) => sessions.deliverTable(vpn, account),
  });
  const xmpp = new XmppServer({
    domain: 'dc1.example',
    listen: [{ address: '127.0.0.1', port: 0 }],
    tls,
    credentials: (account) => (['h1', 'h2'].includes(account) ? credentials : undefined),
    log,
  });
  xmpp.on('session', (session) => sessions.accept(session, controlPlane));
  const [address] = await xmpp.listen();
  cleanUp.push(async () => {
    sessions.stop();
    controlPlane.stop();
    await xmpp.close();
  });
  const port = address?.port ?? 0;
  const forwarder = async (account: string) => {
    const one = new Forwarder({
      port,
      account,
      password: PASSWORD,
      ca: tls.certificate,
      dialect: dialect(account),
    });
    cleanUp.push(() => one.client.stop());
    return one.online();
  };
  return { clock, controlPlane, forwarder, lines };
}

const p1 = '10.1.0.1/32';
const p2 = '10.1.0.2/32';
const ofH1 = (prefix: string) => route({ prefix, nexthop: '10.255.0.1', label: 1000 });
const ofH2 = (prefix: string) => route({ prefix, nexthop: '10.255.0.2', label: 2000 });
const publish = (vpn: string, ...routes: readonly ReturnType<typeof route>[]): VpnRequest => ({
  kind: 'publish',
  vpn,
  routes,
  rejected: [],
});

async function refusal(attempt: Promise<unknown>): Promise<StanzaError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StanzaError) return error;
  throw new Error(`expected an iq error, got ${String(error)}`);
}

describe('what a request is answered', () => {
  test('subscribe: the subscription', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    const answer = await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
    expect(answer?.getChild('subscription')?.attrs).toMatchObject({
      node: 'red',
      subscription: 'subscribed',
    });
    await h1.hears('red end-of-rib');
  });

  test('anything in a VPN that is not configured: item-not-found', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    for (const request of [{ kind: 'subscribe', vpn: 'green' }, publish('green', ofH1(p1))] as const) {
      const error = await refusal(h1.request(request));
      expect(error).toMatchObject({ type: 'cancel', condition: 'item-not-found' });
      expect(error.text).toBe('VPN green is not known here');
    }
  });

  test('anything in a VPN that it may not join: forbidden, a line in the log, and nothing else', async () => {
    const { forwarder, controlPlane, lines } = await start();
    const h1 = await forwarder('h1');
    for (const request of [{ kind: 'subscribe', vpn: 'blue' }, publish('blue', ofH1(p1))] as const) {
      const error = await refusal(h1.request(request));
      expect(error).toMatchObject({ type: 'auth', condition: 'forbidden' });
      expect(lines.at(-1)).toMatchObject({
        level: 'warn',
        message: 'forwarder h1: refused: forwarder h1 may not join VPN blue; a repetition is logged as debug',
      });
    }
    expect(controlPlane.rib.size('blue')).toBe(0);
    await h1.join('red');
  });

  test.each<VpnRequest>([
    publish('red', ofH1(p1)),
    { kind: 'retract', vpn: 'red', ids: ['x'] },
    { kind: 'end-of-rib', vpn: 'red' },
    { kind: 'unsubscribe', vpn: 'red' },
  ])('$kind without a subscription: unexpected-request and not-subscribed', async (request) => {
    const { forwarder, controlPlane } = await start();
    const h1 = await forwarder('h1');
    const error = await refusal(h1.request(request));
    expect(error).toMatchObject({
      type: 'cancel',
      condition: 'unexpected-request',
      applicationCondition: { name: 'not-subscribed', xmlns: 'http://jabber.org/protocol/pubsub#errors' },
    });
    expect(controlPlane.rib.size('red')).toBe(0);
  });

  test('retract of an unknown id: item-not-found that names it; known ones are taken', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    await h1.request(publish('red', ofH1(p1)));
    const error = await refusal(
      h1.request({ kind: 'retract', vpn: 'red', ids: ['never-heard-of', ofH1(p1).id] }),
    );
    expect(error).toMatchObject({ type: 'cancel', condition: 'item-not-found' });
    expect(error.text).toBe('VPN red: no such item: never-heard-of');
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`, `red -${p1}`);
  });

  test('a bad item among good ones: bad-request and invalid-payload that name it; the good ones are taken', async () => {
    const { forwarder, lines } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    const payload = encodeRequest(publish('red', ofH1(p1), ofH1(p2)), '');
    const address = payload
      .getChild('publish')
      ?.getChild('item')
      ?.getChild('entry')
      ?.getChild('nlri')
      ?.getChild('address');
    address?.text('10.1.0.1/33');
    const error = await refusal(h1.client.request(payload));
    expect(error).toMatchObject({
      type: 'modify',
      condition: 'bad-request',
      applicationCondition: { name: 'invalid-payload', xmlns: 'http://jabber.org/protocol/pubsub#errors' },
    });
    expect(error.text).toMatch(
      /^VPN red: 1 of 2 items rejected: .*10\.255\.0\.1:10\.1\.0\.1\/32.*10\.1\.0\.1\/33/,
    );
    expect(lines.some(({ level, message }) => level === 'warn' && message.includes('10.1.0.1/33'))).toBe(
      true,
    );
    await h1.hears('red end-of-rib', `red +${p2} 10.255.0.1/1000`);
  });

  test('a next-hop that is not its own: forbidden when it is so with all, else as any bad item', async () => {
    const { forwarder, controlPlane } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    const all = await refusal(h1.request(publish('red', ofH2(p1), ofH2(p2))));
    expect(all).toMatchObject({ type: 'auth', condition: 'forbidden' });
    expect(all.text).toContain('10.1.0.2/32: forwarder h1 may not announce next-hop 10.255.0.2');
    expect(controlPlane.rib.size('red')).toBe(0);
    const some = await refusal(h1.request(publish('red', ofH2(p1), ofH1(p2))));
    expect(some).toMatchObject({
      condition: 'bad-request',
      applicationCondition: { name: 'invalid-payload' },
    });
    const mixed = encodeRequest(publish('red', ofH2(p1), ofH1('10.1.0.3/32')), '');
    delete mixed.getChild('publish')?.getChildren('item')[1]?.attrs['id'];
    expect(await refusal(h1.client.request(mixed))).toMatchObject({ condition: 'bad-request' });
    await h1.hears('red end-of-rib', `red +${p2} 10.255.0.1/1000`);
  });

  test('many bad items: the text names some and counts the rest', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    const routes = Array.from({ length: 50 }, (_, index) => ofH2(`10.1.${index}.0/24`));
    const error = await refusal(h1.request(publish('red', ...routes)));
    expect(error.text).toMatch(/10\.1\.9\.0\/24[^;]*; and 40 more$/);
    const ids = [...Array(50).keys()].map((index) => String(index).padEnd(256, 'x'));
    const retract = await refusal(h1.request({ kind: 'retract', vpn: 'red', ids }));
    expect(retract.text?.length).toBeLessThan(2_500);
  });

  test('an operation or a payload that is not known: feature-not-implemented', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    const configure = encodeRequest({ kind: 'subscribe', vpn: 'red' }, '');
    const [operation] = configure.getChildElements();
    if (operation !== undefined) operation.name = 'configure';
    expect(await refusal(h1.client.request(configure))).toMatchObject({
      type: 'cancel',
      condition: 'feature-not-implemented',
    });
    const version = encodeRequest({ kind: 'subscribe', vpn: 'red' }, '');
    version.name = 'query';
    version.attrs['xmlns'] = 'jabber:iq:version';
    expect(await refusal(h1.client.request(version))).toMatchObject({ condition: 'feature-not-implemented' });
  });

  test('a request that makes no sense: bad-request', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    const nameless = encodeRequest({ kind: 'subscribe', vpn: 'red' }, '');
    delete nameless.getChild('subscribe')?.attrs['node'];
    expect(await refusal(h1.client.request(nameless))).toMatchObject({
      type: 'modify',
      condition: 'bad-request',
    });
    await h1.join('red');
  });
});

describe('sessions', () => {
  test('a late subscriber gets all routes, both get changes, equal routes are ECMP', async () => {
    const { forwarder } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    await h1.request(publish('red', ofH1(p1)));
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`);
    const h2 = await forwarder('h2');
    await h2.join('red');
    await h2.hears(`red +${p1} 10.255.0.1/1000`, 'red end-of-rib');
    await h2.request(publish('red', ofH2(p1)));
    await h1.hears(`red +${p1} 10.255.0.1/1000,10.255.0.2/2000`);
    await h2.hears(`red +${p1} 10.255.0.1/1000,10.255.0.2/2000`);
    await h1.request({ kind: 'unsubscribe', vpn: 'red' });
    await h2.hears(`red +${p1} 10.255.0.2/2000`);
  });

  test('a lost one costs the others nothing until the withdraw timer fires', async () => {
    const { clock, forwarder, controlPlane } = await start();
    const h1 = await forwarder('h1');
    const h2 = await forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.request(publish('red', ofH1(p1)));
    await h2.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`);
    await h1.client.stop();
    await h2.until(() => controlPlane.rib.published('h1').stale === 1);
    clock.advance(59_999);
    // What was sent before the answer to a request has come when the answer is there.
    await h2.request({ kind: 'end-of-rib', vpn: 'red' });
    expect(h2.heard).toEqual([]);
    clock.advance(1);
    await h2.hears(`red -${p1}`);
  });

  test('a second one of the same account takes over, and End-of-RIB takes what it does not publish again', async () => {
    const { forwarder, controlPlane } = await start();
    const h2 = await forwarder('h2');
    await h2.join('red');
    const first = await forwarder('h1');
    await first.join('red');
    await first.request(publish('red', ofH1(p1), ofH1(p2)));
    await h2.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`, `red +${p2} 10.255.0.1/1000`);
    // Not both: two clients of one account would take the session from each other for ever.
    first.client.on('offline', () => void first.client.stop());
    const second = await forwarder('h1');
    await second.join('red');
    await second.request(publish('red', ofH1(p2)));
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 2, stale: 1 });
    await second.request({ kind: 'end-of-rib', vpn: 'red' });
    await h2.hears(`red -${p1}`);
  });

  test('no line of the log holds a password', async () => {
    const { forwarder, lines } = await start();
    const h1 = await forwarder('h1');
    await h1.join('red');
    await refusal(h1.request(publish('blue', ofH1(p1))));
    expect(lines.length).toBeGreaterThan(2);
    expect(JSON.stringify(lines)).not.toContain(PASSWORD);
  });
});

describe('a forwarder of another dialect, beside one of end-system-06', () => {
  test.each<[Dialect, string]>([
    ['end-system-07m', 'red:'],
    ['contrail', ''],
  ])('%s: routes, changes and withdrawals go both ways', async (dialect, owner) => {
    const { forwarder, controlPlane } = await start(dialect);
    const h1 = await forwarder('h1');
    const h2 = await forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.hears('red end-of-rib');
    await h2.hears('red end-of-rib');
    await h1.request(publish('red', { ...ofH1(p1), id: p1 }));
    for (const one of [h1, h2]) await one.hears(`red +${p1} 10.255.0.1/1000`);
    await h2.request(publish('red', ofH2(p2)));
    for (const one of [h1, h2]) await one.hears(`red +${p2} 10.255.0.2/2000`);
    await h2.request({ kind: 'retract', vpn: 'red', ids: [ofH2(p2).id] });
    await h1.hears(`red -${owner}${p2}`);
    await h2.hears(`red -${p2}`);
    await h1.request({ kind: 'retract', vpn: 'red', ids: [p1] });
    await h2.hears(`red -${p1}`);
    await h1.request({ kind: 'end-of-rib', vpn: 'red' });
    await h1.request({ kind: 'unsubscribe', vpn: 'red' });
    expect(controlPlane.presence.subscriptions('h1').size).toBe(0);
  });

  test.each<Dialect>(['end-system-07m', 'contrail'])(
    '%s: a hundred pairs at once keep their order',
    async (dialect) => {
      const { forwarder, controlPlane } = await start(dialect);
      const h1 = await forwarder('h1');
      await h1.join('red');
      const routes = Array.from({ length: 100 }, (_, index) => ofH1(`10.1.${index}.0/24`));
      await h1.request(publish('red', ...routes.map((one) => ({ ...one, id: one.prefix }))));
      expect(controlPlane.rib.published('h1')).toEqual({ routes: 100, stale: 0 });
      await h1.request({ kind: 'retract', vpn: 'red', ids: routes.map(({ prefix }) => prefix) });
      expect(controlPlane.rib.published('h1')).toEqual({ routes: 0, stale: 0 });
    },
  );

  test('end-system-07m: End-of-RIB sweeps what was not published again', async () => {
    const { forwarder, controlPlane } = await start('end-system-07m');
    const first = await forwarder('h1');
    await first.join('red');
    await first.request(publish('red', { ...ofH1(p1), id: p1 }, { ...ofH1(p2), id: p2 }));
    first.client.on('offline', () => void first.client.stop());
    const second = await forwarder('h1');
    await second.join('red');
    await second.request(publish('red', { ...ofH1(p1), id: p1 }));
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 2, stale: 1 });
    await second.request({ kind: 'end-of-rib', vpn: 'red' });
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 1, stale: 0 });
  });

  test('end-system-07m: of equal next-hops it hears one, and none of a route by UDP alone', async () => {
    const { forwarder, lines } = await start('end-system-07m');
    const h1 = await forwarder('h1');
    const h2 = await forwarder('h2');
    await h1.join('red');
    await h2.join('red');
    await h1.request(publish('red', { ...ofH1(p1), id: p1 }));
    await h2.request(publish('red', ofH2(p1)));
    await h2.hears(
      'red end-of-rib',
      `red +${p1} 10.255.0.1/1000`,
      `red +${p1} 10.255.0.1/1000,10.255.0.2/2000`,
    );
    await h1.hears('red end-of-rib', `red +${p1} 10.255.0.1/1000`, `red +${p1} 10.255.0.1/1000`);
    const byUdp = route({ prefix: p2, nexthop: '10.255.0.2', label: 2000, encapsulations: ['udp'] });
    await h2.request(publish('red', byUdp));
    await h1.hears(`red -red:${p2}`);
    await h2.hears(`red +${p2} 10.255.0.2/2000`);
    const more = route({
      prefix: '10.1.0.3/32',
      nexthop: '10.255.0.2',
      label: 2000,
      encapsulations: ['udp'],
    });
    await h2.request(publish('red', more));
    await h1.hears('red -red:10.1.0.3/32');
    const told = lines.filter(({ message }) => message.includes(' do without '));
    expect(told).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: expect.stringMatching(
          /^VPN red: forwarders of dialect end-system-07m do without 10\.1\.0\.2\/32: /,
        ),
      }),
      expect.objectContaining({ level: 'debug' }),
    ]);
  });

  test('end-system-07m: what it may not announce is refused with its association', async () => {
    const { forwarder, controlPlane } = await start('end-system-07m');
    const h1 = await forwarder('h1');
    await h1.join('red');
    const error = await refusal(h1.request(publish('red', { ...ofH2(p1), id: p1 })));
    expect(error).toMatchObject({ type: 'auth', condition: 'forbidden' });
    expect(await refusal(h1.request(publish('blue', { ...ofH1(p1), id: p1 })))).toMatchObject({
      condition: 'forbidden',
    });
    expect(controlPlane.rib.size('red')).toBe(0);
  });

  test('end-system-07m: a node that is published and not associated is a line in the log, once', async () => {
    const { forwarder, lines } = await start('end-system-07m');
    const h1 = await forwarder('h1');
    await h1.join('red');
    const [leaf] = dialects['end-system-07m'].encodeRequest(publish('red', { ...ofH1(p1), id: p1 }), {
      jid: 'h1@dc1.example',
      prefixOf: () => undefined,
    });
    if (leaf === undefined) throw new Error('no leaf');
    for (let time = 0; time < 3; time += 1) await h1.client.request(leaf);
    const told = lines.filter(({ message }) => message.includes('is discarded'));
    expect(told.map(({ level }) => level)).toEqual(['warn', 'debug']);
  });
});
