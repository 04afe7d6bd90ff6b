// The RIB beside one that is nothing but a list, under random events; readers keep what they were told, and have to come to the same.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PathAttributes, RibReader, VpnFamily, VpnNlri } from '../src/index.ts';
import { comparePaths, type RibSource } from '../src/loc-rib/best-path.ts';
import { Rib } from '../src/loc-rib/rib.ts';
import { noLongLived, staleLongLived } from '../src/rules/communities.ts';
import { address, plain, route } from './codec-values.ts';

const destinations = ['10.1.0.0/16', '10.2.0.0/16', '2001:db8::/32'].flatMap((prefix) =>
  ['65000:1', '192.0.2.1:7'].map((rd) => ({ rd, prefix })),
);
const sources: readonly RibSource[] = [1, 2, 3].map((number) => ({
  kind: (['local', 'internal', 'external'] as const)[number - 1] ?? 'local',
  routeReflectorClient: false,
  identifier: address(`192.0.2.${number}`),
  address: number === 1 ? undefined : address(`198.51.100.${number}`),
}));
const sets: readonly Partial<PathAttributes>[] = [
  { routeTargets: ['65000:1' as PathAttributes['routeTargets'][number]] },
  { localPreference: 50 },
  { localPreference: 200, communities: [noLongLived] },
  { asPath: [{ kind: 'sequence', numbers: [65001] }] },
];

interface SourceEvent {
  readonly kind: 'stale' | 'sweep' | 'long-lived' | 'remove';
  readonly source: number;
  readonly family: VpnFamily;
}

type Event =
  | SourceEvent
  | {
      readonly kind: 'announce' | 'withdraw';
      readonly source: number;
      readonly dest: number;
      readonly set: number;
      readonly label: number;
      readonly pathId: number;
    }
  | { readonly kind: 'step'; readonly steps: number }
  | { readonly kind: 'read' | 'restart' | 'reopen'; readonly reader: number; readonly most: number };

const source = fc.nat({ max: 2 });
const family = fc.constantFrom<VpnFamily>('vpnv4', 'vpnv6');
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constantFrom('announce' as const, 'announce' as const, 'withdraw' as const),
      source,
      dest: fc.nat({ max: destinations.length - 1 }),
      set: fc.nat({ max: sets.length - 1 }),
      label: fc.integer({ min: 16, max: 18 }),
      pathId: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('stale' as const, 'sweep' as const, 'long-lived' as const, 'remove' as const),
      source,
      family,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('step' as const), steps: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('read' as const, 'read' as const, 'restart' as const, 'reopen' as const),
      reader: fc.nat({ max: 3 }),
      most: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

interface Path {
  readonly source: number;
  readonly dest: string;
  readonly pathId: number;
  attributes: PathAttributes;
  label: number;
  stale: boolean;
}

const nexthop = address('203.0.113.1');
const familyOf = (prefix: string): VpnFamily => (prefix.includes(':') ? 'vpnv6' : 'vpnv4');
const textOf = (path: Pick<Path, 'source' | 'pathId' | 'attributes' | 'label' | 'stale'>): string =>
  JSON.stringify([path.source, path.pathId, path.attributes, path.label, path.stale]);

/** What is there, as a list. */
class Naive {
  paths: Path[] = [];

  announce(from: number, dest: string, attributes: PathAttributes, label: number, pathId: number): void {
    this.withdraw(from, dest, pathId);
    this.paths.push({ source: from, dest, pathId, attributes, label, stale: false });
  }

  withdraw(from: number, dest: string, pathId: number): void {
    this.paths = this.paths.filter(
      (path) => path.source !== from || path.dest !== dest || path.pathId !== pathId,
    );
  }

  at(dest: string): string[] {
    return this.paths
      .filter((path) => path.dest === dest)
      .map(textOf)
      .sort();
  }

  best(dest: string): string {
    const [best] = this.paths
      .filter((path) => path.dest === dest)
      .toSorted((a, b) => comparePaths(candidate(a), candidate(b)));
    return best === undefined ? '' : textOf({ ...best, stale: false });
  }
}

/** Through a RIB of one path: how a set is ranked is not what is looked for here. */
function candidate({ attributes, source: from, pathId }: Path) {
  const rib = new Rib();
  const number = rib.addSource(sources[from] as RibSource);
  rib.announce(number, 'vpnv4', attributes, nexthop, [route('65000:1', '10.0.0.0/8', 16)]);
  const dest = rib.find(
    'vpnv4',
    route('65000:1', '10.0.0.0/8', 16).rd,
    route('65000:1', '10.0.0.0/8', 16).prefix,
  );
  return { set: rib.set(rib.attributeSet(rib.best(dest))), source: sources[from] as RibSource, pathId };
}

/** One that keeps what it was told. */
class Listener {
  readonly told = new Map<string, string>();
  readonly #kind: 'best' | 'all';
  #reader: RibReader;
  readonly #into = new Uint32Array(4);
  readonly #scene: Scene;

  constructor(scene: Scene, kind: 'best' | 'all') {
    this.#scene = scene;
    this.#kind = kind;
    this.#reader = scene.rib.reader(kind);
  }

  /** @returns whether there was something. */
  read(most: number): boolean {
    const count = this.#reader.next(most, this.#into);
    for (let at = 0; at < count; at++) {
      const dest = this.#into[at] as number;
      const key = `${this.#scene.rib.rd(dest)} ${this.#scene.rib.prefix(dest)}`;
      const now = this.#kind === 'all' ? this.#scene.pathsOf(dest).join() : this.#scene.bestOf(dest);
      if (now === '') this.told.delete(key);
      else this.told.set(key, now);
    }
    return count > 0;
  }

  restart(): void {
    this.#reader.restart();
  }

  /** Another one, that begins with nothing. */
  reopen(): void {
    this.#reader.close();
    this.#reader = this.#scene.rib.reader(this.#kind);
    this.told.clear();
  }
}

class Scene {
  readonly rib = new Rib();
  readonly naive = new Naive();
  readonly numbers: number[] = sources.map((facts) => this.rib.addSource(facts));
  readonly listeners: Listener[];
  /** Steps that are under way, with what they mean for the list once all are done. */
  readonly work: { readonly steps: Iterator<void>; readonly done: () => void }[] = [];

  constructor() {
    this.listeners = [
      new Listener(this, 'all'),
      new Listener(this, 'best'),
      new Listener(this, 'best'),
      new Listener(this, 'all'),
    ];
  }

  pathsOf(dest: number): string[] {
    const { rib } = this;
    return [...rib.pathsOf(dest)].map((path) => textOf(this.path(path, rib.isStale(path)))).sort();
  }

  bestOf(dest: number): string {
    const best = this.rib.best(dest);
    return best < 0 ? '' : textOf(this.path(best, false));
  }

  path(path: number, stale: boolean) {
    const { rib, numbers } = this;
    return {
      source: numbers.indexOf(rib.source(path)),
      pathId: rib.pathId(path),
      attributes: rib.set(rib.attributeSet(path)).attributes,
      label: rib.label(path),
      stale,
    };
  }

  finish(): void {
    for (const { steps, done } of this.work.splice(0)) {
      while (!steps.next().done);
      done();
    }
  }

  apply(one: Event): void {
    const { rib, naive, numbers } = this;
    if ('dest' in one) {
      const { rd, prefix } = destinations[one.dest] as { rd: string; prefix: string };
      const nlri: VpnNlri = route(rd, prefix, one.label, one.pathId);
      const from = numbers[one.source] as number;
      const key = `${nlri.rd} ${nlri.prefix}`;
      const attributes = { ...plain, ...sets[one.set] };
      if (one.kind === 'announce') {
        rib.announce(from, familyOf(prefix), attributes, nexthop, [nlri]);
        naive.announce(one.source, key, attributes, one.label, one.pathId);
      } else {
        rib.withdraw(from, familyOf(prefix), [nlri]);
        naive.withdraw(one.source, key, one.pathId);
      }
      return;
    }
    if ('family' in one) this.#applyToSource(one);
    else if ('steps' in one) for (const { steps } of this.work.slice(0, one.steps)) steps.next();
    else if (one.kind === 'read') this.listeners[one.reader]?.read(one.most);
    else if (one.kind === 'restart') this.listeners[one.reader]?.restart();
    else this.listeners[one.reader]?.reopen();
  }

  #applyToSource(one: SourceEvent): void {
    const { rib, naive, numbers } = this;
    const from = numbers[one.source] as number;
    const isOf = (path: Path) =>
      path.source === one.source && familyOf(path.dest.split(' ')[1] ?? '') === one.family;
    if (one.kind === 'stale') {
      rib.markStale(from, one.family);
      for (const path of naive.paths) if (isOf(path)) path.stale = true;
      return;
    }
    // What is under way goes on beside what comes; here it is done before the next one, so that the list is simple.
    this.finish();
    if (one.kind === 'remove') {
      for (const _ of rib.removeSource(from));
      naive.paths = naive.paths.filter((path) => path.source !== one.source);
      numbers[one.source] = rib.addSource(sources[one.source] as RibSource);
      return;
    }
    const meant = new Set(naive.paths.filter((path) => isOf(path) && path.stale));
    const steps = (one.kind === 'sweep' ? rib.sweep(from, one.family) : rib.makeLongLived(from, one.family))[
      Symbol.iterator
    ]();
    this.work.push({
      steps,
      done: () => {
        for (const path of naive.paths.filter((path) => meant.has(path))) {
          const { communities } = path.attributes;
          if (one.kind === 'sweep' || communities.includes(noLongLived))
            naive.paths = naive.paths.filter((other) => other !== path);
          else if (!communities.includes(staleLongLived))
            path.attributes = { ...path.attributes, communities: [...communities, staleLongLived] };
        }
      },
    });
  }
}

test('the RIB is what the list is, and every reader comes to know it', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const scene = new Scene();
      const { rib, naive, listeners } = scene;
      for (const one of events) scene.apply(one);
      scene.finish();
      const keys = new Map(
        destinations.map(({ rd, prefix }) => {
          const { rd: parsed, prefix: text } = route(rd, prefix, 16);
          return [`${parsed} ${text}`, rib.find(familyOf(prefix), parsed, text)];
        }),
      );
      for (const [key, dest] of keys) {
        expect(dest < 0 ? [] : scene.pathsOf(dest)).toEqual(naive.at(key));
        expect(dest < 0 ? '' : scene.bestOf(dest)).toBe(naive.best(key));
      }
      expect(rib.paths).toBe(naive.paths.length);
      for (const listener of listeners) while (listener.read(3));
      for (const [at, listener] of listeners.entries()) {
        const expected = [...keys.keys()]
          .map((key) => [key, at === 1 || at === 2 ? naive.best(key) : naive.at(key).join()] as const)
          .filter(([, text]) => text !== '');
        // Whether a path is stale is no change; it is told as it was when something else changed.
        const plainly = (told: Iterable<readonly [string, string]>) =>
          [...told].map(([key, text]) => [key, text.replaceAll(/true|false/g, '')]).sort();
        expect(plainly(listener.told)).toEqual(plainly(expected));
      }
      // Nothing is kept of what all know that it went.
      for (const listener of listeners) listener.read(1);
      expect(rib.dests).toBe(new Set(naive.paths.map(({ dest }) => dest)).size);
      const targets = new Set(naive.paths.flatMap(({ attributes }) => attributes.routeTargets));
      expect(new Set(rib.targets())).toEqual(targets);
      for (const target of targets) {
        const found = new Set(
          [...rib.destsWithTarget(target)].map((dest) => `${rib.rd(dest)} ${rib.prefix(dest)}`),
        );
        const having = naive.paths.filter(({ attributes }) => attributes.routeTargets.includes(target));
        expect(found).toEqual(new Set(having.map(({ dest }) => dest)));
      }
      for (const from of scene.numbers) for (const _ of rib.removeSource(from));
      for (const listener of listeners) while (listener.read(4));
      for (const listener of listeners) listener.read(1);
      expect([rib.dests, rib.paths, rib.attributeSets]).toEqual([0, 0, 0]);
    }),
    { numRuns: 2500 },
  );
});
