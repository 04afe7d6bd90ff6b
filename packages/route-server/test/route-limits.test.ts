// The most routes that a VPN may have and a forwarder may publish: what is beyond waits, or is refused, and comes as soon as there is room.
import type { IpPrefix } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newAdjRibIn, RibPath } from '../src/adj-rib-in.ts';
import { RouteLimits } from '../src/route-limit.ts';
import { VpnTables } from '../src/vpn-tables.ts';
import { routeServer } from './bgp-scene.ts';
import { ofH1, publish } from './routes.ts';
import { prefixes, route } from './values.ts';

const many = prefixes(...Array.from({ length: 12 }, (_, at) => `10.1.0.${at}/32`));

describe('a VPN', () => {
  test('has as many prefixes as it may, of all that there are, and fills up again (property)', () => {
    const { current } = newAdjRibIn('h1', 'red');
    const pathTo = (prefix: IpPrefix) =>
      new RibPath(current, route({ prefix, nexthop: '10.255.0.1', label: 1000 }));
    const command = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('add' as const), prefix: fc.constantFrom(...many) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('remove' as const), prefix: fc.constantFrom(...many) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 10 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), last: fc.nat(11) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
        let limit = 5;
        const counts: (readonly [number, number])[] = [];
        const tables = new VpnTables({
          limit: () => limit,
          counted: (_, count, kept) => counts.push([count, kept]),
        });
        tables.add('red');
        const there = new Map<IpPrefix, RibPath>();
        let most = limit;
        for (const one of commands) {
          if (one.kind === 'add') {
            const [former, next] = [there.get(one.prefix), pathTo(one.prefix)];
            there.set(one.prefix, next);
            tables.replace('red', one.prefix, former === undefined ? [] : [former], [next]);
          } else if (one.kind === 'remove') {
            const former = there.get(one.prefix);
            there.delete(one.prefix);
            if (former !== undefined) tables.replace('red', one.prefix, [former], []);
          } else if (one.kind === 'limit') {
            limit = one.limit;
            for (const _ of tables.fill());
          } else {
            const gone = new Set(many.slice(one.last));
            for (const prefix of gone) there.delete(prefix);
            for (const _ of tables.drop('red', ({ route }) => gone.has(route.prefix)));
          }
          // What is there stays where the limit is lowered; beyond that nothing comes.
          most = Math.max(limit, Math.min(most, tables.size('red')));
          expect(tables.size('red')).toBeLessThanOrEqual(most);
          expect(tables.size('red') + tables.kept('red')).toBe(there.size);
          if (tables.kept('red') > 0) expect(tables.size('red')).toBeGreaterThanOrEqual(limit);
          for (const [{ prefix }] of tables.entries('red')) expect(there.has(prefix)).toBe(true);
          expect([tables.size('red'), tables.kept('red')]).toEqual(counts.at(-1) ?? [0, 0]);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

test('an operator hears of a limit on the way up, and when there is room again', () => {
  const limits = new RouteLimits();
  const heard = [5, 8, 9, 7, 8, 10, 10, 9, 10, 3, 8].map((count) => limits.counted('red', count, 10));
  expect(heard).toEqual([
    undefined,
    'near',
    undefined,
    undefined,
    undefined,
    'full',
    undefined,
    'room',
    'full',
    'room',
    'near',
  ]);
  expect(limits.counted('blue', 1_000_000, undefined)).toBeUndefined();
});

describe('a route server', () => {
  const bgp = 'as: 65000\nidentifier: 192.0.2.1\npeers: {}\n';
  const red = "red: { import: ['65000:1'], export: ['65000:1'] }";

  test('keeps back what a VPN has no room for, until it has', async () => {
    const rs = await routeServer(bgp);
    await rs.reconfigure([red, red.replace(' }', ', max-routes: 2 }')]);
    const h1 = await rs.forwarder('h1');
    await h1.join('red');
    await h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('10.1.0.2/32'), ofH1('10.1.0.3/32')));
    await h1.until(() => h1.routes.size === 2);
    expect(await rs.ask('/vpns')).toMatchObject([{ vpn: 'red', routes: 2, maxRoutes: 2, keptBack: 1 }, {}]);
    expect(
      rs.lines.filter((line) => line.startsWith('VPN red: 2 routes, as many as it may have')),
    ).toHaveLength(1);
    await h1.request({ kind: 'retract', vpn: 'red', ids: [ofH1('10.1.0.1/32').id] });
    await h1.until(() => [...h1.routes.keys()].join() === 'red 10.1.0.2/32,red 10.1.0.3/32');
    await h1.request(publish('red', ofH1('10.1.0.4/32')));
    await rs.reconfigure([', max-routes: 2 }', ', max-routes: 3 }']);
    await h1.until(() => h1.routes.has('red 10.1.0.4/32'));
  });

  test('refuses what a forwarder publishes beyond its own limit, route by route', async () => {
    const rs = await routeServer(bgp);
    await rs.reconfigure(['addresses: [10.255.0.1]', 'addresses: [10.255.0.1]\n    max-routes: 2']);
    const h1 = await rs.forwarder('h1');
    await h1.join('red');
    await h1.request(publish('red', ofH1('10.1.0.1/32')));
    await expect(
      h1.request(publish('red', ofH1('10.1.0.1/32'), ofH1('10.1.0.2/32'), ofH1('10.1.0.3/32'))),
    ).rejects.toMatchObject({
      text: expect.stringContaining('10.1.0.3/32: forwarder h1 may publish 2 routes, and has as many'),
    });
    await h1.until(() => h1.routes.size === 2);
    await h1.request({ kind: 'retract', vpn: 'red', ids: [ofH1('10.1.0.1/32').id] });
    await h1.request(publish('red', ofH1('10.1.0.3/32')));
    await h1.until(() => h1.routes.has('red 10.1.0.3/32'));
  });
});
