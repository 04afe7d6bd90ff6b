// Every VPN route that peers announced and the program itself has (adj-RIBs-in and loc-RIB in one): destinations, their paths, the best of each, and what
// changed since a reader looked. Pure; owns no session and no timer. What takes long is done in steps. A destination and a path are numbers, of use as long as
// they are there; a destination stays until every reader has read that it went.
import type { IpAddress, IpPrefix, RouteDistinguisher, RouteTarget } from '@hostpe/net';
import type { VpnFamily } from '../codec/options.ts';
import type { PathAttributes, VpnNlri } from '../messages.ts';
import { noLongLived, staleLongLived } from '../rules/communities.ts';
import { type AttributeSet, AttributeSets } from './attribute-sets.ts';
import { comparePaths, type RibSource } from './best-path.ts';
import { ChangeList, type ChangeReader } from './change-list.ts';
import { Destinations } from './destinations.ts';
import { Paths } from './paths.ts';

/** Paths a step: some tenths of a millisecond. */
const step = 256;

interface Source {
  readonly facts: RibSource;
  /** By family: paths of an earlier generation are stale. */
  readonly generations: Record<VpnFamily, number>;
}

/** Which changes a reader is told of: of a destination's best path, or of any of its paths. */
export type ReaderKind = 'best' | 'all';

export class Rib {
  readonly #sources: (Source | undefined)[] = [];
  readonly #freeSources: number[] = [];
  readonly #sets = new AttributeSets();
  readonly #dests = new Destinations();
  readonly #paths = new Paths();
  readonly #changes: Readonly<Record<ReaderKind, ChangeList>> = {
    best: new ChangeList(),
    all: new ChangeList(),
  };
  /** Without a path, until every reader knows; some may have one again. */
  readonly #gone: number[] = [];
  readonly #isListed = new Set<number>();

  get dests(): number {
    return this.#dests.size;
  }

  get paths(): number {
    return this.#paths.size;
  }

  get attributeSets(): number {
    return this.#sets.size;
  }

  addSource(facts: RibSource): number {
    const source = this.#freeSources.pop() ?? this.#sources.length;
    this.#sources[source] = { facts, generations: { vpnv4: 0, vpnv6: 0 } };
    return source;
  }

  sourceFacts(source: number): RibSource {
    return this.#source(source).facts;
  }

  /** In place of what the source announced before of the same destination and path identifier. */
  announce(
    source: number,
    family: VpnFamily,
    attributes: PathAttributes,
    nexthop: IpAddress,
    routes: readonly VpnNlri[],
  ): void {
    if (routes.length === 0) return;
    const set = this.#sets.take(attributes, nexthop);
    const generation = this.#source(source).generations[family];
    for (const { rd, prefix, label, pathId = 0 } of routes) {
      const dest = this.#dests.take(family, rd, prefix);
      const known = this.#pathFrom(dest, source, pathId);
      if (known >= 0) {
        const isSame = this.#paths.set(known) === set && this.#paths.label(known) === label;
        const isFresh = this.#paths.generation(known) === generation;
        this.#paths.setGeneration(known, generation);
        if (!isSame) this.#replace(known, set, label);
        if (!isSame || !isFresh) this.#changed(dest, isSame ? -1 : known);
        continue;
      }
      this.#sets.hold(set);
      const path = this.#paths.add({ dest, source, set, label, pathId, generation });
      this.#changed(dest, path);
    }
    this.#sets.settle(set);
  }

  withdraw(source: number, family: VpnFamily, routes: readonly VpnNlri[]): void {
    for (const { rd, prefix, pathId = 0 } of routes) {
      const dest = this.#dests.find(family, rd, prefix);
      const path = dest < 0 ? -1 : this.#pathFrom(dest, source, pathId);
      if (path >= 0) this.#remove(path);
    }
  }

  /** All that a source announced of a family is stale until it is announced again. Readers of `all` are not told. */
  markStale(source: number, family: VpnFamily): void {
    this.#source(source).generations[family] += 1;
  }

  /** Removes what is stale now of a source and a family, but for what is announced again before its turn. */
  sweep(source: number, family: VpnFamily): Iterable<void> {
    const generation = this.#source(source).generations[family];
    return this.#inSteps(source, family, (path) => {
      if (this.#paths.generation(path) < generation) this.#remove(path);
    });
  }

  /** What is stale now becomes long-lived stale: the least preferred, and marked for others; what is not to be kept so goes (RFC 9494 section 4.2). */
  makeLongLived(source: number, family: VpnFamily): Iterable<void> {
    const generation = this.#source(source).generations[family];
    return this.#inSteps(source, family, (path) => {
      if (this.#paths.generation(path) >= generation) return;
      const { attributes, nexthop } = this.set(this.#paths.set(path));
      const { communities } = attributes;
      if (communities.includes(noLongLived)) this.#remove(path);
      else if (!communities.includes(staleLongLived)) {
        const marked = { ...attributes, communities: [...communities, staleLongLived] };
        const set = this.#sets.take(marked, nexthop);
        this.#replace(path, set, this.#paths.label(path));
        this.#changed(this.#paths.dest(path), path);
      }
    });
  }

  /** Removes all that a source announced; then its number may become another's. */
  *removeSource(source: number): Generator<void> {
    for (const family of ['vpnv4', 'vpnv6'] as const)
      yield* this.#inSteps(source, family, (path) => this.#remove(path));
    this.#sources[source] = undefined;
    this.#freeSources.push(source);
  }

  /** Number of a source's paths. */
  pathsFrom(source: number): number {
    return this.#paths.countFrom(source);
  }

  /** The preferred path; -1 where there is none. */
  best(dest: number): number {
    return this.#dests.best(dest);
  }

  pathsOf(dest: number): Iterable<number> {
    return this.#paths.of(dest);
  }

  /** -1: there is none. */
  find(family: VpnFamily, rd: RouteDistinguisher, prefix: IpPrefix): number {
    return this.#dests.find(family, rd, prefix);
  }

  /** Destinations of which some path has the route target; one may come twice, and the RIB may change meanwhile. */
  *destsWithTarget(target: RouteTarget): Generator<number> {
    for (const set of [...this.#sets.withTarget(target)])
      for (const path of this.#paths.withSet(set)) yield this.#paths.dest(path);
  }

  /** Destinations that have a path; those that come or go meanwhile are among them or not. */
  destinations(): Iterable<number> {
    return this.#dests.numbers();
  }

  /** Number of paths with a route target. */
  pathsWithTarget(target: RouteTarget): number {
    return this.#sets.pathsWithTarget(target);
  }

  /** Route targets of all paths. */
  targets(): Iterable<RouteTarget> {
    return this.#sets.targets;
  }

  family(dest: number): VpnFamily {
    return this.#dests.family(dest);
  }

  rd(dest: number): RouteDistinguisher {
    return this.#dests.rd(dest);
  }

  prefix(dest: number): IpPrefix {
    return this.#dests.prefix(dest);
  }

  dest(path: number): number {
    return this.#paths.dest(path);
  }

  source(path: number): number {
    return this.#paths.source(path);
  }

  attributeSet(path: number): number {
    return this.#paths.set(path);
  }

  set(attributeSet: number): AttributeSet {
    return this.#sets.get(attributeSet);
  }

  label(path: number): VpnNlri['label'] {
    return this.#paths.label(path);
  }

  pathId(path: number): number {
    return this.#paths.pathId(path);
  }

  isStale(path: number): boolean {
    const { generations } = this.#source(this.#paths.source(path));
    return this.#paths.generation(path) < generations[this.#dests.family(this.#paths.dest(path))];
  }

  /** One that has read nothing yet. */
  reader(kind: ReaderKind): RibReader {
    return new RibReader(this.#changes[kind].reader(), () => this.#forgetGone());
  }

  #source(number: number): Source {
    const source = this.#sources[number];
    if (source === undefined) throw new Error(`no source ${number}`);
    return source;
  }

  #pathFrom(dest: number, source: number, pathId: number): number {
    for (const path of this.#paths.of(dest))
      if (this.#paths.source(path) === source && this.#paths.pathId(path) === pathId) return path;
    return -1;
  }

  #replace(path: number, set: number, label: VpnNlri['label']): void {
    const before = this.#paths.set(path);
    if (before !== set) {
      this.#sets.hold(set);
      this.#paths.setSet(path, set);
      this.#sets.release(before);
    }
    this.#paths.setLabel(path, label);
  }

  #remove(path: number): void {
    const dest = this.#paths.dest(path);
    const set = this.#paths.set(path);
    this.#paths.remove(path);
    this.#sets.release(set);
    this.#changed(dest, path);
  }

  /** @param path one that is new, another than before, or gone; -1: none. */
  #changed(dest: number, path: number): void {
    const first = this.#paths.first(dest);
    let best = first;
    for (const other of this.#paths.of(dest))
      if (other !== best && comparePaths(this.#candidate(other), this.#candidate(best)) < 0) best = other;
    const before = this.#dests.best(dest);
    this.#dests.setBest(dest, best);
    this.#changes.all.touch(dest);
    if (best !== before || best === path) this.#changes.best.touch(dest);
    if (first >= 0 || this.#isListed.has(dest)) return;
    this.#isListed.add(dest);
    this.#gone.push(dest);
    this.#forgetGone();
  }

  #candidate(path: number): { set: AttributeSet; source: RibSource; pathId: number } {
    return {
      set: this.#sets.get(this.#paths.set(path)),
      source: this.#source(this.#paths.source(path)).facts,
      pathId: this.#paths.pathId(path),
    };
  }

  /** What every reader has read of: its number may become another's. */
  #forgetGone(): void {
    let known = 0;
    for (; known < this.#gone.length; known++) {
      const dest = this.#gone[known] as number;
      if (this.#paths.first(dest) < 0) {
        if (!this.#changes.all.isRead(dest) || !this.#changes.best.isRead(dest)) break;
        this.#changes.all.remove(dest);
        this.#changes.best.remove(dest);
        this.#dests.remove(dest);
      }
      this.#isListed.delete(dest);
    }
    if (known > 0) this.#gone.splice(0, known);
  }

  *#inSteps(source: number, family: VpnFamily, take: (path: number) => void): Generator<void> {
    let taken = 0;
    for (const path of this.#paths.from(source)) {
      // It may have gone meanwhile, and its number be another's.
      if (this.#paths.source(path) === source && this.#dests.family(this.#paths.dest(path)) === family)
        take(path);
      taken += 1;
      if (taken % step === 0) yield;
    }
  }
}

/** A reader's place. */
export class RibReader {
  readonly #changes: ChangeReader;
  readonly #read: () => void;

  constructor(changes: ChangeReader, read: () => void) {
    this.#changes = changes;
    this.#read = read;
  }

  /** Destinations that changed, each once, as it is now; those that went, too, which are to be used at once. @returns how many of `into` are there */
  next(most: number, into: Uint32Array): number {
    this.#read();
    return this.#changes.next(Math.min(most, into.length), into);
  }

  /** Whether it has read of a destination as it is now. */
  hasRead(dest: number): boolean {
    return this.#changes.hasRead(dest);
  }

  /** Reads all again. */
  restart(): void {
    this.#changes.restart();
  }

  close(): void {
    this.#changes.close();
    this.#read();
  }
}
