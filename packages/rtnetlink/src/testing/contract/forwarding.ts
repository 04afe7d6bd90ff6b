// What the reconciler expects of rules, traffic control, foo-over-UDP ports and sysctls.
import { expect } from 'vitest';
import type { Filter, FouPort, Netconf, Qdisc, Rule } from '../../objects.ts';
import { sysctlKeys } from '../../sysctl-keys.ts';
import type { Case } from './scene.ts';
import { ip, mac, prefix } from './scene.ts';

const families = ['ipv4', 'ipv6'] as const;

/** To run before all others: it needs a namespace that never had a VRF, which cleaning cannot bring back. */
export function firstVrfCase(test: Case): void {
  test(
    'the first VRF brings the rule that looks up in VRFs, for both families and once',
    ['vrf'],
    async (scene) => {
      const ear = await scene.listen('rule');
      const red = await scene.vrf('red', 1001);
      expect((await ear.told()).sort()).toEqual(['new rule ipv4 1000', 'new rule ipv6 1000']);
      const rule = (family: Rule['family']): Rule => ({
        object: 'rule',
        family,
        priority: 1000,
        table: 0,
        l3mdev: true,
      });
      for (const family of families) {
        expect(await scene.rtnetlink.dump({ object: 'rule', family })).toContainEqual(rule(family));
        await scene.delete(rule(family));
      }
      await scene.delete({ object: 'link', index: red });
      await scene.vrf('red', 1001);
      for (const family of families) {
        expect(await scene.rtnetlink.dump({ object: 'rule', family })).not.toContainEqual(rule(family));
      }
    },
  );
}

export function forwardingCases(test: Case): void {
  test('a rule is added once and deleted once, and moves behind the others', [], async (scene) => {
    for (const family of families) {
      const behind: Rule = { object: 'rule', family, priority: 32765, table: 255 };
      const first = { ...behind, priority: 0 };
      expect(await scene.rtnetlink.dump({ object: 'rule', family })).toContainEqual(first);
      await scene.add(behind);
      expect(await scene.refused('add', behind)).toBe('EEXIST');
      await scene.delete(first);
      expect(await scene.refused('delete', first)).toBe('ENOENT');
      await scene.add({ ...behind, table: 77 });
      expect(await scene.refused('delete', { ...behind, table: 78 })).toBe('ENOENT');
      const rules = await scene.rtnetlink.dump({ object: 'rule', family });
      expect(rules.map(({ priority, table }) => [priority, table]).slice(0, 3)).toEqual([
        [32765, 255],
        [32765, 77],
        [32766, 254],
      ]);
    }
  });

  test('a rule selects and acts; rules that differ in one fact are two', [], async (scene) => {
    for (const family of families) {
      const address = family === 'ipv4' ? prefix('10.0.0.0/8') : prefix('2001:db8::/32');
      const rule = { object: 'rule', family, priority: 77, table: 77 } as const;
      const bare = { ...rule, table: 0 };
      const facts: readonly Partial<Rule>[] = [
        {},
        { source: address },
        { destination: address },
        { inputDevice: 'v0' },
        { outputDevice: 'v0' },
        { mark: { value: 5, mask: 7 } },
        { ipProtocol: 6 },
        { suppressPrefixLength: 0 },
      ];
      const rules: readonly Rule[] = [
        ...facts.map((fact) => ({ ...rule, ...fact })),
        { ...bare, action: 'blackhole' },
        { ...bare, action: 'unreachable' },
        { ...bare, action: 'prohibit' },
        { ...bare, action: 'nop' },
        { ...bare, action: 'goto', target: 78 },
      ];
      await scene.add(...rules);
      const dump = async () =>
        (await scene.rtnetlink.dump({ object: 'rule', family })).filter(({ priority }) => priority === 77);
      expect(await dump()).toEqual(rules);
      for (const one of rules) expect(await scene.refused('add', one)).toBe('EEXIST');
      for (const one of rules.toReversed()) await scene.delete(one);
      expect(await dump()).toEqual([]);
      const backwards: Rule = { ...bare, action: 'goto', target: 76 };
      expect(await scene.refused('add', backwards)).toBe('EINVAL');
    }
  });

  test(
    'a rule is not replaced but added again; a delete takes the first that has what it says',
    [],
    async (scene) => {
      const rule: Rule = { object: 'rule', family: 'ipv4', priority: 77, table: 77 };
      const dump = async () =>
        (await scene.rtnetlink.dump({ object: 'rule', family: 'ipv4' })).filter(
          ({ priority }) => priority === 77,
        );
      await scene.replace(rule);
      await scene.replace(rule);
      expect(await dump()).toEqual([rule, rule]);
      await scene.delete(rule);
      await scene.delete(rule);
      const marked: Rule = { ...rule, mark: { value: 5, mask: 7 } };
      await scene.add(marked, rule);
      await scene.delete(rule);
      expect(await dump()).toEqual([rule]);
      expect(await scene.refused('delete', marked)).toBe('ENOENT');
    },
  );

  test('clsact is added once and deleted once', ['clsact'], async (scene) => {
    const index = await scene.pair('v0');
    const qdisc: Qdisc = { object: 'qdisc', index, kind: 'clsact' };
    await scene.add(qdisc);
    expect(await scene.rtnetlink.dump({ object: 'qdisc', index })).toContainEqual(qdisc);
    expect(await scene.refused('add', qdisc)).toBe('EEXIST');
    await scene.replace(qdisc);
    expect(await scene.rtnetlink.dump({ object: 'filter', index, hook: 'egress' })).toEqual([]);
    await scene.delete(qdisc);
    expect(await scene.rtnetlink.dump({ object: 'qdisc', index })).not.toContainEqual(qdisc);
    expect((await scene.refusal('delete', qdisc)).code).toBe('kernel');
    expect(await scene.refused('add', { ...qdisc, index: 9999 })).toBe('ENODEV');
  });

  test('clsact is added once; it brings its filters down with it', ['clsact', 'flower'], async (scene) => {
    const index = await scene.pair('v0');
    const redirect = await scene.pair('v1');
    const qdisc: Qdisc = { object: 'qdisc', index, kind: 'clsact' };
    const filter = toPe(index, redirect);
    expect(await scene.refused('add', filter)).toBe('EINVAL');
    await scene.add(qdisc);
    expect(await scene.rtnetlink.dump({ object: 'qdisc', index })).toContainEqual(qdisc);
    expect(await scene.refused('add', qdisc)).toBe('EEXIST');
    await scene.add(filter);
    await scene.delete(qdisc);
    expect(await scene.rtnetlink.dump({ object: 'qdisc', index })).not.toContainEqual(qdisc);
    expect(await scene.rtnetlink.dump({ object: 'filter', index, hook: 'egress' })).toEqual([]);
    await scene.refusal('delete', qdisc);
  });

  test('a filter is added once, replaced at will and deleted once', ['clsact', 'flower'], async (scene) => {
    const index = await scene.pair('v0');
    const redirect = await scene.pair('v1');
    const filter = toPe(index, redirect);
    await scene.add({ object: 'qdisc', index, kind: 'clsact' }, filter);
    const dump = () => scene.rtnetlink.dump({ object: 'filter', index, hook: 'egress' });
    expect(await dump()).toEqual([filter]);
    expect(await scene.rtnetlink.dump({ object: 'filter', index, hook: 'ingress' })).toEqual([]);
    expect(await scene.refused('add', filter)).toBe('EEXIST');
    expect(await scene.refused('add', { ...filter, handle: 2 })).toBe('EEXIST');
    const moved = toPe(index, redirect, '10.255.0.3');
    await scene.replace(moved);
    expect(await dump()).toEqual([moved]);
    const second: Filter = { ...toPe(index, redirect, '10.255.0.4', '02:00:0a:ff:00:04'), handle: 2 };
    await scene.add(second);
    await scene.delete(filter);
    expect(await dump()).toEqual([second]);
    expect(await scene.refused('delete', filter)).toBe('ENOENT');
    expect(await scene.refused('delete', { ...second, priority: 11 })).toBe('ENOENT');
    await scene.delete({ object: 'link', index: redirect });
    expect(await dump()).toEqual([{ ...second, match: { ...second.match, redirect: 0 } }]);
  });

  test('a foo-over-UDP port is opened once and closed once', ['fou'], async (scene) => {
    const port: FouPort = { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 };
    await scene.add(port);
    expect(await scene.rtnetlink.dump({ object: 'fou' })).toEqual([port]);
    expect(await scene.refused('add', port)).toBe('EADDRINUSE');
    await scene.delete(port);
    expect(await scene.rtnetlink.dump({ object: 'fou' })).toEqual([]);
    expect(await scene.refused('delete', port)).toBe('EINVAL');
  });

  test('forwarding of the host is that of its devices, and netconf tells it', [], async (scene) => {
    const index = await scene.pair('v0');
    await scene.sysctl.set(sysctlKeys.rpFilter('v0'), 2);
    const netconf = async (family: 'ipv4' | 'ipv6', of: Netconf['index']) =>
      (await scene.rtnetlink.dump({ object: 'netconf', family })).find((told) => told.index === of);
    const facts = { object: 'netconf', ignoreRoutesWithLinkdown: false } as const;
    const expected = (forwarding: boolean): readonly Netconf[] => [
      { ...facts, family: 'ipv4', index, forwarding, rpFilter: 2 },
      { ...facts, family: 'ipv6', index, forwarding },
    ];
    // A new namespace may have it from the host.
    for (const forwarding of [true, false, true]) {
      const ear = await scene.listen('netconf');
      await scene.sysctl.set(sysctlKeys.ipForward, forwarding);
      await scene.sysctl.set(sysctlKeys.ipv6Forwarding('all'), forwarding);
      expect(await scene.sysctl.get(sysctlKeys.ipv4Forwarding('v0'))).toBe(forwarding);
      expect(await scene.sysctl.get(sysctlKeys.ipv6Forwarding('v0'))).toBe(forwarding);
      for (const told of expected(forwarding)) expect(await netconf(ipFamily(told), index)).toEqual(told);
      for (const of of ['all', 'default'] as const) {
        expect(await netconf('ipv4', of)).toMatchObject({ forwarding });
        expect(await netconf('ipv6', of)).toMatchObject({ forwarding });
      }
      // At `true` it may have been so before.
      const told = (await ear.everything()).map(({ object }) => object);
      if (forwarding) continue;
      const changed = { object: 'netconf', forwarding } as const;
      expect(told).toContainEqual({ ...changed, family: 'ipv4', index });
      expect(told).toContainEqual({ ...changed, family: 'ipv4', index: 'all' });
      expect(told).toContainEqual({ ...changed, family: 'ipv6', index });
      expect(told).toContainEqual({ ...changed, family: 'ipv6', index: 'all' });
    }
  });

  test('netconf tells which devices take labels', ['mpls'], async (scene) => {
    const index = await scene.pair('v0');
    const input = async () =>
      (await scene.rtnetlink.dump({ object: 'netconf', family: 'mpls' })).find(
        (told) => told.index === index,
      );
    expect(await input()).toEqual({ object: 'netconf', family: 'mpls', index, input: false });
    await scene.sysctl.set(sysctlKeys.mplsInput('v0'), true);
    expect(await input()).toEqual({ object: 'netconf', family: 'mpls', index, input: true });
  });

  test('sysctls of a device come and go with it, and start closed to labels', ['mpls'], async (scene) => {
    const input = sysctlKeys.mplsInput('v.100');
    expect(await scene.sysctl.get(input)).toBeUndefined();
    await expect(scene.sysctl.set(input, true)).rejects.toThrow('net/mpls/conf/v.100/input');
    await scene.pair('v.100');
    expect(await scene.sysctl.get(input)).toBe(false);
    await scene.sysctl.set(input, true);
    await scene.set({ name: 'v.100', up: false });
    await scene.set({ name: 'v.100', up: true });
    expect(await scene.sysctl.get(input)).toBe(true);
    await scene.delete({ object: 'link', name: 'v.100' });
    expect(await scene.sysctl.get(input)).toBeUndefined();
    await scene.pair('v.100');
    expect(await scene.sysctl.get(input)).toBe(false);
    await scene.sysctl.set(sysctlKeys.ipForward, true);
    await scene.sysctl.set(sysctlKeys.ipv6Forwarding('all'), true);
    for (const forwarding of [sysctlKeys.ipv4Forwarding, sysctlKeys.ipv6Forwarding])
      expect(await scene.sysctl.get(forwarding('v.100'))).toBe(true);
  });
}

function ipFamily({ family }: Netconf): 'ipv4' | 'ipv6' {
  return family === 'ipv4' ? 'ipv4' : 'ipv6';
}

function toPe(index: number, redirect: number, pe = '10.255.0.2', destination = '02:00:0a:ff:00:02'): Filter {
  return {
    object: 'filter',
    index,
    hook: 'egress',
    priority: 10,
    protocol: 0x8847,
    handle: 1,
    match: {
      kind: 'flower',
      destinationMac: mac(destination),
      tunnel: { source: ip('10.255.0.1'), destination: ip(pe), csum: false },
      redirect,
    },
  };
}
