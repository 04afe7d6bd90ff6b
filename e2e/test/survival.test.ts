// The daemons die, the packets do not: SIGKILL under a running ping, adoption of what is in the kernel, and withdrawal in the end.
import type { Daemon } from '@hostpe/netns-lab';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, type Machine } from '../src/fabric.ts';
import { RunningPing } from '../src/running-ping.ts';

const machines: readonly Machine[] = [
  { name: 'red1', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.1'] },
  { name: 'red2', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.2'] },
  { name: 'blue1', hypervisor: 'h1', vpn: 'blue', addresses: ['10.1.0.1'] },
  { name: 'blue2', hypervisor: 'h2', vpn: 'blue', addresses: ['10.1.0.2'] },
];

let fabric: Fabric;
const daemons: Record<string, Daemon> = {};

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'survive',
    hypervisors: ['h1', 'h2'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines,
    timers: { withdrawDelay: 120, restartDelay: 120 },
  });
  daemons['rs'] = await fabric.startRouteServer();
  for (const h of ['h1', 'h2']) daemons[h] = await fabric.startForwarder(h);
  for (const tenant of ['red', 'blue']) await fabric.reachable(`${tenant}1`, '10.1.0.2');
});

afterAll(() => fabric?.remove());

async function start(name: string): Promise<void> {
  daemons[name] = name === 'rs' ? await fabric.startRouteServer() : await fabric.startForwarder(name);
}

async function settled(): Promise<void> {
  await eventually(
    'both forwarders are in session, nothing is stale and End-of-RIB is not held back',
    async () => {
      const { endOfRibHeldBack } = (await fabric.ask('rs', '/status')) as { endOfRibHeldBack: string[] };
      const forwarders = (await fabric.ask('rs', '/forwarders')) as {
        state: string;
        routes: number;
        staleRoutes: number;
      }[];
      return (
        endOfRibHeldBack.length === 0 &&
        forwarders.every(
          ({ state, routes, staleRoutes }) => state === 'online' && routes === 2 && staleRoutes === 0,
        )
      );
    },
  );
  for (const h of ['h1', 'h2']) await fabric.complete(h, 2);
}

const kernelState = async (hypervisor: string) => {
  const host = fabric.host(hypervisor);
  const commands = [
    ['nexthop'],
    ['-f', 'mpls', 'route'],
    ['route', 'show', 'vrf', 'red'],
    ['route', 'show', 'vrf', 'blue'],
    ['neigh', 'show', 'nud', 'permanent'],
  ];
  const outputs = [];
  for (const args of commands)
    outputs.push((await host.run('ip', args)).stdout.trim().split('\n').sort().join('\n'));
  return outputs.join('\n\n');
};

test.each(['h1', 'h2', 'rs'])(
  'SIGKILL and restart of %s under 100 packets a second, in both encapsulations: none is lost',
  async (victim) => {
    const pings = [];
    for (const tenant of ['red', 'blue'])
      pings.push(await RunningPing.start(fabric.host(`${tenant}1`), '10.1.0.2'));
    await daemons[victim]?.kill('SIGKILL');
    for (const ping of pings) await ping.another100();
    await start(victim);
    await settled();
    for (const ping of pings) await ping.another100();
    for (const ping of pings) {
      const { lost, highest } = await ping.stop();
      expect(lost).toEqual([]);
      expect(highest).toBeGreaterThan(200);
    }
  },
);

test('a restarted forwarder adopts what is in the kernel: same ids and labels, and nothing is deleted on the way', async () => {
  const before = await kernelState('h1');
  expect(before).toMatch(/encap mpls/);
  const monitor = await fabric
    .host('h1')
    .start('monitor', 'ip', ['monitor', 'link', 'address', 'route', 'nexthop', 'rule']);
  await daemons['h1']?.kill('SIGKILL');
  await start('h1');
  await settled();
  expect(await kernelState('h1')).toBe(before);
  await monitor.kill('SIGINT');
  expect(monitor.lines.filter((line) => /Deleted/i.test(line))).toEqual([]);
});

test('an orderly stop leaves the kernel forwarding too, and a stopped forwarder is withdrawn after the configured time', async () => {
  const ping = await RunningPing.start(fabric.host('red1'), '10.1.0.2');
  await daemons['h2']?.kill('SIGTERM');
  expect((await daemons['h2']?.exited)?.exitCode).toBe(0);
  await ping.another100();
  const { lost } = await ping.stop();
  expect(lost).toEqual([]);
  const routes = async () => (await fabric.host('h1').run('ip', ['route', 'show', 'vrf', 'red'])).stdout;
  expect(await routes()).toContain('10.1.0.2');
  await eventually('h1 has no route to 10.1.0.2 left', async () => !(await routes()).includes('10.1.0.2'));
  expect(await routes()).toContain('10.1.0.1');
});
