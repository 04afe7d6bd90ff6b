// Wrong hands in the kernel: all comes back as it was, by itself; who had no part in it loses nothing; and whatever happens, no packet of one tenant is seen by another. Both tenants have the same addresses, so packets are told by their length.
import type { Capture } from '@hostpe/netns-lab';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, type Machine } from '../src/fabric.ts';
import { kernelState, stateDifference, withoutNexthopIds } from '../src/kernel-state.ts';
import { RunningPing } from '../src/running-ping.ts';

const machines: readonly Machine[] = [
  ...['red', 'blue'].flatMap((vpn): Machine[] => [
    { name: `${vpn}1`, hypervisor: 'h1', vpn, addresses: ['10.1.0.1', '2001:db8:1::1'] },
    { name: `${vpn}2`, hypervisor: 'h2', vpn, addresses: ['10.1.0.2', '2001:db8:1::2'] },
  ]),
  // Two equal paths.
  { name: 'twin2', hypervisor: 'h2', vpn: 'red', addresses: ['10.1.0.9'] },
  { name: 'twin3', hypervisor: 'h3', vpn: 'red', addresses: ['10.1.0.9'] },
];
type Tenant = 'red' | 'blue';
const tenants: readonly Tenant[] = ['red', 'blue'];
const other = (tenant: Tenant): Tenant => (tenant === 'red' ? 'blue' : 'red');
/** The scan every 60 s finds what nothing tells of, and takes its time when emulated. */
const longestRepair = 120_000;
const payloads = { red: 300, blue: 200 };

let fabric: Fabric;
/** Of packets that are another tenant's, or nobody's. */
const leaks = new Map<string, Capture>();

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'fault',
    hypervisors: ['h1', 'h2', 'h3'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre'] },
    },
    machines,
    timers: { withdrawDelay: 120, restartDelay: 120 },
  });
  await fabric.startRouteServer();
  for (const h of ['h1', 'h2', 'h3']) await fabric.startForwarder(h);
  for (const tenant of tenants) await fabric.reachable(`${tenant}1`, '10.1.0.2');
  await fabric.complete('h1', 2);
  for (const { name, vpn } of machines) {
    const others = `icmp and ip[2:2] == ${28 + payloads[other(vpn as Tenant)]}`;
    leaks.set(name, await fabric.host(name).capture('eth0', others));
  }
  leaks.set('the underlay', await fabric.host('spine').capture('h1', 'icmp and net 10.1.0.0/24'));
  // It loses packets, and is there to be seen where it does not belong.
  await pingOf('red');
});

afterAll(() => fabric?.remove());

const h1 = (...lines: readonly string[]) =>
  fabric.host('h1').run('sh', ['-e', '-s'], { input: lines.join('\n') });

const pingOf = (tenant: Tenant) =>
  RunningPing.start(fabric.host(`${tenant}1`), '10.1.0.2', '-s', String(payloads[tenant]));

/** The state of h1's kernel after the last repair: it is what it was before the first. */
let known: string[] | undefined;

/** The kernel loses nexthop objects by these: their ids are free, and what comes back takes any. */
const takesNexthops = /nexthop del|hostpe-udp down|link del|nomaster|red down/;

/** Does harm to red on h1, and waits until the kernel is as it was; blue loses nothing. @returns ms */
async function repaired(harm: string): Promise<number> {
  known ??= await kernelState(fabric.host('h1'));
  const before = known;
  const seen = takesNexthops.test(harm) ? withoutNexthopIds : (state: readonly string[]) => state;
  const ping = await pingOf('blue');
  const start = performance.now();
  await h1(names, harm);
  let difference: string[] = [];
  try {
    await eventually(
      'the kernel is as it was',
      async () => {
        known = await kernelState(fabric.host('h1'));
        difference = stateDifference(seen(before), seen(known));
        return difference.length === 0;
      },
      longestRepair,
    );
  } catch (error) {
    known = undefined;
    throw new Error(`after '${harm}':\n${difference.join('\n')}`, { cause: error });
  }
  const time = performance.now() - start;
  await ping.another100();
  expect((await ping.stop()).lost, 'packets of blue that were lost').toEqual([]);
  for (const [where, { packets }] of leaks) expect(packets, where).toHaveLength(0);
  return time;
}

// What the kernel calls things here, for the commands below.
const names = `
field() { sed -n "s/.*$1 \\([^ ]*\\).*/\\1/p" | head -n 1; }
table() { ip -d link show $1 | field 'vrf table'; }
id() { ip route show vrf red $1 | field nhid; }
label() { ip -f mpls route | sed -n "s/^\\([0-9]*\\) .*dev v-$1 .*/\\1/p"; }
gateway() { ip nexthop | sed -n "s/.* via \\(inet6 \\)\\{0,1\\}\\(fe80:[^ ]*\\) dev $1 .*/\\2/p" | head -n 1; }
`;

/**
 * At once, what has no part in each other, as the look at devices comes every 10 s only; FAULTS=singly does one after the other. All is red's, so
 * that blue has no part in it.
 */
const harms: readonly (readonly string[])[] = [
  [
    'ip route del 10.1.0.2 vrf red',
    'ip -6 route del 2001:db8:1::2 vrf red',
    'ip route del unreachable default table $(table red) metric 4278198272',
    'ip route replace unreachable 10.1.0.9 table $(table red) proto 200',
    'ip -f mpls route del $(label red1)',
  ],
  ['ip route flush table $(table red) proto 200', 'ip -6 route flush table $(table red) proto 200'],
  ['ip nexthop del id $(id 10.1.0.9)', 'ip nexthop del id $(id 10.1.0.2)'],
  [
    'ip nexthop replace id $(id 10.1.0.9) group $(id 10.1.0.2) proto 200',
    'ip -f mpls route replace $(label red1) via inet 10.1.0.77 dev v-red1 proto 200',
    'ip -6 rule del priority 900 table $(table red)',
    'ip link set v-red1 address 02:00:00:00:00:99',
    'ip neigh replace $(gateway hostpe-udp) lladdr 02:00:00:00:00:99 nud permanent dev hostpe-udp',
  ],
  [
    'ip neigh del $(gateway hostpe-udp) dev hostpe-udp',
    'tc filter del dev hostpe-udp egress',
    'ip address del 169.254.1.1/32 dev v-red1',
    'ip address del fe80::1/64 dev v-red1',
    'ip link set hostpe-fou mtu 1300',
  ],
  ['ip link set v-red1 nomaster', 'tc qdisc del dev hostpe-udp clsact', 'ip fou del port 6635'],
  ['ip link set red down', 'ip link set hostpe-udp down; ip link set hostpe-udp up'],
  ['ip link del red', 'ip link set hostpe-fou down'],
];
const commands =
  process.env['FAULTS'] === 'singly' ? harms.flat() : harms.map((together) => together.join('\n'));

describe('undone or altered by hand, all is back by itself, the same as before, and the other tenant loses nothing', () => {
  test.each(commands)('%s', async (harm) => {
    const time = await repaired(harm);
    process.stdout.write(`${(time / 1000).toFixed(1).padStart(6)} s until all is back after: ${harm}\n`);
  });
});
