// The merge of three route servers in any order of events, against a list of facts without any structure; and what must hold whatever the model says.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VpnRoute } from '../src/index.ts';
import { VpnRouteTable } from '../src/index.ts';

const servers = ['rs1', 'rs2', 'rs3'] as const;
const vpns = ['red', 'blue'] as const;
type Standing = ReturnType<VpnRouteTable['standing']>;

/** What a server said last of a prefix. */
interface Fact {
  readonly server: string;
  readonly vpn: string;
  readonly route: VpnRoute;
  staleSince: number | undefined;
  /** A stale route that is better, while the server has not told all. */
  readonly held?: { readonly route: VpnRoute; readonly since: number } | undefined;
}

const preference = ({ localPreference = 100, sequenceNumber = 0 }: VpnRoute): number =>
  localPreference * 2 ** 32 + sequenceNumber;

const server = fc.constantFrom(...servers);
const vpn = fc.constantFrom(...vpns);
/** The last one is IPv6 with an IPv4 address in its text. */
const prefixes = ['10.1.0.1/32', '10.1.0.2/32', '2001:db8::/64', '::ffff:10.1.0.1/128'].map((text) =>
  parseIpPrefix(text),
);
const prefix = fc.constantFrom(...prefixes);
/** Of publishers, and what servers that name items by prefix say; also that of another prefix, and texts that only look like one. */
const id: fc.Arbitrary<string> = fc.constantFrom('a', 'b', ...prefixes, '10.1.0.1', '2001:DB8::/64', ':/');
const route: fc.Arbitrary<VpnRoute> = fc
  .record(
    {
      id,
      prefix,
      pe: fc.constantFrom('192.0.2.1', '192.0.2.2').map(parseIpAddress),
      localPreference: fc.constantFrom(100, 200),
      sequenceNumber: fc.constantFrom(0, 1, 2 ** 32 - 1),
      isNamedByPrefix: fc.boolean(),
    },
    { requiredKeys: ['id', 'prefix', 'pe', 'isNamedByPrefix'] },
  )
  .map(({ pe, isNamedByPrefix, ...rest }) => ({
    ...rest,
    id: isNamedByPrefix ? rest.prefix : rest.id,
    nexthops: [{ address: pe, label: parseLabel(100), encapsulations: ['gre'] }],
  }));

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('learn' as const),
      server,
      vpn,
      routes: fc.array(route, { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('retract' as const),
      server,
      vpn,
      ids: fc.array(id, { maxLength: 2 }),
      prefixes: fc.array(prefix, { maxLength: 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('endOfRib' as const), server, vpn }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('endOfRibOverdue' as const), server, vpn }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('sweep' as const), server, vpn, age: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('subscribeStarted' as const), server, vpn }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('markStale' as const), server }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('forgetVpn' as const), vpn }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Model {
  facts: Fact[] = [];
  readonly standings = new Map<string, Standing>();
  /** `SERVER VPN` that said End-of-RIB, or were waited for in vain. */
  readonly complete = new Set<string>();

  standing(server: string, vpn: string): Standing {
    return this.standings.get(`${server} ${vpn}`) ?? 'lost';
  }

  /** Not even one event of the VPN was of this server. */
  isUnknown(server: string, vpn: string): boolean {
    return !this.standings.has(`${server} ${vpn}`);
  }

  drop(which: (fact: Fact) => boolean): void {
    this.facts = this.facts.filter((fact) => !which(fact));
  }

  /** A word about these prefixes that is newer than all lost servers'. */
  outdate(vpn: string, prefixes: ReadonlySet<string>): void {
    this.drop(
      (fact) =>
        fact.vpn === vpn && prefixes.has(fact.route.prefix) && this.standing(fact.server, vpn) === 'lost',
    );
  }

  mark(which: (fact: Fact) => boolean, now: number): void {
    for (const fact of this.facts) if (which(fact)) fact.staleSince ??= now;
  }

  best(vpn: string): Map<string, VpnRoute> {
    const order = (a: Fact, b: Fact) =>
      preference(b.route) - preference(a.route) ||
      Number(a.staleSince !== undefined) - Number(b.staleSince !== undefined) ||
      (a.server < b.server ? -1 : 1);
    const sorted = this.facts
      .filter((fact) => fact.vpn === vpn)
      .map((fact) => (fact.held ? { ...fact, route: fact.held.route, staleSince: fact.held.since } : fact))
      .sort(order);
    return new Map(sorted.toReversed().map(({ route }) => [route.prefix, route]));
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

/** Does the step to both. @returns what the table says changed. */
function apply(table: VpnRouteTable, model: Model, s: Step, now: number): Map<string, string[]> {
  const isOf = (fact: Fact) =>
    ('server' in s ? fact.server === s.server : true) && ('vpn' in s ? fact.vpn === s.vpn : true);
  const prefixesOf = (which: (fact: Fact) => boolean) =>
    new Set(model.facts.filter((fact) => isOf(fact) && which(fact)).map((fact) => fact.route.prefix));
  switch (s.op) {
    case 'learn': {
      const key = `${s.server} ${s.vpn}`;
      if (model.standing(s.server, s.vpn) === 'lost') model.standings.set(key, 'telling');
      const touched = new Set<string>();
      for (const one of s.routes) {
        for (const prefix of prefixesOf((fact) => fact.route.id === one.id)) touched.add(prefix);
        touched.add(one.prefix);
        const former = model.facts.find((fact) => isOf(fact) && fact.route.prefix === one.prefix);
        const staleOne =
          former?.staleSince === undefined ? undefined : { route: former.route, since: former.staleSince };
        const best = former?.held ?? staleOne;
        const isHeld =
          best && model.standing(s.server, s.vpn) !== 'told' && preference(best.route) > preference(one);
        model.drop((fact) => isOf(fact) && (fact.route.id === one.id || fact.route.prefix === one.prefix));
        model.facts.push({
          server: s.server,
          vpn: s.vpn,
          route: one,
          staleSince: undefined,
          held: isHeld ? best : undefined,
        });
      }
      if (model.standing(s.server, s.vpn) === 'told') model.outdate(s.vpn, touched);
      return new Map([[s.vpn, table.learn(s.server, s.vpn, s.routes)]]);
    }
    case 'retract': {
      const touched = prefixesOf(
        ({ route }) => s.ids.includes(route.id) || s.prefixes.includes(route.prefix),
      );
      model.drop((fact) => isOf(fact) && touched.has(fact.route.prefix));
      model.outdate(s.vpn, touched);
      return new Map([[s.vpn, table.retract(s.server, s.vpn, s.ids, s.prefixes)]]);
    }
    case 'endOfRib':
    case 'endOfRibOverdue': {
      const said = prefixesOf(() => true);
      model.drop((fact) => isOf(fact) && fact.staleSince !== undefined);
      model.facts = model.facts.map((fact) => (isOf(fact) ? { ...fact, held: undefined } : fact));
      model.standings.set(`${s.server} ${s.vpn}`, 'told');
      model.complete.add(`${s.server} ${s.vpn}`);
      if (s.op === 'endOfRib') model.outdate(s.vpn, said);
      return new Map([[s.vpn, table[s.op](s.server, s.vpn)]]);
    }
    case 'sweep': {
      const until = now - s.age;
      model.drop((fact) => isOf(fact) && fact.staleSince !== undefined && fact.staleSince <= until);
      model.facts = model.facts.map((fact) =>
        isOf(fact) && fact.held && fact.held.since <= until ? { ...fact, held: undefined } : fact,
      );
      return new Map([[s.vpn, table.sweep(s.server, s.vpn, until)]]);
    }
    case 'subscribeStarted':
      model.mark(isOf, now);
      model.standings.set(`${s.server} ${s.vpn}`, 'telling');
      return new Map([[s.vpn, table.subscribeStarted(s.server, s.vpn, now)]]);
    case 'markStale':
      model.mark(isOf, now);
      for (const name of vpns)
        if (!model.isUnknown(s.server, name)) model.standings.set(`${s.server} ${name}`, 'lost');
      return table.markStale(s.server, now);
    case 'forgetVpn':
      model.drop(isOf);
      for (const name of servers) {
        model.standings.delete(`${name} ${s.vpn}`);
        model.complete.delete(`${name} ${s.vpn}`);
      }
      table.forgetVpn(s.vpn);
      return new Map();
  }
}

/** What must hold, in words that the model does not use. */
function checkPromises(table: VpnRouteTable, model: Model): void {
  for (const { server, vpn, route, staleSince } of model.facts) {
    // While a live server has a route, there is one.
    if (staleSince === undefined) expect(table.bestOf(vpn, route.prefix)).toBeDefined();
    // One that has told all has nothing stale.
    if (table.standing(server, vpn) === 'told') expect(staleSince).toBeUndefined();
  }
  for (const name of servers)
    for (const vpn of vpns) {
      const stale = model.facts.filter((fact) => fact.server === name && fact.vpn === vpn);
      const times = stale.flatMap(({ staleSince, held }) => [
        ...(staleSince === undefined ? [] : [staleSince]),
        ...(held ? [held.since] : []),
      ]);
      expect(table.stale(name, vpn)).toEqual({
        count: times.length,
        since: Math.min(...times),
      });
    }
}

test('three servers in any order: as the model has it, and every change is told', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50, size: 'max' }), (steps) => {
      const table = new VpnRouteTable();
      const model = new Model();
      for (const [now, s] of steps.entries()) {
        const before = new Map(vpns.map((name) => [name, model.picture(name)]));
        const changed = apply(table, model, s, now);
        checkPromises(table, model);
        for (const name of vpns) {
          const best = model.best(name);
          const one = prefixes.flatMap((prefix) => table.bestOf(name, prefix) ?? []);
          const bests = { size: best.size, all: best, one: new Set(best.values()) };
          expect({ size: table.best(name).size, all: new Map(table.best(name)), one: new Set(one) }).toEqual(
            bests,
          );
          for (const some of [['rs1'], ['rs2'], ['rs1', 'rs2', 'rs3']])
            expect(table.complete(name, some)).toBe(
              some.every((one) => model.complete.has(`${one} ${name}`)),
            );
          for (const one of servers) expect(table.standing(one, name)).toBe(model.standing(one, name));
          if (s.op === 'forgetVpn') continue;
          const then = before.get(name) ?? new Map<string, string>();
          const now = model.picture(name);
          const expected = [...new Set([...then.keys(), ...now.keys()])].filter(
            (prefix) => then.get(prefix) !== now.get(prefix),
          );
          expect((changed.get(name) ?? []).toSorted()).toEqual(expected.toSorted());
        }
      }
    }),
    { numRuns: 500 },
  );
});
