// What an empty kernel becomes.
import { parseIpPrefix } from '@hostpe/net';
import { sysctlKeys } from '@hostpe/rtnetlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { redAndBlue, Scene } from './scene.ts';

const foreign = parseIpPrefix('192.0.2.0/24');

let scene: Scene;
beforeEach(async () => {
  scene = new Scene();
  await scene.reconciler.start();
});
afterEach(async () => {
  await scene.close();
});

describe('from nothing', () => {
  test('two VPNs with the same prefixes and labels are in the kernel, each by its encapsulation', async () => {
    const report = await scene.apply(redAndBlue());
    expect(report.failures).toEqual([]);
    expect(report.pending).toBe(0);
    expect(Object.fromEntries(report.attachments)).toMatchObject({
      'v-red1': { state: 'ready' },
      'v-blue1': { state: 'ready' },
    });
    expect(scene.routes(16001)).toEqual({
      '0.0.0.0/0': 'unreachable',
      '10.1.0.1/32': 'v-red1',
      '10.1.0.2/32': 'hostpe-udp fe80::5efe:aff:2 1000',
      '::/0': 'unreachable',
      '2001:db8::1/128': 'v-red1',
      '2001:db8::2/128': 'hostpe-udp fe80::5efe:aff:2 1000',
    });
    expect(scene.routes(16002)).toEqual({
      '0.0.0.0/0': 'unreachable',
      '10.1.0.1/32': 'v-blue1',
      '10.1.0.2/32': 'hostpe-gre fe80::5efe:aff:2 1001',
      '::/0': 'unreachable',
    });
    expect(scene.kernel.objects({ object: 'route', family: 'mpls' })).toMatchObject([
      { label: 1000, via: '10.1.0.1', device: scene.index('v-red1'), protocol: 200 },
      { label: 1001, via: '10.1.0.1', device: scene.index('v-blue1'), protocol: 200 },
    ]);
    expect(scene.steered).toContain('v-red1');
  });

  test('IPv4 and IPv6 routes to one PE and label share a nexthop', async () => {
    await scene.apply(redAndBlue());
    expect(scene.kernel.objects({ object: 'nexthop' })).toHaveLength(4);
  });

  test('rules are never without `lookup local`, and it ends behind the VRF rule', async () => {
    await scene.apply(redAndBlue());
    const log = scene.takeLog();
    const added = log.findIndex((line) => line.includes('rule add') && line.includes('32765'));
    const deleted = log.findIndex((line) => line.includes('rule delete'));
    const vrf = log.findIndex((line) => line.includes('type vrf'));
    expect(added).toBeGreaterThanOrEqual(0);
    expect(deleted).toBeGreaterThan(added);
    expect(vrf).toBeGreaterThan(deleted);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const rules = scene.kernel.objects({ object: 'rule', family });
      const forAll = rules.filter(({ mark }) => mark === undefined);
      expect(forAll.map(({ priority }) => priority).slice(0, 2)).toEqual([1000, 32765]);
    }
  });

  test('sysctls of the host are set, each said once; ip_forward among them', async () => {
    await scene.apply(redAndBlue());
    for (const [key, value] of [
      [sysctlKeys.ipForward, true],
      [sysctlKeys.ipv6Forwarding('all'), true],
      [sysctlKeys.ipv4MultipathHashPolicy, 1],
      [sysctlKeys.ipv6MultipathHashPolicy, 1],
      [sysctlKeys.mplsPlatformLabels, 1048575],
      [sysctlKeys.vrfStrictMode, true],
      [sysctlKeys.nexthopCompatMode, false],
      [sysctlKeys.mplsInput('hostpe-gre'), true],
      [sysctlKeys.mplsInput('hostpe-fou'), true],
      [sysctlKeys.mplsInput('hostpe-udp'), false],
      [sysctlKeys.mplsInput('v-red1'), false],
    ] as const) {
      expect(await scene.kernel.sysctl.get(key), key.path).toBe(value);
    }
    expect(scene.said.filter((message) => message.includes('routes for the machines'))).toHaveLength(2);
  });

  test('the guard is there before the first device, with every source', async () => {
    let linksAtFirstRuleset: number | undefined;
    const apply = scene.nft.apply.bind(scene.nft);
    scene.nft.apply = async (ruleset) => {
      linksAtFirstRuleset ??= scene.kernel.objects({ object: 'link' }).length;
      await apply(ruleset);
    };
    await scene.apply(redAndBlue());
    expect(linksAtFirstRuleset).toBe(5);
    expect(scene.nft.elements('inet hostpe', 'vrfs')).toEqual(['blue', 'red']);
    expect(scene.nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
    expect(scene.nft.elements('inet hostpe', 'self')).toEqual(['10.255.0.1']);
    expect(scene.nft.elements('inet hostpe', 'sources_ipv4')).toEqual([
      'v-blue1 . 10.1.0.1',
      'v-red1 . 10.1.0.1',
    ]);
    expect(scene.nft.elements('inet hostpe', 'sources_ipv6')).toEqual(['v-red1 . 2001:db8::1']);
    expect(scene.nft.elements('arp hostpe', 'sources')).toEqual(['v-blue1 . 10.1.0.1', 'v-red1 . 10.1.0.1']);
  });

  test('an interface is enslaved while it is down, and gets its addresses after', async () => {
    await scene.apply(redAndBlue());
    const at = scene.index('v-red1');
    const log = scene.kernel.log.filter(({ object }) => 'index' in object && object.index === at);
    const facts = log.map(({ object }) =>
      object.object === 'link'
        ? Object.keys(object).filter((key) => !['object', 'index'].includes(key))
        : object.object,
    );
    expect(facts.flat()).toEqual(['address', 'up', 'master', 'up', 'address', 'address']);
    expect(scene.kernel.link('v-red1')).toMatchObject({
      up: true,
      address: '00:00:5e:00:01:01',
      master: scene.index('red'),
    });
    const addresses = scene.kernel
      .objects({ object: 'address' })
      .filter(({ index }) => index === scene.index('v-red1'));
    expect(addresses.map(({ address }) => address)).toEqual(
      expect.arrayContaining(['169.254.1.1', 'fe80::1']),
    );
  });

  test('leftovers of an earlier VRF of the same table are gone before the VRF is up', async () => {
    scene.kernel.apply({
      op: 'add',
      object: {
        object: 'route',
        family: 'ipv4',
        table: 16001,
        prefix: foreign,
        type: 'blackhole',
        protocol: 4,
      },
    });
    await scene.apply(redAndBlue());
    const routes = scene.kernel.objects({ object: 'route', family: 'ipv4', table: 16001 });
    expect(routes.map((route) => route.prefix)).not.toContain(foreign);
  });
});
