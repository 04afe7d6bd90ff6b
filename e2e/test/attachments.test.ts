// Attachments that are no plain machine on its own host: behind a VLAN, behind an underlay that is too narrow for them, and on the move.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from '@hostpe/netns-lab';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, interfaceOf, type Machine, peAddress } from '../src/fabric.ts';
import { RunningPing } from '../src/running-ping.ts';

const machines: readonly Machine[] = [
  { name: 'red1', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.1', '2001:db8:1::1'] },
  { name: 'red2', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.2', '2001:db8:1::2'] },
  { name: 'red3', hypervisor: 'h3', vpn: 'red', addresses: ['10.1.0.3', '2001:db8:1::3'] },
  { name: 'blue1', hypervisor: 'h1', vpn: 'blue', addresses: ['10.1.0.1', '2001:db8:1::1'] },
  { name: 'blue2', hypervisor: 'h2', vpn: 'blue', addresses: ['10.1.0.2', '2001:db8:1::2'] },
  { name: 'blue3', hypervisor: 'h3', vpn: 'blue', addresses: ['10.1.0.3', '2001:db8:1::3'] },
];
/** Of h1, where the others have 1600. */
const narrow = 1400;

let fabric: Fabric;
let forwarder: Daemon;

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'attach',
    hypervisors: ['h1', 'h2', 'h3'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines,
    // An emulated forwarder takes its time to come back.
    timers: { withdrawDelay: 120, restartDelay: 120 },
  });
  await underlay('h1', { mtu: narrow });
  await fabric.startRouteServer();
  forwarder = await fabric.startForwarder('h1');
  for (const h of ['h2', 'h3']) await fabric.startForwarder(h);
  for (const tenant of ['red', 'blue'])
    for (const [from, to] of [
      [1, 2],
      [3, 2],
    ]) {
      await fabric.reachable(`${tenant}${from}`, `10.1.0.${to}`);
      await fabric.reachable(`${tenant}${from}`, `2001:db8:1::${to}`);
    }
});

afterAll(() => fabric?.remove());

/** Changes a hypervisor's configuration before it is started. */
async function underlay(hypervisor: string, facts: object): Promise<void> {
  const file = join(fabric.folder, `${hypervisor}.yaml`);
  const config = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...config, underlay: { ...config.underlay, ...facts } }));
}

const shell = (host: string, ...lines: readonly string[]) =>
  fabric.host(host).run('sh', ['-e', '-s'], { input: lines.join('\n') });

/** Echo requests of `size` bytes of IP that nobody on the way may fragment; the sender learns the path's MTU after the first. */
async function pingOf(machine: string, address: string, size: number) {
  const headers = address.includes(':') ? 48 : 28;
  const args = ['-n', '-i', '0.2', '-c', '4', '-W', '2', '-M', 'want', '-s', String(size - headers), address];
  const { stdout, stderr } = await fabric.host(machine).run('ping', args, { reject: false });
  return { received: Number(/(\d+) received/.exec(stdout)?.[1] ?? 0), output: stdout + stderr };
}

describe('a machine behind a VLAN', () => {
  const tags = [
    { vpn: 'red', id: 100 },
    { vpn: 'blue', id: 200 },
  ];

  test('is in the VPN of its tag, with the address that another tenant has behind another tag', async () => {
    await fabric.addMachine({ name: 'trunk', hypervisor: 'h1', vpn: 'red', addresses: [] });
    const parent = interfaceOf('trunk');
    for (const { vpn, id } of tags) {
      await shell(
        'trunk',
        `ip link add ${vpn} type vrf table ${id}`,
        `ip link add link eth0 name eth0.${id} type vlan id ${id}`,
        `ip link set eth0.${id} master ${vpn}`,
        `ip link set ${vpn} up`,
        `ip link set eth0.${id} up`,
        `ip addr add 10.1.0.7/32 dev eth0.${id}`,
        `ip route add vrf ${vpn} 169.254.1.1 dev eth0.${id}`,
        `ip route add vrf ${vpn} default via 169.254.1.1 dev eth0.${id}`,
      );
      const { stdout: mac } = await shell('trunk', `cat /sys/class/net/eth0.${id}/address`);
      const facts = ['--vpn', vpn, '--address', '10.1.0.7', '--mac', mac.trim()];
      await fabric.hostpe('h1', 'attach', `${vpn}.${id}`, ...facts, '--vlan', `${parent}:${id}`);
    }
    for (const { vpn, id } of tags) {
      await fabric.reachable(`${vpn}2`, '10.1.0.7');
      const captures = [];
      for (const tag of tags)
        captures.push(await fabric.host('trunk').capture(`eth0.${tag.id}`, 'icmp[icmptype] == icmp-echo'));
      expect((await fabric.ping(`${vpn}2`, '10.1.0.7', 3)).received).toBe(3);
      const seen = [];
      for (const capture of captures) seen.push((await capture.stop()).length);
      expect(seen).toEqual(tags.map((tag) => (tag.id === id ? 3 : 0)));
    }
  });

  test('keeps its subinterface and loses nothing when the forwarder is killed, and has it taken away by detach', async () => {
    const indexes = async () => (await shell('h1', 'cat /sys/class/net/red.100/ifindex')).stdout;
    const before = await indexes();
    const ping = await RunningPing.start(fabric.host('red2'), '10.1.0.7');
    await forwarder.kill('SIGKILL');
    forwarder = await fabric.startForwarder('h1');
    await fabric.complete('h1', 2);
    await ping.another100();
    expect((await ping.stop()).lost).toEqual([]);
    expect(await indexes()).toBe(before);
    for (const { vpn, id } of tags) await fabric.hostpe('h1', 'detach', `${vpn}.${id}`);
    const { stdout } = await fabric.host('h1').run('ip', ['-br', 'link']);
    expect(stdout).not.toMatch(/^(red\.100|blue\.200)/m);
    expect(stdout).toMatch(/^v-trunk@.* UP /m);
  });
});

describe.each([
  { tenant: 'red', encapsulation: 'udp', mtu: narrow - 32 },
  { tenant: 'blue', encapsulation: 'gre', mtu: narrow - 28 },
])('$tenant in $encapsulation', ({ tenant, mtu }) => {
  test('is told the MTU that is left of the underlay, by the operator and by IPv4 and IPv6 alike', async () => {
    const known = (await fabric.ask('h1', '/attachments')) as { interface: string; mtu: number }[];
    expect(known.find((one) => one.interface === interfaceOf(`${tenant}1`))?.mtu).toBe(mtu);
    for (const address of ['10.1.0.2', '2001:db8:1::2']) {
      const { received, output } = await pingOf(`${tenant}1`, address, 1500);
      expect(output).toMatch(new RegExp(`mtu ?= ?${mtu}`));
      expect(received, output).toBeGreaterThanOrEqual(2);
    }
  });

  test.each([
    { address: '10.1.0.2', headers: 40 },
    { address: '2001:db8:1::2', headers: 60 },
  ])('opens TCP connections to $address with segments that fit', async ({ address, headers }) => {
    const capture = await fabric.host(`${tenant}2`).capture('eth0', 'tcp or (ip6 and ip6[6] == 6)');
    await fabric.host(`${tenant}1`).run('bash', ['-c', `exec 3<>/dev/tcp/${address}/9`], { reject: false });
    const [syn] = await capture.stop();
    // Behind Ethernet's 14 bytes and without its own 4 less options; MSS is the first option that Linux writes: kind 2, length 4.
    const option = Buffer.from(syn?.bytes ?? []).subarray(14 + headers);
    expect([...option.subarray(0, 2)]).toEqual([2, 4]);
    expect(option.readUInt16BE(2)).toBe(mtu - headers);
  });
});

test('a machine that takes a subnet for on-link is answered for every address of it, but for its own', async () => {
  const machine: Machine = {
    name: 'lan',
    hypervisor: 'h1',
    vpn: 'red',
    addresses: ['10.1.0.11', '10.1.0.12'],
  };
  await fabric.addMachine(machine);
  await shell(
    'lan',
    'ip addr flush dev eth0 scope global',
    // 10.1.0.12 is left out: a query for it is one that another machine behind the same interface would answer.
    'ip addr add 10.1.0.11/24 dev eth0',
    'ip neigh flush dev eth0',
  );
  await fabric.attach(machine, '--model', 'multipoint');
  await fabric.reachable('lan', '10.1.0.2');
  // Nobody has 10.1.0.77: the gateway takes the packet, and says so.
  const { output } = await fabric.ping('lan', '10.1.0.77', 3);
  expect(output).toMatch(/From 169\.254\.1\.1 .*Unreachable/);
  const { stdout: neighbours } = await fabric.host('lan').run('ip', ['neigh', 'show', 'dev', 'eth0']);
  for (const address of ['10.1.0.2', '10.1.0.77'])
    expect(neighbours).toMatch(new RegExp(`^${address} lladdr 00:00:5e:00:01:01 `, 'm'));
  expect((await fabric.ping('lan', '10.1.0.12', 2)).received).toBe(0);
  const { stdout: own } = await fabric.host('lan').run('ip', ['neigh', 'show', '10.1.0.12', 'dev', 'eth0']);
  expect(own).not.toContain('lladdr');
  await fabric.hostpe('h1', 'detach', interfaceOf('lan'));
  await fabric.lab.removeMachine('lan');
});

test('an interface that is renamed is released, and attached again under its name', async () => {
  const name = interfaceOf('red3');
  const rename = (from: string, to: string) =>
    shell('h3', `ip link set ${from} down`, `ip link set ${from} name ${to}`, `ip link set ${to} up`);
  const route = async () =>
    ((await fabric.ask('h1', '/routes?vpn=red')) as { prefix: string }[]).some(
      ({ prefix }) => prefix === '10.1.0.3/32',
    );
  await rename(name, 'other');
  await eventually('h1 has no route to 10.1.0.3', async () => !(await route()));
  await eventually('the interface is released and down', async () => {
    const { stdout } = await fabric.host('h3').run('ip', ['-d', 'link', 'show', 'other']);
    return !/master|state UP/.test(stdout);
  });
  await rename('other', name);
  await fabric.reachable('red3', '10.1.0.2');
});

test('a machine that moves while both hosts have it: attached with a higher sequence number, then detached where it was', async ({
  annotate,
}) => {
  const before: Machine = { name: 'mover2', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.9'] };
  const after: Machine = { ...before, name: 'mover3', hypervisor: 'h3' };
  await fabric.addMachine(before);
  await fabric.attach(before, '--sequence-number', '1');
  await fabric.reachable('red1', '10.1.0.9');
  await fabric.addMachine(after);
  const ping = await RunningPing.start(fabric.host('red1'), '10.1.0.9');
  await fabric.attach(after, '--sequence-number', '2');
  await eventually('h1 sends to h3', async () => {
    const routes = (await fabric.ask('h1', '/routes?vpn=red')) as {
      prefix: string;
      nexthops: { address?: string }[];
    }[];
    const route = routes.find(({ prefix }) => prefix === '10.1.0.9/32');
    return route?.nexthops.length === 1 && route.nexthops[0]?.address === peAddress('h3');
  });
  await ping.another100();
  await fabric.hostpe('h2', 'detach', interfaceOf(before.name));
  await fabric.lab.removeMachine(before.name);
  await ping.another100();
  const { highest, lost } = await ping.stop();
  await annotate(`${lost.length} of ${highest} packets lost, 100 a second`);
  expect(lost).toEqual([]);
});
