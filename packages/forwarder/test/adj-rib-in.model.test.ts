// Three route servers that come, tell, fall silent and are lost, in any order and with the clock running, against rules that are looked at anew in
// every moment: what is kept, what time ends, and when a VPN is complete.

import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AdjRibIn } from '../src/adj-rib-in.ts';
import type { Retention } from '../src/stale-routes.ts';

const servers = ['rs1', 'rs2', 'rs3'] as const;
const patience = 5;

const server = fc.constantFrom(...servers);
const host = fc.constantFrom(1, 2, 3);
/** As good as another of its host, or better; `pe` tells who said it. */
const route = fc.record({ host, pe: fc.constantFrom(1, 2), sequenceNumber: fc.constantFrom(0, 0, 1) }).map(
  ({ host, pe, sequenceNumber }): VpnRoute => ({
    id: `id-${host}`,
    prefix: parseIpPrefix(`10.1.0.${host}`),
    nexthops: [
      { address: parseIpAddress(`10.255.0.${pe}`), label: parseLabel(2000 + host), encapsulations: [] },
    ],
    sequenceNumber,
  }),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('subscribing' as const), server }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('lost' as const), server }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('end-of-rib' as const), server }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('items' as const),
      server,
      routes: fc.uniqueArray(route, { selector: ({ prefix }) => prefix, maxLength: 2 }),
      retracted: fc.array(host, { maxLength: 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 9 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const retentions: fc.Arbitrary<Retention> = fc.record({
  stale: fc.constantFrom(undefined, 0, 7),
  headless: fc.constantFrom(undefined, 0, 11),
});

/** What a server said last of a prefix, in which moment it became stale. */
interface Fact {
  readonly server: string;
  readonly route: VpnRoute;
  staleSince: number | undefined;
  /** A stale route that is better, while the server has not told all. */
  held: { readonly route: VpnRoute; readonly since: number } | undefined;
}

const newness = ({ sequenceNumber = 0 }: VpnRoute): number => sequenceNumber;

type Phase = { is: 'lost' } | { is: 'telling'; since: number } | { is: 'told'; since: number };

class Model {
  now = 0;
  facts: Fact[] = [];
  headlessSince: number | undefined = 0;
  isGivenUp = false;
  readonly phases = new Map<string, Phase>(servers.map((name) => [name, { is: 'lost' }]));
  readonly everTold = new Set<string>();
  readonly retention: Retention;

  constructor(retention: Retention) {
    this.retention = retention;
    this.look();
  }

  phase(server: string): Phase {
    return this.phases.get(server) ?? { is: 'lost' };
  }

  drop(which: (fact: Fact) => boolean): void {
    this.facts = this.facts.filter((fact) => !which(fact));
  }

  mark(server: string): void {
    for (const fact of this.facts) if (fact.server === server) fact.staleSince ??= this.now;
  }

  /** A word that is newer than those of the lost. */
  outdate(prefixes: readonly string[]): void {
    this.drop(({ server, route }) => this.phase(server).is === 'lost' && prefixes.includes(route.prefix));
  }

  told(server: string): void {
    this.drop((fact) => fact.server === server && fact.staleSince !== undefined);
    for (const fact of this.facts) if (fact.server === server) fact.held = undefined;
    if (this.phase(server).is !== 'told') this.phases.set(server, { is: 'told', since: this.now });
    this.everTold.add(server);
  }

  step(s: Step): void {
    switch (s.op) {
      case 'wait':
        for (let tick = 0; tick < s.time; tick += 1) {
          this.now += 1;
          this.look();
        }
        return;
      case 'subscribing': {
        const phase = this.phase(s.server);
        if (phase.is === 'told') break;
        this.mark(s.server);
        if (phase.is !== 'telling') this.phases.set(s.server, { is: 'telling', since: this.now });
        break;
      }
      case 'lost':
        this.mark(s.server);
        this.phases.set(s.server, { is: 'lost' });
        break;
      case 'end-of-rib': {
        const said = this.facts.filter((fact) => fact.server === s.server).map(({ route }) => route.prefix);
        this.told(s.server);
        this.outdate(said);
        break;
      }
      case 'items': {
        const gone = s.retracted.map((host) => `10.1.0.${host}/32`);
        const had = this.facts.filter((fact) => fact.server === s.server && gone.includes(fact.route.prefix));
        this.drop((fact) => had.includes(fact));
        this.outdate(had.map(({ route }) => route.prefix));
        for (const route of s.routes) {
          const isOf = (fact: Fact) => fact.server === s.server && fact.route.prefix === route.prefix;
          const former = this.facts.find(isOf);
          const since = former?.staleSince;
          const best =
            former?.held ?? (since === undefined ? undefined : { route: former?.route ?? route, since });
          const isHeld = best && this.phase(s.server).is !== 'told' && newness(best.route) > newness(route);
          this.drop(isOf);
          this.facts.push({
            server: s.server,
            route,
            staleSince: undefined,
            held: isHeld ? best : undefined,
          });
        }
        if (this.phase(s.server).is === 'told') this.outdate(s.routes.map(({ prefix }) => prefix));
      }
    }
    this.look();
  }

  /** Whatever time has ended by now. */
  look(): void {
    for (const name of servers) {
      const phase = this.phase(name);
      if (phase.is === 'telling' && this.now >= phase.since + patience) this.told(name);
    }
    const phases = [...this.phases.values()];
    if (phases.every(({ is }) => is === 'lost')) this.headlessSince ??= this.now;
    else {
      this.headlessSince = undefined;
      this.isGivenUp = false;
    }
    const { stale = Infinity, headless = Infinity } = this.retention;
    const toldSince = Math.min(...phases.map((phase) => (phase.is === 'told' ? phase.since : Infinity)));
    const isOver = (server: string, since: number | undefined) => {
      if (since === undefined || this.phase(server).is !== 'lost') return false;
      return this.headlessSince === undefined
        ? this.now >= Math.max(since, toldSince) + stale
        : this.now >= Math.max(since, this.headlessSince) + headless;
    };
    this.drop(({ server, staleSince }) => isOver(server, staleSince));
    for (const fact of this.facts) if (isOver(fact.server, fact.held?.since)) fact.held = undefined;
    if (this.headlessSince !== undefined && this.now >= this.headlessSince + headless) this.isGivenUp = true;
  }

  best(): Map<string, VpnRoute> {
    const order = (a: Fact, b: Fact) =>
      newness(b.route) - newness(a.route) ||
      Number(a.staleSince !== undefined) - Number(b.staleSince !== undefined) ||
      (a.server < b.server ? -1 : 1);
    return new Map(
      this.facts
        .map((fact) => (fact.held ? { ...fact, route: fact.held.route, staleSince: fact.held.since } : fact))
        .sort(order)
        .toReversed()
        .map(({ route }) => [route.prefix, route]),
    );
  }

  isComplete(): boolean {
    return (
      this.isGivenUp ||
      this.everTold.size === servers.length ||
      (this.now >= patience && this.everTold.size > 0)
    );
  }
}

/** What only the sum of all events shows: the longest that something stale was kept with no reason to wait for. */
function checkPromises(model: Model): void {
  const { stale, headless } = model.retention;
  const isAnyTold = [...model.phases.values()].some(({ is }) => is === 'told');
  for (const { server, staleSince } of model.facts) {
    if (staleSince === undefined) continue;
    expect(model.phase(server).is).not.toBe('told');
    if (stale === 0 && isAnyTold) expect(model.phase(server).is).toBe('telling');
    if (headless === 0) expect(model.headlessSince).toBeUndefined();
  }
}

test('in any order: what the rules say, at every moment, and every change is told', () => {
  fc.assert(
    fc.property(retentions, fc.array(step, { maxLength: 50, size: 'max' }), (retention, steps) => {
      const clock = new ManualClock();
      const model = new Model(retention);
      let told = new Map<string, VpnRoute>();
      const known = new Set<string>();
      const rib = new AdjRibIn({
        servers,
        clock,
        patience,
        retention,
        onChange: (vpn) => {
          told = new Map(rib.best(vpn));
          for (const prefix of told.keys()) known.add(prefix);
        },
        onSwept() {},
      });
      rib.want('red');
      clock.advance(0);
      for (const s of steps) {
        if ((s.op === 'items' || s.op === 'end-of-rib') && model.phase(s.server).is === 'lost') continue;
        model.step(s);
        if (s.op === 'wait') clock.advance(s.time);
        else if (s.op === 'subscribing') rib.subscribing(s.server, 'red');
        else if (s.op === 'lost') rib.lost(s.server);
        else if (s.op === 'end-of-rib') rib.heard(s.server, { kind: 'end-of-rib', vpn: 'red' });
        else {
          const retractedIds = s.retracted.map((host) => `id-${host}`);
          rib.heard(s.server, { kind: 'items', vpn: 'red', routes: s.routes, retractedIds, rejected: [] });
        }
        clock.advance(0);
        expect(new Map(rib.best('red'))).toEqual(model.best());
        expect(told).toEqual(model.best());
        expect(rib.isComplete('red')).toBe(model.isComplete());
        checkPromises(model);
        // The kernel loses what is gone: at once where the VPN is complete, by name where it is not.
        const gone = [...known].filter((prefix) => !told.has(prefix)).sort();
        if (!model.isComplete()) expect([...rib.withdrawn('red')].sort()).toEqual(gone);
        else known.clear();
        for (const prefix of told.keys()) known.add(prefix);
      }
      rib.close();
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 500 },
  );
});
