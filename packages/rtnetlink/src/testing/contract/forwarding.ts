// What the reconciler expects of rules, traffic control, foo-over-UDP ports and sysctls.
import { expect } from 'vitest';
import type { Filter, FouPort, Qdisc, Rule } from '../../objects.ts';
import type { Case } from './scene.ts';
import { ip, mac } from './scene.ts';

const families = ['ipv4', 'ipv6'] as const;

/** To run before all others: it needs a namespace that never had a VRF, which cleaning cannot bring back. */
export function firstVrfCase(test: Case): void {
  test('the first VRF brings the rule that looks up in VRFs, for both families and once', async (scene) => {
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
  });
}

export function forwardingCases(test: Case): void {
  test('a rule is added once and deleted once, and moves behind the others', async (scene) => {
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

  test('clsact is added once; it brings its filters down with it', async (scene) => {
    const index = await scene.dummy('d0');
    const redirect = await scene.dummy('d1');
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

  test('a filter is added once, replaced at will and deleted once', async (scene) => {
    const index = await scene.dummy('d0');
    const redirect = await scene.dummy('d1');
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

  test('a foo-over-UDP port is opened once and closed once', async (scene) => {
    const port: FouPort = { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 };
    await scene.add(port);
    expect(await scene.rtnetlink.dump({ object: 'fou' })).toEqual([port]);
    expect(await scene.refused('add', port)).toBe('EADDRINUSE');
    await scene.delete(port);
    expect(await scene.rtnetlink.dump({ object: 'fou' })).toEqual([]);
    expect(await scene.refused('delete', port)).toBe('EINVAL');
  });

  test('sysctls of a device come and go with it, and start closed to labels', async (scene) => {
    const path = 'net/mpls/conf/v.100/input';
    expect(await scene.sysctl.read(path)).toBeUndefined();
    await expect(scene.sysctl.write(path, '1')).rejects.toThrow(path);
    await scene.dummy('v.100');
    expect(await scene.sysctl.read(path)).toBe('0');
    await scene.sysctl.write(path, '1');
    await scene.set({ name: 'v.100', up: false });
    await scene.set({ name: 'v.100', up: true });
    expect(await scene.sysctl.read(path)).toBe('1');
    await scene.delete({ object: 'link', name: 'v.100' });
    expect(await scene.sysctl.read(path)).toBeUndefined();
    await scene.dummy('v.100');
    expect(await scene.sysctl.read(path)).toBe('0');
    await scene.sysctl.write('net/ipv4/ip_forward', '1');
    await scene.sysctl.write('net/ipv6/conf/all/forwarding', '1');
    for (const family of families)
      expect(await scene.sysctl.read(`net/${family}/conf/v.100/forwarding`)).toBe('1');
  });
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
