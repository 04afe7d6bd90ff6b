// Attacks of one tenant on another, on the host and on what all share, and of strangers in the underlay: each works where the guard is not there,
// and fails where it is. To see the guard alone, the defences beside it are taken away by hand first, and the forwarder with them, which would
// put them back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { Fabric, interfaceOf, type Machine, peAddress } from '../src/fabric.ts';
import {
  arpRequest,
  echoRequest,
  frame,
  icmpv6,
  inject,
  ipv4,
  mpls,
  neighbourSolicitation,
  routerAdvertisement,
  tunnelled,
  tunnels,
  udp,
  udpOverIpv6,
  udpPorts,
} from '../src/packets.ts';

const attacker: Machine = {
  name: 'red1',
  hypervisor: 'h1',
  vpn: 'red',
  addresses: ['10.1.0.1', '2001:db8:1::1'],
};
const machines: readonly Machine[] = [
  { name: 'red3', hypervisor: 'h1', vpn: 'red', addresses: ['10.1.0.3', '2001:db8:1::3'] },
  { name: 'blue1', hypervisor: 'h1', vpn: 'blue', addresses: ['10.1.0.1', '2001:db8:1::1'] },
];

const GATEWAY = '169.254.1.1';
const GATEWAY_MAC = '00:00:5e:00:01:01';
const foreignMac = '02:00:00:00:00:66';
const self = peAddress('h1');
/** Known to the guard as a PE. */
const pe = peAddress('h2');
const device = interfaceOf(attacker.name);

/** Each is one packet whose UDP port tells it from the others. */
const injections = tunnels.flatMap((tunnel) =>
  [self, GATEWAY].flatMap((destination) =>
    ['10.1.0.1', pe].map((source) => ({
      tunnel,
      destination,
      source,
      who: source === pe ? 'a PE' : 'itself',
    })),
  ),
);
const INJECTED = 5000;
const fromUnderlay = tunnels.flatMap((tunnel) =>
  ['192.0.2.6', self].map((source) => ({ tunnel, source, who: source === self ? 'this PE' : 'itself' })),
);
const STRANGE = 5100;
const bareFromPe = 5190;
const tunnelledFromPe = 5191;
const spoofs = ['source_ipv4', 'source_ipv6', 'source_mac'] as const;
const SPOOFED = 5200;
const honest = 5299;

/** What came of all attacks. */
interface Outcome {
  /** UDP ports of packets that another tenant's machine received. */
  readonly injected: readonly number[];
  /** That a machine of the same VPN received. */
  readonly spoofed: readonly number[];
  readonly neighbours: string;
  /** ND entries of the attacker's interface. */
  readonly neighbourCount: number;
  readonly fragmentQueues: { readonly ipv4: number; readonly ipv6: number };
  readonly answers: number;
  readonly connections: number;
}

const floodSize = 150;
const echoes = 600;

let fabric: Fabric;
let guarded: Outcome;
let bare: Outcome;
let drops: ReadonlyMap<string, number>;
let reloaded: string;
/** Of the guard after each reload, ms. */
const absences: number[] = [];
let acceptedRoute: string;
let mplsDelivered: { readonly off: readonly number[]; readonly on: readonly number[] };

const sh = async (host: string, script: string): Promise<string> =>
  (await fabric.host(host).run('sh', ['-c', script])).stdout;

const macOf = async (host: string, interface_: string): Promise<string> =>
  (await sh(host, `cat /sys/class/net/${interface_}/address`)).trim();

beforeAll(async () => {
  fabric = await Fabric.create({
    name: 'isolate',
    hypervisors: ['h1', 'h2'],
    vpns: {
      red: { import: ['64512:1'], export: ['64512:1'], encapsulations: ['udp', 'gre'] },
      blue: { import: ['64512:2'], export: ['64512:2'], encapsulations: ['gre', 'udp'] },
    },
    machines,
  });
  await advertiseRouter();
  await fabric.startRouteServer();
  const forwarder = await fabric.startForwarder('h1');
  await fabric.addMachine(attacker);
  const mac = await macOf(attacker.name, 'eth0');
  await eventually('the forwarder takes commands', async () =>
    fabric.attach(attacker, '--mac', mac).then(
      () => true,
      () => false,
    ),
  );
  await fabric.reachable('red1', '10.1.0.3');
  await fabric.reachable('red1', '2001:db8:1::3');
  await fabric.reachable('blue1', GATEWAY);
  acceptedRoute = await sh('h1', 'ip -6 route show default; cat /proc/sys/net/ipv6/conf/ul/accept_ra');

  for (let time = 0; time < 3; time++) {
    const flushed = Date.now();
    await sh('h1', 'nft flush ruleset');
    await eventually('the guard is back', async () =>
      (await sh('h1', 'nft list tables')).includes('table arp hostpe'),
    );
    absences.push(Date.now() - flushed);
  }
  reloaded = await sh('h1', `nft list set inet hostpe attachments; nft list set arp hostpe sources`);

  await forwarder.kill('SIGKILL');
  await undoOtherDefences();
  await sh('h1', `nft add element inet hostpe pes '{ ${pe} }'`);
  const label = await labelOf('blue1');
  guarded = await attack(label, mac);
  drops = await counters();
  await sh('h1', 'nft delete table inet hostpe; nft delete table arp hostpe');
  bare = await attack(label, mac);
  mplsDelivered = { off: await sendLabelled(label, mac), on: await sendLabelled(label, mac, true) };
});

afterAll(() => fabric?.remove());

async function advertiseRouter(): Promise<void> {
  await sh('h1', 'echo 1 > /proc/sys/net/ipv6/conf/ul/accept_ra');
  const source = await macOf('spine', 'h1');
  const advertisement = frame(
    { source, destination: '33:33:00:00:00:01' },
    'ipv6',
    routerAdvertisement('fe80::99', source),
  );
  await eventually('h1 has a default route by router advertisement', async () => {
    await inject(fabric.host('spine'), 'h1', [advertisement]);
    return (await sh('h1', 'ip -6 route show default proto ra')).includes('fe80::99');
  });
}

/** The order of the rules, tunnels at the PE address alone, and what UDP sockets take. */
async function undoOtherDefences(): Promise<void> {
  await sh(
    'h1',
    `set -e
     ip rule add pref 0 table local
     ip -6 rule add pref 0 table local
     ip link add wide-gre type gre local ${GATEWAY} ttl 64
     ip link add wide-fou type ipip mode mplsip local ${GATEWAY} ttl 64 encap fou encap-sport auto encap-dport 6635
     for device in wide-gre wide-fou; do
       ip link set $device up
       echo 1 > /proc/sys/net/mpls/conf/$device/input
     done
     echo 1 > /proc/sys/net/ipv4/udp_l3mdev_accept`,
  );
}

async function labelOf(machine: string): Promise<number> {
  const labels = await sh('h1', 'ip -f mpls route');
  return Number(new RegExp(`^(\\d+) .*dev ${interfaceOf(machine)}\\b`, 'm').exec(labels)?.[1]);
}

async function counters(): Promise<ReadonlyMap<string, number>> {
  const listed = JSON.parse(await sh('h1', 'nft -j list counters')) as {
    readonly nftables: readonly {
      readonly counter?: { readonly family: string; readonly name: string; readonly packets: number };
    }[];
  };
  return new Map(
    listed.nftables.flatMap(({ counter }) =>
      counter === undefined ? [] : [[`${counter.family} ${counter.name}`, counter.packets]],
    ),
  );
}

/** Runs all attacks, each kind in one go, and looks what came of them. */
async function attack(label: number, mac: string): Promise<Outcome> {
  const toGateway = { source: mac, destination: GATEWAY_MAC };
  const from = (frames: readonly Uint8Array[]) => inject(fabric.host(attacker.name), 'eth0', frames);
  const inner = (port: number) =>
    mpls(label, ipv4({ source: '10.9.9.9', destination: '10.1.0.1' }, 17, udp(port)));

  const victim = await fabric.host('blue1').capture('eth0', 'udp and dst portrange 5000-5199');
  await from(
    injections.map(({ tunnel, destination, source }, at) =>
      frame(toGateway, 'ipv4', tunnelled(tunnel, { source, destination }, inner(INJECTED + at))),
    ),
  );
  const towardsH1 = { source: await macOf('spine', 'h1'), destination: await macOf('h1', 'ul') };
  const underlay = (port: number, tunnel: (typeof tunnels)[number], source: string) =>
    frame(towardsH1, 'ipv4', tunnelled(tunnel, { source, destination: self }, inner(port)));
  await inject(fabric.host('spine'), 'h1', [
    ...fromUnderlay.map(({ tunnel, source }, at) => underlay(STRANGE + at, tunnel, source)),
    underlay(bareFromPe, 'bare', pe),
    underlay(tunnelledFromPe, 'gre', pe),
  ]);
  await eventually('what a PE sent has come', async () => udpPorts(victim.packets).includes(tunnelledFromPe));
  const injected = udpPorts(await victim.stop());

  const friend = await fabric.host('red3').capture('eth0', 'udp and dst portrange 5200-5299');
  const own = { source: '10.1.0.1', destination: '10.1.0.3' };
  await from([
    frame(toGateway, 'ipv4', ipv4({ ...own, source: '10.1.0.66' }, 17, udp(SPOOFED))),
    frame(
      toGateway,
      'ipv6',
      udpOverIpv6({ source: '2001:db8:1::66', destination: '2001:db8:1::3' }, SPOOFED + 1),
    ),
    frame({ ...toGateway, source: foreignMac }, 'ipv4', ipv4(own, 17, udp(SPOOFED + 2))),
    frame(toGateway, 'ipv4', ipv4(own, 17, udp(honest))),
  ]);
  await eventually('the honest packet has come', async () => udpPorts(friend.packets).includes(honest));
  const spoofed = udpPorts(await friend.stop());

  await sh('h1', `ip neighbour flush dev ${device}`);
  const flood = Array.from({ length: floodSize }, (_, at) => (at + 0x100).toString(16));
  await from([
    frame(toGateway, 'arp', arpRequest({ mac, ip: '10.1.0.66' }, GATEWAY)),
    frame(
      { ...toGateway, source: foreignMac },
      'arp',
      arpRequest({ mac: foreignMac, ip: '10.1.0.1' }, GATEWAY),
    ),
    frame(
      toGateway,
      'ipv6',
      neighbourSolicitation({ source: '2001:db8:1::66', destination: 'fe80::1' }, mac),
    ),
    ...flood.map((end) =>
      frame(
        toGateway,
        'ipv6',
        neighbourSolicitation({ source: `fe80::${end}`, destination: 'fe80::1' }, mac),
      ),
    ),
    ...flood.map((end) =>
      frame(
        toGateway,
        'ipv6',
        icmpv6({ source: '2001:db8:1::1', destination: `fe80::5:${end}` }, 128, [0, 1, 0, 1]),
      ),
    ),
  ]);
  const neighbours = await sh('h1', `ip neighbour show dev ${device}`);
  await sh('h1', `ip neighbour flush dev ${device}`);
  const neighbourCount = neighbours
    .split('\n')
    .filter((line) => line.includes(':') && !line.includes('.')).length;

  await from(
    Array.from({ length: 20 }, (_, at) => [
      frame(
        toGateway,
        'ipv4',
        ipv4({ source: '10.1.0.1', destination: GATEWAY }, 1, echoRequest(at), {
          identification: at + 1,
          moreFragments: true,
        }),
      ),
      frame(toGateway, 'ipv6', firstFragment(at)),
    ]).flat(),
  );
  const queues = await sh('h1', 'cat /proc/net/sockstat /proc/net/sockstat6');
  const inUse = (family: string) => Number(new RegExp(`^${family}: inuse (\\d+)`, 'm').exec(queues)?.[1]);

  // Or replies wait for the machine's MAC address, in a queue that does not hold all of them.
  await fabric.reachable(attacker.name, GATEWAY);
  const replies = await fabric.host(attacker.name).capture('eth0', 'icmp[icmptype] == icmp-echoreply');
  await from(
    Array.from({ length: echoes }, (_, at) =>
      frame(toGateway, 'ipv4', ipv4({ source: '10.1.0.1', destination: GATEWAY }, 1, echoRequest(at))),
    ),
  );
  const answers = (await replies.stop()).length;

  // A firewall of the host that keeps track of connections.
  await sh(
    'h1',
    `nft add table inet firewall &&
     nft add chain inet firewall connections '{ type filter hook prerouting priority 0; }' &&
     nft add rule inet firewall connections ct state new counter`,
  );
  const before = Number(await sh('h1', 'cat /proc/sys/net/netfilter/nf_conntrack_count'));
  await from(Array.from({ length: 100 }, (_, at) => frame(toGateway, 'ipv4', ipv4(own, 17, udp(6000 + at)))));
  const connections = Number(await sh('h1', 'cat /proc/sys/net/netfilter/nf_conntrack_count')) - before;
  await sh('h1', 'nft delete table inet firewall');

  return {
    injected,
    spoofed,
    neighbours,
    neighbourCount,
    fragmentQueues: { ipv4: inUse('FRAG'), ipv6: inUse('FRAG6') },
    answers,
    connections,
  };
}

/** The first fragment of an echo request to the gateway, RFC 8200 section 4.5. */
function firstFragment(at: number): Uint8Array {
  const ip = { source: '2001:db8:1::1', destination: 'fe80::1' };
  const whole = icmpv6(ip, 128, [0, 1, 0, at, 0, 0, 0, 0, 0, 0, 0, 0]);
  const header = Uint8Array.from([58, 0, 0, 1, 0, 0, 1, at]);
  const packet = Buffer.concat([whole.subarray(0, 40), header, whole.subarray(40)]);
  packet[6] = 44;
  packet.writeUInt16BE(packet.length - 40, 4);
  return packet;
}

/** A label straight from a machine. @returns what arrived. */
async function sendLabelled(label: number, mac: string, isAllowed = false): Promise<readonly number[]> {
  await sh('h1', `echo ${isAllowed ? 1 : 0} > /proc/sys/net/mpls/conf/${device}/input`);
  const victim = await fabric.host('blue1').capture('eth0', 'udp and dst port 5300');
  const packet = mpls(label, ipv4({ source: '10.9.9.9', destination: '10.1.0.1' }, 17, udp(5300)));
  await inject(fabric.host(attacker.name), 'eth0', [
    frame({ source: mac, destination: GATEWAY_MAC }, 'mpls', packet),
  ]);
  return udpPorts(await victim.stop());
}

describe("a tenant's tunnel packet into another tenant's VRF", () => {
  test.each(injections.map((one, at) => ({ ...one, port: INJECTED + at })))(
    '$tunnel to $destination as $who',
    ({ port }) => {
      expect(bare.injected).toContain(port);
      expect(guarded.injected).not.toContain(port);
    },
  );
});

describe('a tunnel packet from the underlay', () => {
  test.each(fromUnderlay.map((one, at) => ({ ...one, port: STRANGE + at })))(
    '$tunnel from a stranger as $who',
    ({ port }) => {
      // The kernel itself takes no packet from outside that says to be from here.
      expect(bare.injected.includes(port)).toBe(port % 2 === 0);
      expect(guarded.injected).not.toContain(port);
    },
  );

  test('without GRE or UDP, from a PE', () => {
    expect(bare.injected).toContain(bareFromPe);
    expect(guarded.injected).not.toContain(bareFromPe);
  });

  test('in GRE from a PE is let through', () => {
    expect(guarded.injected).toEqual([tunnelledFromPe]);
  });
});

test('a label straight from a machine goes nowhere, unless somebody lets its interface take labels', () => {
  expect(mplsDelivered).toEqual({ off: [], on: [5300] });
});

describe('a source that is not its own', () => {
  test.each(spoofs.map((reason, at) => ({ reason, port: SPOOFED + at })))('$reason', ({ reason, port }) => {
    expect(bare.spoofed).toContain(port);
    expect(guarded.spoofed).toEqual([honest]);
    expect(drops.get(`inet ${reason}`)).toBeGreaterThan(0);
  });

  test('in ARP: an address, and a MAC address', () => {
    expect(bare.neighbours).toMatch(/^10\.1\.0\.66 /m);
    expect(bare.neighbours).toMatch(new RegExp(`^10\\.1\\.0\\.1 .*${foreignMac}`, 'm'));
    expect(guarded.neighbours).not.toMatch(/^10\.1\.0\.66 /m);
    expect(guarded.neighbours).not.toContain(foreignMac);
    expect(drops.get('arp source_address')).toBe(1);
    expect(drops.get('arp source_mac')).toBe(1);
  });

  test('in neighbour discovery', () => {
    expect(bare.neighbours).toMatch(/^2001:db8:1::66 /m);
    expect(guarded.neighbours).not.toMatch(/^2001:db8:1::66 /m);
  });
});

describe('what all share', () => {
  test('the neighbour table: link-local sources and destinations without end', () => {
    expect(bare.neighbourCount).toBeGreaterThan(2 * floodSize);
    expect(guarded.neighbourCount).toBeLessThan(20);
    expect(drops.get('inet link_local')).toBeGreaterThan(2 * floodSize - 40);
  });

  test('the memory for fragments', () => {
    expect(bare.fragmentQueues).toEqual({ ipv4: 20, ipv6: 20 });
    expect(guarded.fragmentQueues).toEqual({ ipv4: 0, ipv6: 0 });
    expect(drops.get('inet fragment')).toBe(40);
  });

  test("the processor: a machine's share of answers", () => {
    expect(bare.answers).toBe(echoes);
    expect(guarded.answers).toBeGreaterThanOrEqual(200);
    expect(guarded.answers + (drops.get('inet tenant_rate') ?? 0)).toBeGreaterThanOrEqual(echoes);
    expect(drops.get('inet tenant_rate')).toBeGreaterThan(0);
  });

  test("the host's table of connections", () => {
    expect(bare.connections).toBeGreaterThanOrEqual(100);
    expect(guarded.connections).toBeLessThan(20);
  });
});

test('a firewall that is reloaded has the whole guard back at once', () => {
  // A scan, once a minute, would have found one of them at the most.
  expect(Math.max(...absences), absences.join(', ')).toBeLessThan(15_000);
  for (const name of ['red1', 'red3', 'blue1']) expect(reloaded).toContain(`"${interfaceOf(name)}"`);
  expect(reloaded).toContain('10.1.0.1');
});

test('the host keeps the IPv6 default route that it has by router advertisement', () => {
  expect(acceptedRoute).toMatch(/default via fe80::99 dev ul proto ra/);
  expect(acceptedRoute).toMatch(/^2$/m);
});
