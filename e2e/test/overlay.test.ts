// Two tenants with the same addresses on the same hypervisors: reachability, isolation both ways, and the bytes on the wire.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fabric, interfaceOf, type Machine, peAddress } from '../src/fabric.ts';
import { encapsulated, freeFields, ipv4Of, oneHopLater } from '../src/wire.ts';

const machines: readonly Machine[] = [
  { name: 'red1', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.1', '2001:db8:1::1'] },
  { name: 'red2', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.2', '2001:db8:1::2'] },
  { name: 'blue1', hypervisor: 'h1', vpn: 'blue', addresses: ['10.1.0.1', '2001:db8:1::1'] },
  { name: 'blue2', hypervisor: 'h2', vpn: 'blue', addresses: ['10.1.0.2', '2001:db8:1::2', '10.9.0.9'] },
  { name: 'spoke1', hypervisor: 'h1', vpn: 'spoke', addresses: ['10.2.0.1'] },
  { name: 'spoke2', hypervisor: 'h1', vpn: 'spoke', addresses: ['10.2.0.2'] },
  { name: 'hub', hypervisor: 'h2', vpn: 'hub', addresses: ['10.2.0.9'] },
];

/** Echo requests and replies of both families, without neighbour discovery. */
const echoes = 'icmp or (icmp6 and ip6[40] >= 128 and ip6[40] <= 129)';

let fabric: Fabric;

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'overlay',
    hypervisors: ['h1', 'h2'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
      spoke: { import: ['64512:10'], export: ['64512:11'], encapsulations: ['gre', 'udp'] },
      hub: { import: ['64512:11'], export: ['64512:10'], encapsulations: ['udp', 'gre'] },
    },
    machines,
  });
  await fabric.startRouteServer();
  await fabric.startForwarder('h1');
  await fabric.startForwarder('h2');
  for (const tenant of ['red', 'blue'])
    for (const address of ['10.1.0.2', '2001:db8:1::2']) await fabric.reachable(`${tenant}1`, address);
});

afterAll(() => fabric?.remove());

describe.each([
  { tenant: 'red', other: 'blue' },
  { tenant: 'blue', other: 'red' },
])('$tenant', ({ tenant, other }) => {
  test.each(['10.1.0.2', '2001:db8:1::2'])(
    `reaches its own machine at %s and the other tenant sees nothing of it`,
    async (address) => {
      const captures = [];
      for (const host of [`${other}1`, `${other}2`])
        captures.push(await fabric.host(host).capture('eth0', echoes));
      const own = await fabric.host(`${tenant}2`).capture('eth0', echoes);
      const { sent, received } = await fabric.ping(`${tenant}1`, address, 10);
      expect({ sent, received }).toEqual({ sent: 10, received: 10 });
      expect((await own.stop()).length).toBe(20);
      for (const capture of captures) expect(await capture.stop()).toEqual([]);
    },
  );
});

test('an address that exists in the other VPN alone is unreachable, with an error from the gateway', async () => {
  await fabric.reachable('blue1', '10.9.0.9');
  const { received, output } = await fabric.ping('red1', '10.9.0.9', 3);
  expect(received).toBe(0);
  expect(output).toMatch(/From 169\.254\.1\.1 .*Unreachable/);
});

test('a machine reaches neither its hypervisor nor the underlay', async () => {
  for (const address of [peAddress('h1'), peAddress('h2'), '192.0.2.1', '192.0.2.2']) {
    expect((await fabric.ping('red1', address, 2)).received, address).toBe(0);
  }
});

test.each([
  { tenant: 'red', encapsulation: 'udp', filter: 'udp dst port 6635 and src host 10.255.0.1' },
  { tenant: 'blue', encapsulation: 'gre', filter: 'ip proto 47 and src host 10.255.0.1' },
] as const)(
  '$tenant in $encapsulation is on the wire as the RFCs say, byte for byte',
  async ({ tenant, encapsulation, filter }) => {
    const inside = await fabric.host(`${tenant}1`).capture('eth0', 'icmp[icmptype] == icmp-echo');
    const underlay = await fabric.host('h1').capture('ul', filter);
    const { received } = await fabric.ping(`${tenant}1`, '10.1.0.2', 3);
    expect(received).toBe(3);
    const sent = (await inside.stop()).map(({ bytes }) => ipv4Of(bytes) ?? new Uint8Array());
    const seen = (await underlay.stop()).map(({ bytes }) => ipv4Of(bytes) ?? new Uint8Array());
    expect(sent.length).toBe(3);
    expect(seen.length).toBe(3);
    const { stdout } = await fabric.host('h2').run('ip', ['-f', 'mpls', 'route']);
    const label = Number(new RegExp(`^(\\d+) .*dev ${interfaceOf(`${tenant}2`)}`, 'm').exec(stdout)?.[1]);
    for (const [i, packet] of seen.entries()) {
      const expected = encapsulated(oneHopLater(sent[i] ?? new Uint8Array()), {
        source: peAddress('h1'),
        destination: peAddress('h2'),
        encapsulation,
        label,
        ttl: 64,
        ...freeFields(packet),
      });
      expect(Buffer.from(packet).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
    }
    if (encapsulation === 'udp') {
      const ports = seen.map((packet) => freeFields(packet).sourcePort);
      for (const port of ports) expect(port).toBeGreaterThan(1023);
    }
  },
);

test('two spokes on one host reach the hub and not each other, although labels lead to both (R7)', async () => {
  for (const spoke of ['spoke1', 'spoke2']) await fabric.reachable(spoke, '10.2.0.9');
  expect((await fabric.ping('spoke1', '10.2.0.2', 3)).received).toBe(0);
  const { stdout: routes } = await fabric.host('h1').run('ip', ['route', 'show', 'vrf', 'spoke']);
  expect(routes).toContain('10.2.0.9');
  expect(routes).not.toMatch(/10\.2\.0\.[12] /);
  const { stdout: labels } = await fabric.host('h1').run('ip', ['-f', 'mpls', 'route']);
  for (const spoke of ['spoke1', 'spoke2']) expect(labels).toContain(interfaceOf(spoke));
});
