// An IPv6 underlay: what the kernel and nftables become, and what stays when the process, the kernel's objects or the underlay's family change.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredNexthop, DesiredState, DesiredVpn } from '../src/index.ts';
import { attachment, gre, redAndBlue, Scene, udp, vpn } from './scene.ts';

const own = parseIpAddress('2001:db8:ff::1');
const two = parseIpAddress('2001:db8:ff::2');
const three = parseIpAddress('2001:db8:ff::3');

function to(pe: string, label: number): DesiredNexthop {
  return { kind: 'remote', pe: parseIpAddress(pe), label: parseLabel(label), encapsulation: 'gre' };
}

function over6(...vpns: readonly DesiredVpn[]): DesiredState {
  return { underlay: { address: own, mtu: 1600, allowedPes: [parseIpPrefix('2001:db8:fe::/48')] }, vpns };
}

const red = (routes: Readonly<Record<string, readonly DesiredNexthop[]>>) =>
  vpn('red', 16001, { attachments: [attachment('v-red1', 1000, '10.1.0.1')], routes });

const twoPes = () => over6(red({ '10.1.0.2': [to(two, 1000)], '10.1.0.3': [to(three, 1000)] }));

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

const filters = () =>
  scene.kernel
    .objects({ object: 'filter', index: scene.index('hostpe-pes'), hook: 'egress' })
    .map(({ handle, match }) => [handle, match.kind === 'flower' ? match.tunnel : match]);

describe('over IPv6', () => {
  test('packets of both families go by a dummy that picks the PE into one GRE device', async () => {
    const report = await scene.apply(
      over6(
        red({ '10.1.0.2': [to(two, 1000)], '2001:db8::2': [to(two, 1000)], '10.1.0.3': [to(three, 1000)] }),
      ),
    );
    expect(report.failures).toEqual([]);
    expect(report.pending).toBe(0);
    expect(report.attachments.get('v-red1')).toMatchObject({ state: 'ready', mtu: 1600 - 48 });
    expect(scene.routes(16001)).toMatchObject({
      '10.1.0.2/32': 'hostpe-pes fe80::7065:0:1 1000',
      '2001:db8::2/128': 'hostpe-pes fe80::7065:0:1 1000',
      '10.1.0.3/32': 'hostpe-pes fe80::7065:0:2 1000',
    });
    const tunnel = (destination: string) => ({ source: own, destination, csum: false, keyless: true });
    expect(filters()).toEqual([
      [1, tunnel(two)],
      [2, tunnel(three)],
    ]);
    expect(scene.permanentNeighbours()).toMatchObject([
      { index: scene.index('hostpe-pes'), address: 'fe80::7065:0:1', linkLayerAddress: '02:01:00:00:00:01' },
      { index: scene.index('hostpe-pes'), address: 'fe80::7065:0:2', linkLayerAddress: '02:01:00:00:00:02' },
    ]);
    expect(scene.kernel.link('hostpe-gre')).toMatchObject({
      up: true,
      mtu: 1600 - 44,
      alias: 'hostpe underlay',
      info: { kind: 'ip6gre', external: true, local: '::' },
    });
    expect(scene.kernel.link('hostpe-pes')).toMatchObject({
      up: true,
      mtu: 1600 - 44,
      info: { kind: 'dummy' },
    });
    for (const name of ['hostpe-udp', 'hostpe-fou']) expect(scene.kernel.link(name)).toBeUndefined();
    expect(scene.kernel.objects({ object: 'fou' })).toEqual([]);
  });

  test('the guard knows the PEs, and gives packets to them our address', async () => {
    await scene.apply(twoPes());
    const elements = (set: string) => scene.nft.elements('inet hostpe', set);
    expect(elements('self_ipv6')).toEqual([own]);
    expect(elements('pes_ipv6')).toEqual([two, three]);
    expect(elements('sources_to_pes')).toEqual([`${two},${own}`, `${three},${own}`]);
    expect(elements('allowed_pes_ipv6')).toEqual(['2001:db8:fe::/48']);
    expect(elements('ipv6_tunnels')).toEqual(['47']);
    for (const set of ['self', 'pes', 'allowed_pes']) expect(elements(set)).toEqual([]);
    await scene.apply(over6(red({ '10.1.0.3': [to(three, 1000)] })));
    expect(elements('pes_ipv6')).toEqual([three]);
    expect(elements('sources_to_pes')).toEqual([`${three},${own}`]);
  });

  test('a second pass and a restart change nothing, whatever the order in which routes come', async () => {
    await scene.apply(twoPes());
    scene.takeLog();
    const again = over6(red({ '10.1.0.3': [to(three, 1000)], '10.1.0.2': [to(two, 1000)] }));
    const report = await scene.restart(again);
    expect(report.pending).toBe(0);
    expect(scene.takeLog()).toEqual([]);
    expect(scene.routes(16001)).toMatchObject({ '10.1.0.2/32': 'hostpe-pes fe80::7065:0:1 1000' });
  });

  test('a PE that is gone takes its filter and neighbour along, and its number goes to nobody else', async () => {
    await scene.apply(twoPes());
    await scene.apply(over6(red({ '10.1.0.3': [to(three, 1000)] })));
    expect(filters()).toHaveLength(1);
    await scene.apply(
      over6(red({ '10.1.0.3': [to(three, 1000)], '10.1.0.4': [to('2001:db8:ff::4', 1000)] })),
    );
    expect(filters().map(([handle]) => handle)).toEqual([2, 3]);
  });

  test('filters that were deleted while nobody looked: no nexthop leads to another PE than before', async () => {
    await scene.apply(twoPes());
    for (const object of scene.kernel.objects({
      object: 'filter',
      index: scene.index('hostpe-pes'),
      hook: 'egress',
    }))
      scene.kernel.apply({ op: 'delete', object });
    const report = await scene.restart(twoPes());
    expect(report.pending).toBe(0);
    // Not 1 and 2, which nexthops and neighbours lead to that nobody knows the PE of.
    expect(filters().map(([handle]) => handle)).toEqual([3, 4]);
    expect(scene.permanentNeighbours()).toHaveLength(2);
    expect(Object.values(scene.routes(16001)).filter((route) => route.startsWith('hostpe-pes'))).toEqual([
      'hostpe-pes fe80::7065:0:3 1000',
      'hostpe-pes fe80::7065:0:4 1000',
    ]);
  });

  test.each(['hostpe-pes', 'hostpe-gre'])(
    '%s is deleted by hand: all comes back under the same numbers',
    async (name) => {
      await scene.apply(twoPes());
      const before = scene.routes(16001);
      await scene.report(() => scene.kernel.apply({ op: 'delete', object: { object: 'link', name } }));
      expect(scene.routes(16001)).toEqual(before);
      expect(filters().map(([handle]) => handle)).toEqual([1, 2]);
      const [filter] = scene.kernel.objects({
        object: 'filter',
        index: scene.index('hostpe-pes'),
        hook: 'egress',
      });
      expect(filter?.match).toMatchObject({ redirect: scene.index('hostpe-gre') });
    },
  );

  test('MPLS in UDP and PEs of the other family are refused, each route with its reason', async () => {
    const nexthop = { ...to(two, 1000), encapsulation: 'udp' } as DesiredNexthop;
    const { failures } = await scene.apply(
      over6(red({ '10.1.0.2': [nexthop], '10.1.0.3': [gre('10.255.0.3', 1000)] })),
    );
    expect(failures.map(({ reason }) => reason).sort()).toEqual([
      'PE 10.255.0.3 cannot be reached over an IPv6 underlay',
      'PE 2001:db8:ff::2: Linux has no MPLS in UDP over IPv6 for many PEs',
    ]);
  });
});

test('over IPv4 an IPv6 PE is refused', async () => {
  const state: DesiredState = {
    underlay: { address: parseIpAddress('10.255.0.1'), mtu: 1600, allowedPes: [] },
    vpns: [red({ '10.1.0.2': [to(two, 1000)], '10.1.0.3': [udp('10.255.0.3', 1000)] })],
  };
  const { failures } = await scene.apply(state);
  expect(failures.map(({ reason }) => reason)).toEqual([`PE ${two} cannot be reached over an IPv4 underlay`]);
});

test('an underlay that changes its family: the devices of the other go, and back again', async () => {
  await scene.apply(redAndBlue());
  const over4 = scene.routes(16001);
  expect((await scene.restart(twoPes())).failures).toEqual([]);
  for (const name of ['hostpe-udp', 'hostpe-fou']) expect(scene.kernel.link(name)).toBeUndefined();
  expect(scene.nft.elements('inet hostpe', 'pes')).toEqual([]);
  expect(scene.routes(16001)).toMatchObject({ '10.1.0.2/32': 'hostpe-pes fe80::7065:0:1 1000' });
  expect((await scene.restart(redAndBlue())).failures).toEqual([]);
  expect(scene.kernel.link('hostpe-pes')).toBeUndefined();
  expect(scene.routes(16001)).toEqual(over4);
  expect(scene.nft.elements('inet hostpe', 'ipv6_tunnels')).toEqual([]);
});
