// Paths by number, in columns: where each leads, whose it is, what it says; and which paths a destination, a source, a set of attributes has. Pure.
import type { VpnNlri } from '../messages.ts';
import { Chains } from './chains.ts';
import { reaching } from './column.ts';

export interface PathFacts {
  readonly dest: number;
  readonly source: number;
  readonly set: number;
  readonly label: VpnNlri['label'];
  /** RFC 7911; 0 where there is none. */
  readonly pathId: number;
  /** Of the source's announcements, when it was announced last. */
  readonly generation: number;
}

/** No path has this number. */
const gone = 0xffff_ffff;

export class Paths {
  #dests = new Uint32Array(0);
  #sources = new Uint32Array(0);
  #sets = new Uint32Array(0);
  #labels = new Uint32Array(0);
  #pathIds = new Uint32Array(0);
  #generations = new Uint32Array(0);
  readonly #ofDest = new Chains();
  readonly #ofSource = new Chains();
  readonly #ofSet = new Chains();
  /** By source. */
  readonly #counts: number[] = [];
  readonly #free: number[] = [];
  #limit = 0;

  get size(): number {
    return this.#limit - this.#free.length;
  }

  add({ dest, source, set, label, pathId, generation }: PathFacts): number {
    const path = this.#free.pop() ?? this.#limit++;
    this.#dests = reaching(this.#dests, path);
    this.#sources = reaching(this.#sources, path);
    this.#sets = reaching(this.#sets, path);
    this.#labels = reaching(this.#labels, path);
    this.#pathIds = reaching(this.#pathIds, path);
    this.#generations = reaching(this.#generations, path);
    this.#dests[path] = dest;
    this.#sources[path] = source;
    this.#sets[path] = set;
    this.#labels[path] = label;
    this.#pathIds[path] = pathId;
    this.#generations[path] = generation;
    this.#ofDest.add(dest, path);
    this.#ofSource.add(source, path);
    this.#counts[source] = this.countFrom(source) + 1;
    this.#ofSet.add(set, path);
    return path;
  }

  remove(path: number): void {
    this.#ofDest.remove(this.dest(path), path);
    this.#ofSource.remove(this.source(path), path);
    this.#counts[this.source(path)] = this.countFrom(this.source(path)) - 1;
    this.#ofSet.remove(this.set(path), path);
    this.#sources[path] = gone;
    this.#free.push(path);
  }

  dest(path: number): number {
    return this.#dests[path] as number;
  }

  /** Of a number that no path has: none that there is. */
  source(path: number): number {
    return this.#sources[path] as number;
  }

  set(path: number): number {
    return this.#sets[path] as number;
  }

  label(path: number): VpnNlri['label'] {
    return this.#labels[path] as VpnNlri['label'];
  }

  pathId(path: number): number {
    return this.#pathIds[path] as number;
  }

  generation(path: number): number {
    return this.#generations[path] as number;
  }

  setGeneration(path: number, generation: number): void {
    this.#generations[path] = generation;
  }

  setLabel(path: number, label: VpnNlri['label']): void {
    this.#labels[path] = label;
  }

  setSet(path: number, set: number): void {
    this.#ofSet.remove(this.set(path), path);
    this.#sets[path] = set;
    this.#ofSet.add(set, path);
  }

  /** -1: it has none. */
  first(dest: number): number {
    return this.#ofDest.first(dest);
  }

  of(dest: number): Iterable<number> {
    return this.#ofDest.members(dest);
  }

  /** How many a source has. */
  countFrom(source: number): number {
    return this.#counts[source] ?? 0;
  }

  /** All of a source now. */
  from(source: number): readonly number[] {
    return [...this.#ofSource.members(source)];
  }

  /** All with a set of attributes now. */
  withSet(set: number): readonly number[] {
    return [...this.#ofSet.members(set)];
  }
}
