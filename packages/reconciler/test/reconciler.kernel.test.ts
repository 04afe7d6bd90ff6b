// The reconciler on the real kernel, in this process's own network namespace: sysctls are of the process. Runs in the lab kernel only.
import { parseIpAddress, parseIpPrefix } from '@hostpe/net';
import type { Request, Rtnetlink, Sysctl } from '@hostpe/rtnetlink';
import { formatSysctl, openRtnetlink, openSysctl, describe as say } from '@hostpe/rtnetlink';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DesiredState, Nft, Report } from '../src/index.ts';
import { openNft, probeForwarder, Reconciler, VpnRoutes } from '../src/index.ts';
import { attachment, desired, gre, local, redAndBlue, silent, udp, vpn } from './scene.ts';

const machines = { 'm-red1': 'v-red1', 'm-red2': 'v-red2', 'm-blue1': 'v-blue1' } as const;
type Machine = keyof typeof machines;
const addresses: Readonly<Record<Machine, readonly string[]>> = {
  'm-red1': ['10.1.0.1', '2001:db8::1'],
  'm-red2': ['10.1.0.2', '2001:db8::2'],
  'm-blue1': ['10.1.0.1'],
};

let rtnetlink: Rtnetlink;
const changes: string[] = [];
let reconciler: Reconciler | undefined;

async function run(command: string): Promise<string> {
  const { stdout } = await execa({ shell: true })`${command}`;
  return stdout;
}

/** Whether a command in a machine works. */
async function works(machine: Machine | 'stranger', command: string): Promise<boolean> {
  const { exitCode } = await execa({ shell: true, reject: false })`${`ip netns exec ${machine} ${command}`}`;
  return exitCode === 0;
}

async function counter(table: string, name: string): Promise<number> {
  const listed = JSON.parse(await run(`nft -j list counter ${table} ${name}`)) as {
    nftables: { counter?: { packets: number } }[];
  };
  return listed.nftables.find((one) => one.counter !== undefined)?.counter?.packets ?? -1;
}

beforeAll(async () => {
  rtnetlink = await openRtnetlink();
  const commands = Object.entries(machines).flatMap(([machine, interface_]) => [
    `ip netns add ${machine}`,
    `ip link add ${interface_} type veth peer name eth0 netns ${machine}`,
    `ip link set ${interface_} up`,
    `ip -n ${machine} link set lo up`,
    `ip netns exec ${machine} sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0`,
    `ip -n ${machine} link set eth0 up`,
    ...addresses[machine as Machine].map((address) => `ip -n ${machine} address add ${address} dev eth0`),
    `ip -n ${machine} route add 169.254.1.1 dev eth0`,
    `ip -n ${machine} route add default via 169.254.1.1`,
    `ip -n ${machine} -6 route add default via fe80::1 dev eth0`,
  ]);
  await run(
    [
      'ip address add 10.255.0.1/32 dev lo',
      'ip netns add stranger',
      'ip link add underlay type veth peer name eth0 netns stranger',
      'ip link set underlay up',
      'ip address add 192.0.2.1/24 dev underlay',
      'ip -n stranger link set eth0 up',
      'ip -n stranger address add 192.0.2.9/24 dev eth0',
      'ip -n stranger route add 10.255.0.1 via 192.0.2.1',
      ...commands,
    ].join(' && '),
  );
});

afterEach(async () => {
  await reconciler?.stop();
  reconciler = undefined;
});

afterAll(async () => {
  await rtnetlink.close();
});

/** A process that starts, runs until nothing is left to do, and stops. All that it changed is in `changes`. */
async function reconcile(state: DesiredState): Promise<Report> {
  changes.length = 0;
  await reconciler?.stop();
  reconciler = recordingReconciler();
  let last: Report | undefined;
  const done = new Promise<Report>((resolve) => {
    reconciler?.onReport((report) => {
      last = report;
      resolve(report);
    });
  });
  await reconciler.start();
  reconciler.setDesired(state);
  await done;
  await reconciler.stop();
  if (last === undefined) throw new Error('no report');
  return last;
}

function recordingReconciler(): Reconciler {
  const sysctl = openSysctl();
  const nft = openNft();
  const door: Rtnetlink = {
    execute: async (requests: readonly Request[]) => {
      changes.push(...requests.map(say));
      return await rtnetlink.execute(requests);
    },
    executeRoutes: (op, routes) => rtnetlink.executeRoutes(op, routes),
    dump: (filter) => rtnetlink.dump(filter),
    dumpRoutes: (filter) => rtnetlink.dumpRoutes(filter),
    subscribe: (groups, listener) => rtnetlink.subscribe(groups, listener),
    close: () => rtnetlink.close(),
  };
  const recordedSysctl: Sysctl = {
    get: (key) => sysctl.get(key),
    set: async (key, value) => {
      changes.push(`sysctl ${key.path} = ${formatSysctl(key, value)}`);
      await sysctl.set(key, value);
    },
  };
  const recordedNft: Nft = {
    list: (table) => nft.list(table),
    apply: async (ruleset) => {
      changes.push('nft');
      await nft.apply(ruleset);
    },
  };
  return new Reconciler({ rtnetlink: door, sysctl: recordedSysctl, nft: recordedNft, log: silent });
}

/** Two red machines and a blue one here, another PE of both VPNs elsewhere. */
const here: DesiredState = {
  underlay: {
    address: parseIpAddress('10.255.0.1'),
    mtu: 1500,
    allowedPes: [parseIpPrefix('198.51.100.0/24')],
  },
  vpns: [
    vpn('red', 16001, {
      attachments: [
        attachment('v-red1', 1000, '10.1.0.1', '2001:db8::1'),
        attachment('v-red2', 1002, '10.1.0.2', '2001:db8::2'),
      ],
      routes: {
        '10.1.0.1': [local('v-red1')],
        '10.1.0.2': [local('v-red2')],
        '2001:db8::1': [local('v-red1')],
        '2001:db8::2': [local('v-red2')],
        '10.1.0.3': [udp('192.0.2.200', 1000)],
        '2001:db8::3': [udp('192.0.2.200', 1000)],
        '10.2.0.0/16': [gre('10.255.0.3', 1000), udp('10.255.0.4', 2000)],
      },
    }),
    vpn('blue', 16002, {
      attachments: [attachment('v-blue1', 1001, '10.1.0.1')],
      routes: { '10.1.0.1': [local('v-blue1')], '10.1.0.3': [gre('10.255.0.3', 1001)] },
    }),
  ],
};

describe('on the real kernel', () => {
  test('nothing is missing, and the probe leaves nothing', async () => {
    const before = await run('ip -br link; ip rule; ip nexthop');
    expect(await probeForwarder(rtnetlink, openSysctl(), 'ipv4', openNft())).toEqual([]);
    expect(await run('ip -br link; ip rule; ip nexthop')).toBe(before);
  });

  test('from nothing to whole', async () => {
    const report = await reconcile(here);
    expect(report.failures).toEqual([]);
    expect(Object.fromEntries(report.attachments)).toMatchObject({
      'v-red1': { state: 'ready' },
      'v-red2': { state: 'ready' },
      'v-blue1': { state: 'ready' },
    });
    expect(await run('ip route show vrf red')).toContain('10.1.0.3 nhid');
  });

  test('a second run changes nothing at all', async () => {
    expect(await reconcile(here)).toMatchObject({ pending: 0 });
    expect(changes).toEqual([]);
  });

  test('adopt finds VPNs and labels', async () => {
    reconciler = recordingReconciler();
    const adopted = await reconciler.adopt();
    expect(adopted.vpns.get('red')).toEqual({ name: 'red', table: 16001 });
    expect(adopted.labels.get('v-blue1')).toEqual({ label: 1001, vpn: 'blue' });
  });

  test('machines of one VPN reach each other and their gateway; no other VPN, no host', async () => {
    expect(await works('m-red1', 'ping -c 2 -W 2 10.1.0.2')).toBe(true);
    expect(await works('m-red1', 'ping -c 2 -W 2 2001:db8::2')).toBe(true);
    expect(await works('m-red1', 'ping -c 1 -W 2 169.254.1.1')).toBe(true);
    expect(await works('m-blue1', 'ping -c 1 -W 1 10.1.0.2')).toBe(false);
    expect(await works('m-red1', 'ping -c 1 -W 1 10.255.0.1')).toBe(false);
    expect(await works('m-red1', 'ping -c 1 -W 1 192.0.2.9')).toBe(false);
    expect(await counter('inet hostpe', 'outside_vrf')).toBe(0);
    expect(await counter('inet hostpe', 'left_vpn')).toBe(0);
  });

  test('what leaves its VPN is dropped and counted: by a route of others, or as its interface fell out of the VRF', async () => {
    await run('ip route add 192.0.2.9 dev underlay table 16001');
    expect(await works('m-red1', 'ping -c 1 -W 1 192.0.2.9')).toBe(false);
    expect(await counter('inet hostpe', 'left_vpn')).toBeGreaterThan(0);
    await run('ip route del 192.0.2.9 dev underlay table 16001');
    await run('ip link set v-red2 nomaster');
    expect(await works('m-red2', 'ping -c 2 -W 1 192.0.2.9')).toBe(false);
    expect(await counter('inet hostpe', 'outside_vrf')).toBeGreaterThan(0);
    expect(await reconcile(here)).toMatchObject({ pending: 0 });
    expect(await works('m-red1', 'ping -c 2 -W 2 10.1.0.2')).toBe(true);
  });

  test('what the guard drops is counted by reason', async () => {
    const reach = 'bash -c \'timeout 1 bash -c "echo > /dev/tcp/169.254.1.1/22"\'';
    expect(await works('m-red1', reach)).toBe(false);
    expect(await counter('inet hostpe', 'tenant_to_host')).toBeGreaterThan(0);

    await run(
      'ip -n m-red1 address add 10.1.0.99 dev eth0 && ip -n m-red1 address add 2001:db8::99 dev eth0',
    );
    await works('m-red1', 'ping -c 1 -W 1 -I 10.1.0.99 10.1.0.2');
    await works('m-red1', 'ping -c 1 -W 1 -I 2001:db8::99 2001:db8::2');
    expect(await counter('inet hostpe', 'source_ipv4')).toBeGreaterThan(0);
    expect(await counter('inet hostpe', 'source_ipv6')).toBeGreaterThan(0);
    await run('ip -n m-red1 neigh flush dev eth0');
    await works('m-red1', 'ping -c 1 -W 1 -I 10.1.0.99 169.254.1.1');
    expect(await counter('arp hostpe', 'source_address')).toBeGreaterThan(0);

    await run(
      [
        'ip -n stranger link add name gre9 type gre local 192.0.2.9 remote 10.255.0.1',
        'ip -n stranger link add name mpls9 type ipip mode mplsip local 192.0.2.9 remote 10.255.0.1',
        'ip -n stranger link set gre9 up && ip -n stranger link set mpls9 up',
        'ip -n stranger route add 10.99.0.1 encap mpls 1000 dev gre9',
        'ip -n stranger route add 10.99.0.2 encap mpls 1000 dev mpls9',
      ].join(' && '),
    );
    await works('stranger', 'ping -c 1 -W 1 -I 192.0.2.9 10.99.0.1');
    await works('stranger', 'ping -c 1 -W 1 -I 192.0.2.9 10.99.0.2');
    expect(await counter('inet hostpe', 'unknown_pe')).toBeGreaterThan(0);
    expect(await counter('inet hostpe', 'bare_mpls')).toBeGreaterThan(0);
  });

  test('counters live on when the sets change', async () => {
    const before = await counter('inet hostpe', 'tenant_to_host');
    const [red, blue] = here.vpns;
    if (red === undefined || blue === undefined) throw new Error('no VPNs');
    const moved = { ...here, vpns: [{ ...red, routes: new VpnRoutes() }, blue] };
    expect(await reconcile(moved)).toMatchObject({ pending: 0 });
    expect(changes.filter((change) => change === 'nft')).toHaveLength(1);
    expect(await reconcile(here)).toMatchObject({ pending: 0 });
    expect(await counter('inet hostpe', 'tenant_to_host')).toBe(before);
  });

  test('drift is repaired', async () => {
    const before = await forwardingState();
    await run(
      [
        'ip route del vrf red 10.1.0.3',
        'ip link set hostpe-gre down',
        'ip link set hostpe-udp down',
        'ip link set v-red1 down && ip link set v-red1 up',
        'ip -f mpls route del 1001',
        'nft delete table arp hostpe',
        'ip link del hostpe-fou',
      ].join(' && '),
    );
    expect(await reconcile(here)).toMatchObject({ pending: 0, failures: [] });
    expect(await forwardingState()).toBe(before);
    await reconcile(here);
    expect(changes).toEqual([]);
    expect(await works('m-red1', 'ping -c 2 -W 2 10.1.0.2')).toBe(true);
  });

  test('orphans of an incomplete VPN stay, those of a complete one go', async () => {
    const bare = (complete: boolean) => ({
      ...here,
      vpns: here.vpns.map((one) => ({ ...one, routes: new VpnRoutes(), complete })),
    });
    expect(await reconcile(bare(false))).toMatchObject({ pending: 0 });
    expect(changes).toEqual([]);
    expect(await reconcile(bare(true))).toMatchObject({ pending: 0, failures: [] });
    expect(
      await run(
        'ip nexthop; ip neigh show nud permanent dev hostpe-gre; tc filter show dev hostpe-udp egress',
      ),
    ).not.toMatch(/1000|lladdr|dst_mac/);
    expect(await reconcile(here)).toMatchObject({ pending: 0, failures: [] });
  });

  test('a running reconciler attaches what appears and notices carrier', async () => {
    const state = desired(
      ...redAndBlue().vpns,
      vpn('green', 16003, { attachments: [attachment('v-green', 1003, '10.1.0.1')] }),
    );
    reconciler = recordingReconciler();
    let last: Report | undefined;
    reconciler.onReport((report) => {
      last = report;
    });
    await reconciler.start();
    reconciler.setDesired(state);
    await expect.poll(() => last?.attachments.get('v-green')?.state, { timeout: 30_000 }).toBe('absent');
    await run('ip link add v-green type veth peer name green-m && ip link set green-m up');
    await expect.poll(() => last?.attachments.get('v-green')?.state, { timeout: 30_000 }).toBe('ready');
    await run('ip link set green-m down');
    await expect.poll(() => last?.attachments.get('v-green')?.state, { timeout: 30_000 }).toBe('down');
    await run('ip link del v-green');
    await expect.poll(() => last?.attachments.get('v-green')?.state, { timeout: 30_000 }).toBe('absent');
  });

  test('foreign objects are untouched, and what is no longer desired is gone', async () => {
    await run(
      [
        'ip link add mgmt type vrf table 77 && ip link set mgmt up',
        'ip -6 nexthop add id 7 dev underlay proto 200',
        'ip route add 203.0.113.0/24 nhid 7 proto 200',
        'ip -f mpls route add 500 via inet 192.0.2.9 dev underlay proto 186',
      ].join(' && '),
    );
    expect(await reconcile(desired())).toMatchObject({ pending: 0, failures: [] });
    const left = await run(
      'ip -br link show type vrf; ip nexthop; ip route; ip -f mpls route; ip route show table 16001; ip -6 route show table 16002',
    );
    expect(left).toContain('mgmt');
    expect(left).toContain('id 7 ');
    expect(left).toContain('203.0.113.0/24');
    expect(left).toContain('500 ');
    expect(left).not.toMatch(/\b(red|blue|green)\b|unreachable|1760/);
    expect(await works('m-red1', 'ping -c 1 -W 1 169.254.1.1')).toBe(false);
    await reconcile(desired());
    expect(changes).toEqual([]);
  });

  test('over IPv6: nothing is missing, a second run finds the numbers of PEs again and changes nothing, and back to IPv4', async () => {
    const over6 = (...pes: readonly [prefix: string, pe: string][]): DesiredState => ({
      underlay: {
        address: parseIpAddress('2001:db8:ff::1'),
        mtu: 1600,
        allowedPes: [parseIpPrefix('2001:db8:fe::/48')],
      },
      vpns: [
        vpn('red', 16001, {
          attachments: [attachment('v-red1', 1000, '10.1.0.1', '2001:db8::1')],
          routes: Object.fromEntries(pes.map(([prefix, pe]) => [prefix, [gre(pe, 1000)]])),
        }),
      ],
    });
    const [two, three] = [
      ['10.1.0.3', '2001:db8:ff::2'],
      ['2001:db8::3', '2001:db8:ff::3'],
    ] as const;
    expect(await probeForwarder(rtnetlink, openSysctl(), 'ipv6', openNft())).toEqual([]);
    expect(await reconcile(over6([...two], [...three]))).toMatchObject({ pending: 0, failures: [] });
    expect(await run('ip nexthop')).toMatch(/via fe80::7065:0:2 dev hostpe-pes/);
    expect(await run('tc filter show dev hostpe-pes egress')).toMatch(
      /handle 0x2[\s\S]*dst_ip 2001:db8:ff::3/,
    );
    expect(await run('ip -d link show hostpe-gre')).toMatch(/mtu 1556[\s\S]*ip6gre external/);
    await reconcile(over6([...three], [...two]));
    expect(changes).toEqual([]);
    expect(await reconcile(desired())).toMatchObject({ pending: 0, failures: [] });
    expect(await run('ip -br link')).not.toContain('hostpe-pes');
    await reconcile(desired());
    expect(changes).toEqual([]);
  });
});

async function forwardingState(): Promise<string> {
  const routes = await run(
    'for v in red blue; do ip route show vrf $v; ip -6 route show vrf $v proto 200; done; ip -f mpls route; ip neigh show nud permanent',
  );
  // Nexthop ids may differ: objects that the kernel dropped get the lowest free one again.
  return routes
    .replace(/nhid \d+/g, 'nhid')
    .replace(/ *$/gm, '')
    .split('\n')
    .sort()
    .join('\n');
}
