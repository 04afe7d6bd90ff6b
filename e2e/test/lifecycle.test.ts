// Attach, detach and move by the operator's commands, and what bad input does: nothing but a clear error.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Daemon } from '@hostpe/netns-lab';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, interfaceOf, type Machine, peAddress } from '../src/fabric.ts';

const red1: Machine = { name: 'red1', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.1'] };
const guest: Machine = {
  name: 'guest',
  hypervisor: 'h2',
  vpn: 'red',
  addresses: ['10.1.0.7', '2001:db8:1::7'],
};

let fabric: Fabric;
let routeServer: Daemon;
let h3: Daemon;

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'life',
    hypervisors: ['h1', 'h2', 'h3'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp', 'gre'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines: [red1],
    allowedVpns: { h3: ['red'] },
  });
  routeServer = await fabric.startRouteServer();
  await fabric.startForwarder('h1');
  await fabric.startForwarder('h2');
  h3 = await fabric.startForwarder('h3');
  await eventually('the control sockets answer', async () => {
    for (const host of ['rs', 'h1', 'h2', 'h3']) await fabric.ask(host, '/status');
    return true;
  });
});

afterAll(() => fabric?.remove());

const routes = async (hypervisor: string) =>
  (await fabric.host(hypervisor).run('ip', ['route', 'show', 'vrf', 'red'])).stdout;
const links = async (hypervisor: string) => (await fabric.host(hypervisor).run('ip', ['-o', 'link'])).stdout;

test('a machine that is attached by command is reachable, and gone after it is detached', async () => {
  const host = await fabric.addMachine(guest);
  expect(await links('h2')).not.toMatch(/ red:/);
  await fabric.attach(guest);
  await fabric.reachable('red1', '10.1.0.7');
  expect(host.name).toBe('guest');

  await fabric.hostpe('h2', 'detach', interfaceOf(guest.name));
  await eventually('h1 has no route to 10.1.0.7', async () => !(await routes('h1')).includes('10.1.0.7'));
  expect((await fabric.ping('red1', '10.1.0.7', 2)).received).toBe(0);
  await eventually('h2 has no VRF red left', async () => !/ red:/.test(await links('h2')));
  expect((await fabric.host('h2').run('ip', ['-f', 'mpls', 'route'])).stdout).toBe('');
  await fabric.lab.removeMachine(guest.name);
});

test('a machine that moves is reachable on its new hypervisor', async () => {
  const before = { ...guest, name: 'mover' };
  await fabric.addMachine(before);
  await fabric.attach(before);
  await fabric.reachable('red1', '10.1.0.7');
  await fabric.hostpe('h2', 'detach', interfaceOf(before.name));
  await fabric.lab.removeMachine(before.name);

  const after = { ...before, hypervisor: 'h3' };
  await fabric.addMachine(after);
  await fabric.attach(after, '--sequence-number', '2');
  await fabric.reachable('red1', '10.1.0.7');
  expect(await fabric.ask('h1', '/routes?vpn=red')).toContainEqual(
    expect.objectContaining({
      prefix: '10.1.0.7/32',
      nexthops: [expect.objectContaining({ address: peAddress('h3') })],
    }),
  );
  await fabric.hostpe('h3', 'detach', interfaceOf(after.name));
  await fabric.lab.removeMachine(after.name);
});

test('two hypervisors with the same address and the same sequence number share the traffic', async () => {
  const [a, b] = [
    { ...guest, name: 'twin2' },
    { ...guest, name: 'twin3', hypervisor: 'h3' },
  ];
  for (const machine of [a, b]) {
    await fabric.addMachine(machine);
    await fabric.attach(machine);
  }
  await eventually('h1 has two nexthops for 10.1.0.7', async () => {
    const [, id] = /^10\.1\.0\.7 nhid (\d+)/m.exec(await routes('h1')) ?? [];
    if (id === undefined) return false;
    return /group \d+\/\d+ /.test((await fabric.host('h1').run('ip', ['nexthop', 'show', 'id', id])).stdout);
  });
  await fabric.reachable('red1', '10.1.0.7');
  for (const machine of [a, b]) {
    await fabric.hostpe(machine.hypervisor, 'detach', interfaceOf(machine.name));
    await fabric.lab.removeMachine(machine.name);
  }
});

test('a VPN that the forwarder may not join: an error that names it, a line in the route server log, and nothing else changes', async () => {
  const stranger: Machine = { name: 'stranger', hypervisor: 'h3', vpn: 'blue', addresses: ['10.1.0.9'] };
  await fabric.addMachine(stranger);
  await fabric.attach(stranger);
  await routeServer.waitForLine(
    (line) => line.includes('"forbidden"') && line.includes('forwarder h3 may not join VPN blue'),
  );
  await h3.waitForLine((line) => line.includes('"blue"') && line.includes('forbidden'));
  expect((await fabric.ping('stranger', '10.1.0.1', 1)).received).toBe(0);
  expect(await fabric.ask('rs', '/routes?vpn=blue')).toEqual([]);
  await fabric.hostpe('h3', 'detach', interfaceOf(stranger.name));
  await fabric.lab.removeMachine(stranger.name);
});

test.each([
  ['an unknown key', { bogus: 1 }, /h9\.yaml:\d+: bogus: /],
  [
    'a bad prefix',
    { attachments: [{ interface: 'v-x', vpn: 'red', addresses: ['10.0.0.300'] }] },
    /h9\.yaml:\d+: attachments\[0\]\.addresses\[0\]: .*10\.0\.0\.300/,
  ],
])(
  '%s in a configuration: one message with file, line and key, exit code 2, nothing touched',
  async (_, change, message) => {
    const file = join(fabric.folder, 'h9.yaml');
    const config = JSON.parse(await readFile(join(fabric.folder, 'h2.yaml'), 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...config, ...change }, null, 1));
    const before = await links('h2');
    const daemon = await fabric.startWith('h2', ['forwarder', '--config', file]);
    const { exitCode } = await daemon.exited;
    expect(exitCode).toBe(2);
    expect(daemon.lines.filter((line) => message.test(line))).toHaveLength(1);
    expect(await links('h2')).toBe(before);
  },
);

test('a configuration that is missing: its name, exit code 2', async () => {
  const daemon = await fabric.startWith('h2', ['forwarder', '--config', '/nowhere/forwarder.yaml']);
  expect((await daemon.exited).exitCode).toBe(2);
  expect(daemon.lines.join('\n')).toContain('/nowhere/forwarder.yaml');
});

test('an attachment by command is checked like the configuration', async () => {
  await expect(
    fabric.hostpe('h2', 'attach', 'v-x', '--vpn', 'red', '--address', '10.0.0.0/33'),
  ).rejects.toThrow(/10\.0\.0\.0\/33/);
  await expect(fabric.hostpe('h1', 'detach', interfaceOf('red1'))).rejects.toThrow(/configuration/);
  await expect(fabric.hostpe('h2', 'detach', 'nothing')).rejects.toThrow(/nothing/);
});
