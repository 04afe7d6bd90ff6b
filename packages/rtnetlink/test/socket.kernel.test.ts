// Everything that a VPN needs goes into a real kernel and comes back the same: VRF, MPLS, GRE, foo-over-UDP, traffic control.
import { parseIpAddress, parseIpPrefix, parseLabel, parseMac } from '@hostpe/net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpFilter, KernelObject, Link, LinkInfo, Rtnetlink } from '../src/index.ts';
import { etherTypeMpls, ipProtocolMpls, openRtnetlink } from '../src/index.ts';
import { ScratchNamespace } from './scratch-namespace.ts';

const local = parseIpAddress('10.255.0.1');
const pe = parseIpAddress('fe80::5efe:aff:2');
const protocol = 200;
let namespace: ScratchNamespace;
let kernel: Rtnetlink;

const kinds: Readonly<Record<string, LinkInfo>> = {
  red: { kind: 'vrf', table: 1001 },
  udp: { kind: 'dummy' },
  gre: { kind: 'gre', local, ttl: 64 },
  'gre-p2p': { kind: 'gre', local, remote: parseIpAddress('10.255.0.3'), ttl: 9 },
  fou: {
    kind: 'ipip',
    mode: 'mplsip',
    local,
    ttl: 64,
    encap: { type: 'fou', sourcePort: 0, destinationPort: 6635, csum: false },
  },
  'fou-csum': {
    kind: 'ipip',
    mode: 'mplsip',
    local,
    remote: parseIpAddress('10.255.0.3'),
    ttl: 64,
    encap: { type: 'fou', sourcePort: 7, destinationPort: 6636, csum: true },
  },
  plain: { kind: 'ipip', mode: 'mplsip', local: parseIpAddress('10.255.0.9'), ttl: 1 },
};

beforeAll(async () => {
  namespace = new ScratchNamespace();
  namespace.exec('sysctl', '-qw', 'net.mpls.platform_labels=1048575', 'net.ipv4.nexthop_compat_mode=0');
  kernel = await openRtnetlink({ namespace: namespace.name });
  const links = Object.entries(kinds).map(
    ([name, info]) => ({ object: 'link', name, up: true, info }) as const,
  );
  await agreed(...links);
});

afterAll(async () => {
  await kernel.close();
  namespace.remove();
});

async function agreed(...objects: KernelObject[]): Promise<void> {
  const verdicts = await kernel.execute(objects.map((object) => ({ op: 'add', object })));
  expect(verdicts.filter((error) => error !== undefined)).toEqual([]);
}

async function link(name: string): Promise<Link> {
  const found = (await kernel.dump({ object: 'link' })).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no device ${name}`);
  return found;
}

async function indexOf(name: string): Promise<number> {
  return (await link(name)).index ?? 0;
}

/** Adds the object, finds it in the dump as it was, deletes it, and finds it no more. */
async function comesAndGoes(object: KernelObject, filter: DumpFilter): Promise<void> {
  await agreed(object);
  expect(await kernel.dump(filter)).toContainEqual(object);
  expect(await kernel.execute([{ op: 'delete', object }])).toEqual([undefined]);
  expect(await kernel.dump(filter)).not.toContainEqual(object);
}

describe('devices', () => {
  test.each(Object.entries(kinds))('%s', async (name, info) => {
    expect(await link(name)).toMatchObject({ name, up: true, info });
  });

  test('the first VRF brings its rule', async () => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      expect(await kernel.dump({ object: 'rule', family })).toContainEqual({
        object: 'rule',
        family,
        priority: 1000,
        table: 0,
        l3mdev: true,
      });
    }
  });
});

test('neighbours of a multipoint GRE device have an IP address for link-layer address', async () => {
  const index = await indexOf('gre');
  for (const address of [pe, parseIpAddress('10.255.0.2')]) {
    const linkLayerAddress = parseIpAddress('10.255.0.2');
    await comesAndGoes(
      { object: 'neighbour', index, address, linkLayerAddress, state: 'permanent' },
      { object: 'neighbour', index },
    );
  }
});

test('nexthops with labels carry routes of both families', async () => {
  const nexthop = {
    object: 'nexthop',
    id: 0x68700001,
    family: 'ipv6',
    protocol,
    device: await indexOf('gre'),
    gateway: pe,
    onlink: true,
    encapLabels: [parseLabel(1002), parseLabel(1048574)],
  } as const;
  await agreed(nexthop);
  expect(await kernel.dump({ object: 'nexthop' })).toContainEqual(nexthop);
  for (const [family, text, metric] of [
    ['ipv4', '10.1.0.2', {}] as const,
    ['ipv6', '2001:db8::2', { metric: 1024 }] as const,
  ]) {
    const filter = { object: 'route', family, table: 1001, protocol } as const;
    await comesAndGoes({ ...filter, prefix: parseIpPrefix(text), nexthopId: nexthop.id, ...metric }, filter);
  }
  await comesAndGoes(
    { object: 'nexthop', id: 0x68700002, protocol, group: [{ id: nexthop.id, weight: 7 }] },
    { object: 'nexthop' },
  );
});

test('label routes lead into a VRF, to an address, to a MAC address, and on', async () => {
  const common = { object: 'route', family: 'mpls', protocol, label: parseLabel(1002) } as const;
  const device = await indexOf('udp');
  const filter = { object: 'route', family: 'mpls', protocol } as const;
  await comesAndGoes({ ...common, device: await indexOf('red') }, filter);
  await comesAndGoes({ ...common, device, via: parseIpAddress('10.1.0.2') }, filter);
  await comesAndGoes({ ...common, device, via: parseIpAddress('fe80::2') }, filter);
  await comesAndGoes({ ...common, device, via: parseMac('02:00:00:00:00:02') }, filter);
  await comesAndGoes({ ...common, device, via: pe, newLabels: [parseLabel(16), parseLabel(17)] }, filter);
});

test('filters send to a tunnel', async () => {
  const index = await indexOf('udp');
  const redirect = await indexOf('fou');
  await agreed({ object: 'qdisc', index, kind: 'clsact' });
  expect(await kernel.dump({ object: 'qdisc', index })).toContainEqual({
    object: 'qdisc',
    index,
    kind: 'clsact',
  });
  for (const csum of [false, true]) {
    for (const hook of ['ingress', 'egress'] as const) {
      await comesAndGoes(
        {
          object: 'filter',
          index,
          hook,
          priority: 10,
          protocol: etherTypeMpls,
          handle: 7,
          match: {
            kind: 'flower',
            destinationMac: parseMac('02:00:0a:ff:00:02'),
            tunnel: { source: local, destination: parseIpAddress('10.255.0.2'), csum },
            redirect,
          },
        },
        { object: 'filter', index, hook },
      );
    }
  }
});

test('foo-over-UDP ports', async () => {
  const filter = { object: 'fou' } as const;
  await comesAndGoes({ object: 'fou', family: 'ipv4', port: 6635, protocol: ipProtocolMpls }, filter);
  await agreed({ object: 'fou', family: 'ipv4', port: 6636, protocol: ipProtocolMpls });
  expect(
    await kernel.execute([
      { op: 'add', object: { object: 'fou', family: 'ipv4', port: 6636, protocol: ipProtocolMpls } },
      { op: 'delete', object: { object: 'nexthop', id: 999 } },
      { op: 'delete', object: { object: 'fou', family: 'ipv4', port: 6636, protocol: ipProtocolMpls } },
    ]),
  ).toEqual([
    expect.objectContaining({ errno: 'EADDRINUSE', message: 'fou add port 6636 ipproto 137: EADDRINUSE' }),
    expect.objectContaining({ errno: 'ENOENT' }),
    undefined,
  ]);
});
