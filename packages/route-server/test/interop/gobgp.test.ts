// GoBGP as the peer that speaks route-target constraint: what it asks for it is told, and no more; what we ask for it tells us, and no more.
import { freePort } from '@hostpe/bgp/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { type Running, routeServer } from '../bgp-scene.ts';
import { ofH1, publish } from '../routes.ts';
import { type Gobgp, startGobgp } from './gobgp.ts';
import { client } from './reflectors.ts';

const address = '127.0.1.9';
const deadline = { timeout: 20_000, interval: 20 };

let gobgp: Gobgp | undefined;
afterEach(async () => {
  await gobgp?.end();
  gobgp = undefined;
});

async function scene(): Promise<{ peer: Gobgp; rs: Running }> {
  const port = await freePort(address);
  const peer = await startGobgp({ address, port, peers: ['127.0.1.1'], reflects: false, graceful: false });
  gobgp = peer;
  const rs = await routeServer(`as: 65000
identifier: 192.0.2.1
peers:
  gobgp: { address: ${address}, port: ${port}, local-address: 127.0.1.1, as: 65000, no-password: true }
`);
  return { peer, rs };
}

/** Prefixes with their RDs, as it lists what it was sent. */
async function received(peer: Gobgp): Promise<readonly string[]> {
  const listed = await peer.command('neighbor', '127.0.1.1', 'adj-in', '-a', 'vpnv4');
  return [...listed.matchAll(/\d+\.\d+\.\d+\.\d+:\d+:\S+/g)].map(([route]) => route).sort();
}

const established = (rs: Running) =>
  vi.waitFor(async () => expect((await rs.peers())[0]?.state).toBe('established'), deadline);

test('it is told what it asks for, when it asks, and no longer than that', async () => {
  const { peer, rs } = await scene();
  const h1 = await rs.forwarder('h1');
  for (const [vpn, instanceId] of [
    ['red', 1],
    ['blue', 2],
  ] as const)
    await h1.request({ kind: 'subscribe', vpn, instanceId });
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h1.request(publish('blue', ofH1('10.2.0.1/32')));
  await established(rs);
  await peer.command('vrf', 'add', 'red', 'rd', '192.0.2.9:1', 'rt', 'both', '65000:1');
  const red = '10.255.0.1:1:10.1.0.1/32';
  const blue = '10.255.0.1:2:10.2.0.1/32';
  await vi.waitFor(async () => expect(await received(peer)).toEqual([red]), deadline);
  expect(await rs.ask('/rt')).toMatchObject([{ target: '65000:1', peers: ['gobgp'] }, { peers: [] }]);
  await peer.command('vrf', 'add', 'blue', 'rd', '192.0.2.9:2', 'rt', 'both', '65000:2');
  await vi.waitFor(async () => expect(await received(peer)).toEqual([red, blue]), deadline);
  await peer.command('vrf', 'del', 'red');
  await vi.waitFor(async () => expect(await received(peer)).toEqual([blue]), deadline);
  await h1.request({ kind: 'retract', vpn: 'blue', ids: [ofH1('10.2.0.1/32').id] });
  await vi.waitFor(async () => expect(await received(peer)).toEqual([]), deadline);
});

test('it tells what is asked for: from the first subscription to the last', async () => {
  const { peer, rs } = await scene();
  const inject = (prefix: string, target: string) =>
    peer.command(
      ...['global', 'rib', 'add', '-a', 'vpnv4', prefix, 'label', '900', 'rd', '65000:9', 'rt', target],
      ...['nexthop', '10.255.0.9'],
    );
  await inject('10.9.1.1/32', '65000:1');
  await inject('10.9.2.1/32', '65000:2');
  await inject('10.9.3.1/32', '65000:3');
  await established(rs);
  const h1 = await rs.forwarder('h1');
  const h2 = await rs.forwarder('h2');
  await h1.join('red');
  await h1.until(() => h1.routes.get('red 10.9.1.1/32') === '10.255.0.9/900');
  const paths = async () => ((await rs.ask('/bgp/routes')) as unknown[]).length;
  expect(await paths()).toBe(1);
  await h2.join('red');
  await h2.join('blue');
  await h2.until(() => h2.routes.size === 2);
  expect(await paths()).toBe(2);
  await h1.request({ kind: 'unsubscribe', vpn: 'red' });
  await h2.request({ kind: 'unsubscribe', vpn: 'blue' });
  await vi.waitFor(async () => expect(await paths()).toBe(1), deadline);
  expect(h2.routes.has('red 10.9.1.1/32')).toBe(true);
  await h2.request({ kind: 'unsubscribe', vpn: 'red' });
  await vi.waitFor(async () => expect(await paths()).toBe(0), deadline);
});

test('as a reflector it hears and passes on only what some route server asks for', async () => {
  const port = await freePort(address);
  gobgp = await startGobgp({
    address,
    port,
    peers: ['127.0.1.1', '127.0.1.2'],
    reflects: true,
    graceful: false,
  });
  const rs1 = await client(1, port);
  const rs2 = await client(2, port);
  for (const rs of [rs1, rs2]) await established(rs);
  const h1 = await rs1.forwarder('h1');
  for (const vpn of ['red', 'blue']) await h1.join(vpn);
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h1.request(publish('blue', ofH1('10.2.0.1/32')));
  const paths = async () =>
    ((await rs2.ask('/bgp/routes')) as readonly { readonly prefix: string }[]).map(({ prefix }) => prefix);
  const h2 = await rs2.forwarder('h2');
  await h2.join('blue');
  await h2.until(() => h2.routes.has('blue 10.2.0.1/32'));
  expect(await paths()).toEqual(['10.2.0.1/32']);
  await h2.join('red');
  await h2.until(() => h2.routes.has('red 10.1.0.1/32'));
  await h2.request({ kind: 'unsubscribe', vpn: 'blue' });
  await vi.waitFor(async () => expect(await paths()).toEqual(['10.1.0.1/32']), deadline);
});
