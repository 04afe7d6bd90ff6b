// An underlay that has no IPv4 at all: two tenants with the same addresses, both families inside, the bytes on the wire, strangers, and a forwarder
// that dies.
import type { Daemon } from '@hostpe/netns-lab';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fabric, interfaceOf, type Machine, peAddress, uplinkAddress } from '../src/fabric.ts';
import { frame, hextets, inject, ipv4, ipv6, mpls, udp, udpPorts } from '../src/packets.ts';
import { RunningPing } from '../src/running-ping.ts';
import { ipv4Of, oneHopLater } from '../src/wire.ts';

const machines: readonly Machine[] = ['red', 'blue'].flatMap((vpn) =>
  [1, 2].map((n) => ({
    name: `${vpn}${n}`,
    hypervisor: `h${n}`,
    vpn,
    addresses: [`10.1.0.${n}`, `2001:db8:1::${n}`],
  })),
);
const [one, two] = [peAddress('h1', 'ipv6'), peAddress('h2', 'ipv6')];
const echoes = 'icmp or (icmp6 and ip6[40] >= 128 and ip6[40] <= 129)';
const GRE = 47;
const mplsInGre = [0, 0, 0x88, 0x47];

let fabric: Fabric;
let forwarder: Daemon;

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'under6',
    hypervisors: ['h1', 'h2'],
    underlay: 'ipv6',
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['gre'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines,
    // To start again takes a minute when emulated.
    timers: { withdrawDelay: 120, restartDelay: 120 },
  });
  await fabric.startRouteServer();
  forwarder = await fabric.startForwarder('h1');
  await fabric.startForwarder('h2');
  for (const tenant of ['red', 'blue'])
    for (const address of ['10.1.0.2', '2001:db8:1::2']) await fabric.reachable(`${tenant}1`, address);
});

afterAll(() => fabric?.remove());

async function labelTo(machine: string, hypervisor: string): Promise<number> {
  const { stdout } = await fabric.host(hypervisor).run('ip', ['-f', 'mpls', 'route']);
  return Number(new RegExp(`^(\\d+) .*dev ${interfaceOf(machine)}`, 'm').exec(stdout)?.[1]);
}

describe.each([
  { tenant: 'red', other: 'blue' },
  { tenant: 'blue', other: 'red' },
])('$tenant', ({ tenant, other }) => {
  test.each(['10.1.0.2', '2001:db8:1::2'])(
    'reaches its own machine at %s, and the other tenant sees nothing of it',
    async (address) => {
      const foreign = await fabric.host(`${other}2`).capture('eth0', echoes);
      const own = await fabric.host(`${tenant}2`).capture('eth0', echoes);
      const { sent, received } = await fabric.ping(`${tenant}1`, address, 5);
      expect({ sent, received }).toEqual({ sent: 5, received: 5 });
      expect((await own.stop()).length).toBe(10);
      expect(await foreign.stop()).toEqual([]);
    },
  );
});

test('the largest packets of a machine get through whole in both families', async () => {
  for (const [address, size] of [
    ['10.1.0.2', 1472],
    ['2001:db8:1::2', 1452],
  ] as const) {
    const { stdout } = await fabric
      .host('red1')
      .run('ping', ['-n', '-c', '2', '-M', 'do', '-s', String(size), address], { reject: false });
    expect(stdout).toContain(' 2 received');
  }
});

test('on the wire is MPLS in GRE in IPv6 between the PE addresses, byte for byte', async () => {
  const inside = await fabric.host('red1').capture('eth0', 'icmp[icmptype] == icmp-echo');
  const underlay = await fabric.host('h1').capture('ul', `ip6 proto ${GRE} and dst host ${two}`);
  expect((await fabric.ping('red1', '10.1.0.2', 3)).received).toBe(3);
  const sent = (await inside.stop()).map(({ bytes }) => oneHopLater(ipv4Of(bytes) ?? new Uint8Array(20)));
  const seen = (await underlay.stop()).map(({ bytes }) => Buffer.from(bytes.subarray(14)));
  const label = await labelTo('red2', 'h2');
  const expected = sent.map((packet, at) => {
    const shim = [label >>> 12, (label >>> 4) & 0xff, ((label & 0xf) << 4) | 1, packet[8] ?? 0];
    const payload = [...mplsInGre, ...shim, ...packet];
    // Version and traffic class 0; the flow label is the kernel's hash of the flow (RFC 6438).
    const header = [0x60, ...(seen[at]?.subarray(1, 4) ?? []), payload.length >>> 8, payload.length & 0xff];
    return Buffer.from([...header, GRE, 64, ...hextets(one), ...hextets(two), ...payload]).toString('hex');
  });
  expect(expected.length).toBe(3);
  expect(seen.map((packet) => packet.toString('hex'))).toEqual(expected);
});

const stranger = 'fd00:ff::66';
const uplink = uplinkAddress('h1', 'ipv6');
const fromOurPe = { port: 6005, source: two, destination: one };
const attacks = [
  { port: 6001, source: stranger, destination: one },
  { port: 6002, source: one, destination: one },
  { port: 6003, source: two, destination: uplink },
  { port: 6004, source: stranger, destination: uplink },
];

/** Sends them from the underlay to h1, with the label that leads to red1. */
async function injectAll(): Promise<void> {
  const label = await labelTo('red1', 'h1');
  const macOf = async (host: string, device: string) => {
    const { stdout } = await fabric.host(host).run('cat', [`/sys/class/net/${device}/address`]);
    return stdout.trim();
  };
  const ends = { source: await macOf('spine', 'h1'), destination: await macOf('h1', 'ul') };
  const frames = [...attacks, fromOurPe].map(({ port, source, destination }) => {
    const inner = ipv4({ source: '10.1.0.2', destination: '10.1.0.1' }, 17, udp(port));
    const gre = Buffer.concat([Uint8Array.from(mplsInGre), mpls(label, inner)]);
    return frame(ends, 'ipv6', ipv6({ source, destination }, GRE, gre));
  });
  await inject(fabric.host('spine'), 'h1', frames);
}

test('GRE from strangers, from our own address and to another address of the host is dropped and counted', async () => {
  const machine = await fabric.host('red1').capture('eth0', 'udp');
  await injectAll();
  // Behind all of them.
  expect((await fabric.ping('red1', '10.1.0.2', 3)).received).toBe(3);
  expect(udpPorts(await machine.stop())).toEqual([fromOurPe.port]);
  const { stdout } = await fabric.host('h1').run('nft', ['list', 'counters', 'table', 'inet', 'hostpe']);
  const dropped = (counter: string) =>
    Number(new RegExp(`counter ${counter} \\{\\s*packets (\\d+)`).exec(stdout)?.[1]);
  expect([dropped('unknown_pe'), dropped('own_address')]).toEqual([3, 1]);
});

test('SIGKILL and restart of a forwarder under 100 packets a second: none is lost, and numbers of PEs stay', async () => {
  const filters = async () =>
    (await fabric.host('h1').run('tc', ['filter', 'show', 'dev', 'hostpe-pes', 'egress'])).stdout.replace(
      / ref \d+.*$/gm,
      '',
    );
  const before = await filters();
  expect(before).toContain(two);
  const pings = [
    await RunningPing.start(fabric.host('red1'), '10.1.0.2'),
    await RunningPing.start(fabric.host('blue1'), '2001:db8:1::2'),
  ];
  for (const ping of pings) await ping.another100();
  await forwarder.kill('SIGKILL');
  for (const ping of pings) await ping.another100();
  forwarder = await fabric.startForwarder('h1');
  await fabric.complete('h1', 2);
  for (const ping of pings) await ping.another100();
  for (const ping of pings) expect((await ping.stop()).lost).toEqual([]);
  expect(await filters()).toBe(before);
  // What the kernel and nft list is what was asked for.
  expect(await fabric.ask('h1', '/diff')).toMatchObject({ changes: [], failures: [], waiting: 0 });
});

test('without the guard all of them arrive', async () => {
  await forwarder.kill('SIGKILL');
  await fabric.host('h1').run('nft', ['delete', 'table', 'inet', 'hostpe']);
  const machine = await fabric.host('red1').capture('eth0', 'udp');
  await injectAll();
  expect((await fabric.ping('red1', '169.254.1.1', 3)).received).toBe(3);
  expect(udpPorts(await machine.stop())).toEqual([...attacks, fromOurPe].map(({ port }) => port));
});
