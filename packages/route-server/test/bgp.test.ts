// Two route servers with BGP between them: what a forwarder of one publishes, a forwarder of the other hears.
import { freePort } from '@hostpe/bgp/testing';
import { expect, test, vi } from 'vitest';
import { type Running, routeServer } from './bgp-scene.ts';
import { ofH1, ofH2, publish } from './routes.ts';

const deadline = { timeout: 20_000, interval: 10 };

async function pair(more = ''): Promise<{ rs1: Running; rs2: Running }> {
  const port = await freePort('127.0.1.1');
  const rs1 = await routeServer(`as: 65000
identifier: 192.0.2.1
listen: [{ address: 127.0.1.1, port: ${port} }]
peers:
  rs2: { address: 127.0.1.2, as: 65000, passive: true, no-password: true${more} }
`);
  const rs2 = await routeServer(`as: 65000
identifier: 192.0.2.2
peers:
  rs1: { address: 127.0.1.1, port: ${port}, local-address: 127.0.1.2, as: 65000, no-password: true${more} }
`);
  return { rs1, rs2 };
}

test('a route goes from forwarder to forwarder by way of BGP, and back out', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs2.forwarder('h2');
  await h2.join('red');
  await h1.join('red');
  await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('2001:db8::1/128')));
  await h2.until(() => h2.routes.size === 2);
  expect([...h2.routes]).toEqual([
    ['red 10.1.0.1/32', '10.255.0.1/1000'],
    ['red 2001:db8::1/128', '10.255.0.1/1000'],
  ]);
  await h1.request({ kind: 'retract', vpn: 'red', ids: [ofH1('10.1.0.1/32').id] });
  await h2.until(() => h2.routes.size === 1);
  await h1.request({ kind: 'unsubscribe', vpn: 'red' });
  await h2.until(() => h2.routes.size === 0);
});

test('a VPN that nobody joined is not asked for; who joins later hears all of it', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  await h1.join('red');
  await h1.join('blue');
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h1.request(publish('blue', ofH1('10.2.0.1/32')));
  const h2 = await rs2.forwarder('h2');
  await h2.join('blue');
  await h2.until(() => h2.routes.has('blue 10.2.0.1/32'));
  expect((await rs1.peers())[0]).toMatchObject({ name: 'rs2', state: 'established', announced: 1 });
  await h2.join('red');
  await h2.until(() => h2.routes.has('red 10.1.0.1/32'));
  await h2.request({ kind: 'unsubscribe', vpn: 'red' });
  await vi.waitFor(async () => expect((await rs1.peers())[0]?.announced).toBe(1), deadline);
});

test('paths of one prefix from both sides are used together', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs2.forwarder('h2');
  await h1.join('red');
  await h2.join('red');
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h2.request(publish('red', ofH2('10.1.0.1/32')));
  for (const forwarder of [h1, h2])
    await forwarder.until(
      () => forwarder.routes.get('red 10.1.0.1/32') === '10.255.0.1/1000,10.255.0.2/2000',
    );
});

test('a route server that stops takes its routes with it', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs2.forwarder('h2');
  await h1.join('red');
  await h2.join('red');
  await h1.request(publish('red', ofH1('10.1.0.1/32')));
  await h2.until(() => h2.routes.size === 1);
  await rs1.stop();
  await h2.until(() => h2.routes.size === 0);
});

test('what an operator sees of it', async () => {
  const { rs1, rs2 } = await pair();
  const h1 = await rs1.forwarder('h1');
  const h2 = await rs2.forwarder('h2');
  await h1.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
  await h2.request({ kind: 'subscribe', vpn: 'red', instanceId: 7 });
  await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('2001:db8::1/128')));
  await h2.request(publish('red', ofH2('10.1.0.1/32')));
  await h2.until(() => h2.routes.get('red 10.1.0.1/32') === '10.255.0.1/1000,10.255.0.2/2000');
  const fromRs1 = {
    family: 'vpnv4',
    rd: '10.255.0.1:7',
    prefix: '10.1.0.1/32',
    peer: 'rs1',
    best: true,
    nexthop: '10.255.0.1',
    label: 1000,
    localPreference: 100,
    origin: 'igp',
    asPath: '',
    routeTargets: ['65000:1'],
    communities: [],
    extendedCommunities: [],
    clusterList: [],
    encapsulations: [],
    stale: false,
  };
  expect(await rs2.ask('/bgp/routes?family=vpnv4&rd=10.255.0.1:7')).toEqual([fromRs1]);
  const own = { rd: '10.255.0.2:7', best: true, label: 2000 };
  expect(await rs2.ask('/bgp/routes?family=vpnv4&prefix=10.1.0.1/32')).toEqual(
    expect.arrayContaining([fromRs1, expect.objectContaining(own)]),
  );
  expect(await rs2.ask('/bgp/routes?family=vpnv6')).toMatchObject([
    { prefix: '2001:db8::1/128', peer: 'rs1' },
  ]);
  await expect(rs2.ask('/bgp/routes?family=evpn')).rejects.toMatchObject({ status: 400 });
  await expect(rs2.ask('/bgp/routes?rd=nonsense')).rejects.toMatchObject({ status: 400 });
  expect(await rs2.ask('/rt')).toEqual([
    { target: '65000:1', importedBy: ['red'], exportedBy: ['red'], held: true, peers: ['rs1'], paths: 3 },
    { target: '65000:2', importedBy: ['blue'], exportedBy: ['blue'], held: false, peers: [], paths: 0 },
  ]);
  expect(await rs2.metrics()).toEqual(
    expect.arrayContaining([
      'hostpe_forwarders{state="online"} 1',
      'hostpe_forwarder_routes{forwarder="h2"} 1',
      'hostpe_vpn_routes{vpn="red"} 2',
      'hostpe_vpn_subscribers{vpn="red"} 1',
      'hostpe_vpns_held_back 0',
      'hostpe_bgp_peer_established{peer="rs1"} 1',
      'hostpe_bgp_peer_received_paths{peer="rs1"} 2',
      'hostpe_bgp_paths 3',
    ]),
  );
  expect(await rs2.ask('/routes?vpn=red&prefix=10.1.0.1/32')).toMatchObject([
    {
      paths: [
        { reason: 'equal', used: true },
        { reason: 'equal', used: true },
      ],
    },
  ]);
});
