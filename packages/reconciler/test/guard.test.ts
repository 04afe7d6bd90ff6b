import type { IpAddress } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseMac } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DesiredState } from '../src/desired.ts';
import {
  guardAdditions,
  guardRebuild,
  guardRemovals,
  guardSetsOf,
  guardShape,
  guardUnion,
  readGuard,
} from '../src/guard.ts';
import { readDrops } from '../src/guard-drops.ts';
import type { Json } from '../src/guard-expressions.ts';
import { canonicalTable, guardObjects } from '../src/guard-ruleset.ts';
import { guardShapes, guardTables } from '../src/guard-tables.ts';
import { FakeNft } from '../src/testing/index.ts';
import { attachment, desired, ownPe, redAndBlue, vpn } from './scene.ts';

async function read(nft: FakeNft) {
  return readGuard([await nft.list('inet hostpe'), await nft.list('arp hostpe')]);
}

describe('sets', () => {
  test('our own address and IPv6 PEs are in no set of PEs', () => {
    const sets = guardSetsOf(desired(), [ownPe, parseIpAddress('fd00::1'), parseIpAddress('10.255.0.2')]);
    expect([...(sets.get('inet pes')?.values() ?? [])]).toEqual(['10.255.0.2']);
  });

  test('prefixes inside others are left out: nft takes no overlap', () => {
    const state: DesiredState = {
      ...desired(),
      underlay: {
        address: ownPe,
        mtu: 1500,
        allowedPes: ['10.255.0.0/24', '10.255.0.7', '10.0.0.0/8', '192.0.2.1'].map(parseIpPrefix),
      },
    };
    expect([...(guardSetsOf(state, []).get('inet allowed_pes')?.values() ?? [])]).toEqual([
      { prefix: { addr: '10.0.0.0', len: 8 } },
      '192.0.2.1',
    ]);
  });

  test('a MAC address is checked where it is given, in IP and in ARP', () => {
    const checked = { ...attachment('v-red1', 1000, '10.1.0.1'), mac: parseMac('52:54:00:00:00:01') };
    const sets = guardSetsOf(
      desired(vpn('red', 16001, { attachments: [checked, attachment('v-red2', 1001)] })),
      [],
    );
    for (const table of guardTables) {
      expect([...(sets.get(`${table} mac_checked`)?.values() ?? [])]).toEqual(['v-red1']);
      expect([...(sets.get(`${table} macs`)?.values() ?? [])]).toEqual([
        { concat: ['v-red1', '52:54:00:00:00:01'] },
      ]);
      expect([...(sets.get(`${table} attachments`)?.values() ?? [])]).toEqual(['v-red1', 'v-red2']);
    }
  });
});

describe('shape', () => {
  const table = guardObjects('inet');

  test('of the forward chain as nft 1.0.6 lists it: tenants outside of their VRF, and VRFs that lead elsewhere', () => {
    const at = { family: 'inet', table: 'hostpe' };
    const chain = { ...at, chain: 'forward' };
    const iifname = { meta: { key: 'iifname' } };
    const oifname = { meta: { key: 'oifname' } };
    expect(table.filter((object) => /"(name|chain)":"forward"/.test(JSON.stringify(object)))).toEqual([
      { chain: { ...at, name: 'forward', type: 'filter', hook: 'forward', prio: -10, policy: 'accept' } },
      {
        rule: {
          ...chain,
          expr: [
            { match: { op: '==', left: iifname, right: '@attachments' } },
            { counter: 'outside_vrf' },
            { drop: null },
          ],
        },
      },
      {
        rule: {
          ...chain,
          expr: [
            { match: { op: '==', left: iifname, right: '@vrfs' } },
            {
              match: { op: '!=', left: oifname, right: { set: ['hostpe-gre', 'hostpe-pes', 'hostpe-udp'] } },
            },
            { match: { op: '!=', left: oifname, right: '@attachments' } },
            { match: { op: '!=', left: oifname, right: '@vrfs' } },
            { counter: 'left_vpn' },
            { drop: null },
          ],
        },
      },
    ]);
  });

  test('does not depend on handles, counts, elements, the order of objects, or names of protocols', () => {
    const listed = JSON.stringify(table)
      .replaceAll('[47,137]', '["gre","mpls-in-ip"]')
      .replaceAll('"right":137', '"right":"mpls-in-ip"');
    expect(listed.match(/"mpls-in-ip"/g)).toHaveLength(2);
    const renamed = JSON.parse(listed) as Json[];
    const counted = renamed.map((object, at): Json => {
      const [[kind, body] = ['', {}]] = Object.entries(object as Record<string, Record<string, Json>>);
      return { [kind]: { ...body, handle: at, ...(kind === 'counter' ? { packets: 5, bytes: 500 } : {}) } };
    });
    const sets = counted.filter((object) => 'set' in (object as object));
    const others = counted.filter((object) => !('set' in (object as object)));
    expect(canonicalTable([{ metainfo: {} }, { table: { name: 'hostpe' } }, ...others, ...sets])).toBe(
      canonicalTable(table),
    );
  });

  test('names no protocol: nft looks names up in /etc/protocols, which a minimal host does not have', () => {
    expect(JSON.stringify(table)).not.toMatch(/"(gre|mpls-in-ip)"/);
  });

  test('depends on every rule and on their order', () => {
    const rules = table.filter((object) => 'rule' in (object as object));
    for (const rule of rules)
      expect(canonicalTable(table.filter((object) => object !== rule))).not.toBe(canonicalTable(table));
    const swapped = [...table];
    const [last, former] = [swapped.pop(), swapped.pop()] as [Json, Json];
    expect(canonicalTable([...swapped, last, former])).not.toBe(canonicalTable(table));
  });

  test('of what was built is recognised; a table that is missing is not', async () => {
    const nft = new FakeNft();
    expect(await read(nft)).toBeUndefined();
    await nft.apply(guardRebuild(guardSetsOf(redAndBlue(), []), undefined));
    expect((await read(nft))?.shape).toBe(guardShape());
    await nft.apply({ nftables: [{ delete: { table: { family: 'arp', name: 'hostpe' } } }] });
    expect(await read(nft)).toBeUndefined();
  });
});

describe('what was dropped', () => {
  test('is told by table and reason', async () => {
    const nft = new FakeNft();
    expect(await readDrops(nft)).toEqual([]);
    await nft.apply(guardRebuild(guardSetsOf(redAndBlue(), []), undefined));
    const drops = await readDrops(nft);
    expect(drops).toContainEqual({ table: 'inet hostpe', reason: 'unknown_pe', packets: 0, bytes: 0 });
    expect(drops).toContainEqual({ table: 'arp hostpe', reason: 'source_address', packets: 0, bytes: 0 });
  });

  test('is counted on when the tables are made anew', async () => {
    const nft = new FakeNft();
    const sets = guardSetsOf(redAndBlue(), []);
    const counts = new Map([['inet', new Map([['source_ipv4', { packets: 7, bytes: 700 }]])]] as const);
    await nft.apply(guardRebuild(sets, { shape: 'of another version', sets, counts }));
    expect(await readDrops(nft)).toContainEqual({
      table: 'inet hostpe',
      reason: 'source_ipv4',
      packets: 7,
      bytes: 700,
    });
    expect((await read(nft))?.shape).toBe(guardShape());
  });

  test('has a counter for each rule that drops', () => {
    for (const table of guardTables) {
      const objects = JSON.stringify(guardObjects(table));
      const used = [...objects.matchAll(/\{"counter":"(\w+)"\},\{"drop":null\}/g)].map(([, name]) => name);
      expect(objects.match(/"drop":null/g)).toHaveLength(used.length);
      expect(new Set(used)).toEqual(new Set(guardShapes[table].counters));
    }
  });
});

test('what packets put into sets is not ours to take out', async () => {
  const nft = new FakeNft();
  const sets = guardSetsOf(redAndBlue(), []);
  await nft.apply(guardRebuild(sets, undefined));
  const elem = ['v-red1'];
  await nft.apply({
    nftables: [{ add: { element: { family: 'inet', table: 'hostpe', name: 'answer_rates', elem } } }],
  });
  expect(guardRemovals(sets, (await read(nft))?.sets ?? new Map())).toBeUndefined();
});

describe('transactions', () => {
  const pes = fc.subarray(['10.255.0.2', '10.255.0.3', '10.255.0.4', '192.0.2.1'].map(parseIpAddress));
  const allowed = fc.subarray(
    ['10.0.0.0/8', '10.255.0.0/24', '10.255.0.128/25', '192.0.2.1'].map(parseIpPrefix),
  );
  const interfaces = fc.subarray(['v-a', 'v-b', 'v-c']);
  const scene = fc.record({ pes, allowed, interfaces });

  function target(one: {
    pes: IpAddress[];
    allowed: ReturnType<typeof parseIpPrefix>[];
    interfaces: string[];
  }) {
    const attachments = one.interfaces.map((name, at) =>
      attachment(name, 1000 + at, `10.1.0.${at}`, `2001:db8::${at}`),
    );
    const state = desired(vpn('red', 16001, { attachments }));
    return guardSetsOf({ ...state, underlay: { ...state.underlay, allowedPes: one.allowed } }, one.pes);
  }

  test('from any sets to any others: all of both while it lasts, the new alone in the end', async () => {
    await fc.assert(
      fc.asyncProperty(scene, scene, async (before, after) => {
        const nft = new FakeNft();
        await nft.apply(guardRebuild(target(before), undefined));
        const wanted = target(after);
        const actual = (await read(nft))?.sets ?? new Map();
        const additions = guardAdditions(wanted, actual);
        if (additions !== undefined) await nft.apply(additions);
        const union = guardUnion(wanted, actual);
        expect((await read(nft))?.sets).toEqual(union);
        for (const pe of [...before.pes, ...after.pes])
          expect(nft.elements('inet hostpe', 'pes')).toContain(pe);
        const removals = guardRemovals(wanted, union);
        if (removals !== undefined) await nft.apply(removals);
        expect((await read(nft))?.sets).toEqual(wanted);
        expect(guardAdditions(wanted, wanted)).toBeUndefined();
        expect(guardRemovals(wanted, wanted)).toBeUndefined();
      }),
    );
  });

  test('a rebuild keeps the elements that may still be needed', async () => {
    const nft = new FakeNft();
    const old = guardSetsOf(redAndBlue(), [parseIpAddress('10.255.0.2')]);
    await nft.apply(
      guardRebuild(guardSetsOf(desired(), []), { shape: 'another', sets: old, counts: new Map() }),
    );
    expect(nft.elements('inet hostpe', 'attachments')).toEqual(['v-blue1', 'v-red1']);
    expect(nft.elements('inet hostpe', 'pes')).toEqual(['10.255.0.2']);
  });
});
