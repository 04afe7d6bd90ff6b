import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { VpnRoute } from '../src/index.ts';
import { VpnRouteTable } from '../src/index.ts';

const p1 = parseIpPrefix('10.1.0.1/32');
const p2 = parseIpPrefix('10.1.0.2/32');

interface Choice {
  id?: string;
  prefix?: string;
  pe?: string;
  lp?: number;
  seq?: number;
}

function route({ id, prefix = p1, pe = '192.0.2.1', lp, seq }: Choice = {}): VpnRoute {
  return {
    id: id ?? prefix,
    prefix: parseIpPrefix(prefix),
    nexthops: [{ address: parseIpAddress(pe), label: parseLabel(100), encapsulations: ['gre'] }],
    ...(lp !== undefined && { localPreference: lp }),
    ...(seq !== undefined && { sequenceNumber: seq }),
  };
}

describe('VpnRouteTable', () => {
  test('a route is best as soon as it is learned, and gone when it is retracted', () => {
    const table = new VpnRouteTable();
    expect(table.learn('rs1', 'red', [route(), route({ prefix: p2 })])).toEqual([p1, p2]);
    expect([...table.best('red').keys()]).toEqual([p1, p2]);
    expect(table.bestOf('red', p1)).toEqual(route());
    expect(table.bestOf('blue', p1)).toBeUndefined();
    expect(table.retract('rs1', 'red', [p1, 'unknown'])).toEqual([p1]);
    expect([...table.best('red').keys()]).toEqual([p2]);
    expect(table.retract('rs1', 'blue', [p1])).toEqual([]);
  });

  test('a prefix is retracted whatever its item is called, an id only while it is the one of an item', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ id: '5f2b' }), route({ prefix: p2, id: 'other' })]);
    expect(table.retract('rs1', 'red', [p1], [p2, parseIpPrefix('10.9.0.0/16')])).toEqual([p2]);
    expect([...table.best('red').keys()]).toEqual([p1]);
    expect(table.retract('rs1', 'red', ['other', '5f2b'])).toEqual([p1]);
  });

  test('the same route again is no change, nor is another id', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route()]);
    expect(table.learn('rs1', 'red', [route()])).toEqual([]);
    expect(table.learn('rs1', 'red', [route({ id: 'other' })])).toEqual([]);
    expect(table.learn('rs1', 'red', [route({ id: 'other', lp: 100, seq: 0 })])).toEqual([]);
    expect(table.learn('rs1', 'red', [route({ id: 'other', seq: 1 })])).toEqual([p1]);
  });

  test('encapsulations and labels are part of the route', () => {
    const table = new VpnRouteTable();
    const [nexthop] = route().nexthops;
    table.learn('rs1', 'red', [route()]);
    if (nexthop === undefined) throw new Error('no next-hop');
    expect(
      table.learn('rs1', 'red', [{ ...route(), nexthops: [{ ...nexthop, encapsulations: ['udp'] }] }]),
    ).toEqual([p1]);
    expect(
      table.learn('rs1', 'red', [
        { ...route(), nexthops: [{ ...nexthop, label: parseLabel(101), encapsulations: ['udp'] }] },
      ]),
    ).toEqual([p1]);
  });

  test('a route is gone only when every server has withdrawn it', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route()]);
    expect(table.learn('rs2', 'red', [route()])).toEqual([]);
    expect(table.retract('rs1', 'red', [p1])).toEqual([]);
    expect(table.bestOf('red', p1)).toEqual(route());
    expect(table.retract('rs2', 'red', [p1])).toEqual([p1]);
  });

  test.each([
    ['highest local preference', { lp: 200 }, { seq: 9 }, 'rs1'],
    ['absent local preference is 100', { lp: 99 }, {}, 'rs2'],
    ['highest sequence number', { seq: 1 }, {}, 'rs1'],
    ['lowest server name', {}, {}, 'rs1'],
  ])('%s wins', (_, one, two, winner) => {
    const table = new VpnRouteTable();
    const routes = { rs2: route({ ...two, pe: '192.0.2.2' }), rs1: route({ ...one, pe: '192.0.2.1' }) };
    table.learn('rs2', 'red', [routes.rs2]);
    table.learn('rs1', 'red', [routes.rs1]);
    expect(table.bestOf('red', p1)).toBe(winner === 'rs1' ? routes.rs1 : routes.rs2);
  });

  test('a stale route gives way to an equal fresh one only', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ pe: '192.0.2.1' }), route({ prefix: p2, pe: '192.0.2.1', seq: 5 })]);
    table.learn('rs2', 'red', [route({ pe: '192.0.2.2' }), route({ prefix: p2, pe: '192.0.2.2', seq: 4 })]);
    expect(table.markStale('rs1')).toEqual(new Map([['red', [p1]]]));
    expect(table.bestOf('red', p1)).toEqual(route({ pe: '192.0.2.2' }));
    expect(table.bestOf('red', p2)).toMatchObject({ sequenceNumber: 5 });
    expect(table.learn('rs1', 'red', [route({ pe: '192.0.2.1' })])).toEqual([p1]);
  });

  test('after a lost session what is not said again goes at End-of-RIB', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route(), route({ prefix: p2 })]);
    expect(table.markStale('rs1')).toEqual(new Map());
    expect([...table.best('red').keys()]).toEqual([p1, p2]);
    expect(table.learn('rs1', 'red', [route()])).toEqual([]);
    expect(table.endOfRib('rs1', 'red')).toEqual([p2]);
    expect(table.endOfRib('rs1', 'red')).toEqual([]);
  });

  test('a new subscription makes the routes of that VPN stale, a sweep removes them', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route()]);
    table.learn('rs1', 'blue', [route()]);
    expect(table.subscribeStarted('rs1', 'red')).toEqual([]);
    expect(table.sweep('rs1', 'blue')).toEqual([]);
    expect(table.sweep('rs1', 'red')).toEqual([p1]);
  });

  test('an id that moves to another prefix takes the route with it', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ id: 'x' })]);
    expect(table.learn('rs1', 'red', [route({ id: 'x', prefix: p2 })])).toEqual([p1, p2]);
    expect([...table.best('red').keys()]).toEqual([p2]);
  });

  test('the retract of an id that another one replaced removes nothing', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ id: 'h1' })]);
    table.learn('rs1', 'red', [route({ id: 'h2', pe: '192.0.2.2' })]);
    expect(table.retract('rs1', 'red', ['h1'])).toEqual([]);
    expect(table.retract('rs1', 'red', ['h2'])).toEqual([p1]);
  });

  test('a VPN is complete when each server has said End-of-RIB once, and starts anew when it was forgotten', () => {
    const table = new VpnRouteTable();
    expect(table.complete('red', ['rs1'])).toBe(false);
    table.subscribeStarted('rs1', 'red');
    table.endOfRib('rs1', 'red');
    expect(table.complete('red', ['rs1'])).toBe(true);
    expect(table.complete('red', ['rs1', 'rs2'])).toBe(false);
    expect(table.complete('blue', ['rs1'])).toBe(false);
    table.endOfRib('rs2', 'red');
    table.markStale('rs1');
    table.subscribeStarted('rs1', 'red');
    expect(table.complete('red', ['rs1', 'rs2'])).toBe(true);
    table.forgetVpn('red');
    expect(table.complete('red', ['rs1', 'rs2'])).toBe(false);
    expect(table.best('red').size).toBe(0);
  });
});

// The table against a list of facts without any structure: what a server said last of a prefix, and whether it is stale.
interface Fact {
  server: string;
  vpn: string;
  route: VpnRoute;
  stale: boolean;
}

class NaiveTable {
  facts: Fact[] = [];

  drop(which: (fact: Fact) => boolean): void {
    this.facts = this.facts.filter((fact) => !which(fact));
  }

  best(vpn: string): Map<string, VpnRoute> {
    const best = new Map<string, VpnRoute>();
    for (const { route: one } of this.facts.filter((fact) => fact.vpn === vpn)) {
      const [first] = this.facts
        .filter((fact) => fact.vpn === vpn && fact.route.prefix === one.prefix)
        .sort(
          (a, b) =>
            (b.route.localPreference ?? 100) - (a.route.localPreference ?? 100) ||
            (b.route.sequenceNumber ?? 0) - (a.route.sequenceNumber ?? 0) ||
            Number(a.stale) - Number(b.stale) ||
            (a.server < b.server ? -1 : 1),
        );
      if (first !== undefined) best.set(one.prefix, first.route);
    }
    return best;
  }

  /** All of a VPN's best routes but their ids, as text. */
  picture(vpn: string): Map<string, string> {
    return new Map(
      [...this.best(vpn)].map(([prefix, { nexthops, localPreference = 100, sequenceNumber = 0 }]) => [
        prefix,
        JSON.stringify([nexthops, localPreference, sequenceNumber]),
      ]),
    );
  }
}

const server = fc.constantFrom('rs1', 'rs2');
const vpn = fc.constantFrom('red', 'blue');
const id = fc.constantFrom('a', 'b', 'c', 'd');
const choice = fc.record(
  {
    id,
    prefix: fc.constantFrom('10.1.0.1/32', '10.1.0.2/32', '2001:db8::/64'),
    pe: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    lp: fc.constantFrom(100, 200),
    seq: fc.constantFrom(0, 1),
  },
  { requiredKeys: ['id', 'prefix', 'pe'] },
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('learn' as const),
      server,
      vpn,
      choices: fc.array(choice, { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('retract' as const),
      server,
      vpn,
      ids: fc.array(id, { maxLength: 2 }),
    }),
  },
  fc.record({
    op: fc.constantFrom('endOfRib' as const, 'sweep' as const, 'subscribeStarted' as const),
    server,
    vpn,
  }),
  fc.record({ op: fc.constant('markStale' as const), server }),
  fc.record({ op: fc.constant('forgetVpn' as const), vpn }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(table: VpnRouteTable, naive: NaiveTable, said: Set<string>, s: Step): Map<string, string[]> {
  const of = (fact: Fact) =>
    ('server' in s ? fact.server === s.server : true) && ('vpn' in s ? fact.vpn === s.vpn : true);
  switch (s.op) {
    case 'learn': {
      const routes = s.choices.map((one) => route(one));
      for (const one of routes) {
        naive.drop((fact) => of(fact) && (fact.route.id === one.id || fact.route.prefix === one.prefix));
        naive.facts.push({ server: s.server, vpn: s.vpn, route: one, stale: false });
      }
      return new Map([[s.vpn, table.learn(s.server, s.vpn, routes)]]);
    }
    case 'retract':
      naive.drop((fact) => of(fact) && s.ids.some((one) => one === fact.route.id));
      return new Map([[s.vpn, table.retract(s.server, s.vpn, s.ids)]]);
    case 'endOfRib':
      said.add(`${s.server} ${s.vpn}`);
      naive.drop((fact) => of(fact) && fact.stale);
      return new Map([[s.vpn, table.endOfRib(s.server, s.vpn)]]);
    case 'sweep':
      naive.drop((fact) => of(fact) && fact.stale);
      return new Map([[s.vpn, table.sweep(s.server, s.vpn)]]);
    case 'subscribeStarted':
      for (const fact of naive.facts) if (of(fact)) fact.stale = true;
      return new Map([[s.vpn, table.subscribeStarted(s.server, s.vpn)]]);
    case 'markStale':
      for (const fact of naive.facts) if (of(fact)) fact.stale = true;
      return table.markStale(s.server);
    case 'forgetVpn':
      naive.drop(of);
      for (const one of ['rs1', 'rs2']) said.delete(`${one} ${s.vpn}`);
      table.forgetVpn(s.vpn);
      return new Map();
  }
}

test('two servers in any order: as the naive model has it, and every change is told', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const table = new VpnRouteTable();
      const naive = new NaiveTable();
      const said = new Set<string>();
      for (const s of steps) {
        const before = new Map(['red', 'blue'].map((name) => [name, naive.picture(name)]));
        const changed = apply(table, naive, said, s);
        for (const name of ['red', 'blue']) {
          expect(new Map(table.best(name))).toEqual(naive.best(name));
          for (const servers of [['rs1'], ['rs2'], ['rs1', 'rs2']]) {
            expect(table.complete(name, servers)).toBe(servers.every((one) => said.has(`${one} ${name}`)));
          }
          if (s.op === 'forgetVpn') continue;
          const then = before.get(name) ?? new Map<string, string>();
          const now = naive.picture(name);
          const expected = [...new Set([...then.keys(), ...now.keys()])].filter(
            (prefix) => then.get(prefix) !== now.get(prefix),
          );
          expect((changed.get(name) ?? []).toSorted()).toEqual(expected.toSorted());
        }
      }
    }),
    { numRuns: 300 },
  );
});
