// The tables of all VPNs: of each, the paths to every prefix that it has and the one route that its subscribers are told. Pure; knows nothing of who
// announced a path, and of what a VPN imports only what it is told.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import type { RibPath } from './adj-rib-in.ts';
import type { BgpPath } from './bgp/bgp-path.ts';
import { announcedRoute, sameRoute } from './selection.ts';
import { Table } from './table.ts';
import type { TableReader } from './table-reader.ts';

/** A path that a VPN has: of a forwarder, or of BGP. */
export type TablePath = RibPath | BgpPath;

/** Prefixes a step: some tenths of a millisecond. */
const step = 200;

export interface VpnTablesParts {
  /** The most prefixes that a VPN may have a route to; undefined: as many as there are. */
  readonly limit: (vpn: string) => number | undefined;
  /** The number of prefixes of a VPN changed; `kept`: those beyond its limit. */
  readonly counted: (vpn: string, prefixes: number, kept: number) => void;
}

export class VpnTables {
  readonly #parts: VpnTablesParts;
  readonly #tables = new Map<string, Table<TablePath>>();
  /** By VPN: prefixes beyond its limit, of which nobody is told until there is room. */
  readonly #kept = new Map<string, Map<IpPrefix, readonly TablePath[]>>();

  constructor(parts: VpnTablesParts) {
    this.#parts = parts;
  }

  /** One that is there stays as it is. */
  add(vpn: string): void {
    if (!this.#tables.has(vpn)) this.#tables.set(vpn, new Table());
  }

  /** Readers of it read to its end and hear of nothing more. */
  remove(vpn: string): void {
    this.#tables.delete(vpn);
    this.#kept.delete(vpn);
  }

  /**
   * Replaces paths to a prefix of a VPN; one that is in both lists is there afterwards, whether it was before or not.
   * @returns whether subscribers have something to hear.
   */
  replace(vpn: string, prefix: IpPrefix, former: readonly TablePath[], next: readonly TablePath[]): boolean {
    const table = this.#tables.get(vpn);
    if (table === undefined) return false;
    const paths = [...this.paths(vpn, prefix).filter((path) => !former.includes(path)), ...next];
    const announced = announcedRoute(prefix, paths);
    if (announced === undefined) return this.#withdraw(vpn, table, prefix);
    const before = table.announced(prefix);
    if (before === undefined) return this.#add(vpn, table, announced, paths);
    if (sameRoute(before, announced)) {
      table.setPaths(prefix, paths);
      return false;
    }
    table.announce(announced, paths);
    return true;
  }

  /** Takes what was kept back into VPNs that have room for it now. Each step names a VPN whose subscribers have something to hear. */
  *fill(): Generator<string> {
    for (const vpn of [...this.#kept.keys()]) {
      const table = this.#tables.get(vpn);
      while (table !== undefined && this.#promote(vpn, table)) yield vpn;
    }
  }

  /** Takes paths out of a VPN, step by step. Each step says whether subscribers have something to hear. */
  *drop(vpn: string, isGone: (path: TablePath) => boolean): Generator<boolean> {
    let seen = 0;
    let isNews = false;
    for (const [prefix, paths] of this.#all(vpn)) {
      const gone = paths.filter(isGone);
      if (gone.length > 0 && this.replace(vpn, prefix, gone, [])) isNews = true;
      seen += 1;
      if (seen % step !== 0) continue;
      yield isNews;
      isNews = false;
    }
    yield isNews;
  }

  /** One that has heard nothing of a VPN's routes yet; undefined for a VPN that is not known. */
  reader(vpn: string): TableReader | undefined {
    return this.#tables.get(vpn)?.reader();
  }

  /** Number of prefixes that a VPN has a route to. */
  size(vpn: string): number {
    return this.#tables.get(vpn)?.size ?? 0;
  }

  /** Number of prefixes beyond its limit. */
  kept(vpn: string): number {
    return this.#kept.get(vpn)?.size ?? 0;
  }

  paths(vpn: string, prefix: IpPrefix): readonly TablePath[] {
    return this.#kept.get(vpn)?.get(prefix) ?? this.#tables.get(vpn)?.paths(prefix) ?? [];
  }

  announced(vpn: string, prefix: IpPrefix): VpnRoute | undefined {
    return this.#tables.get(vpn)?.announced(prefix);
  }

  /** Every prefix of a VPN as announced (id = prefix), with all its paths, used or not; those that come or go meanwhile are among them or not. */
  *entries(vpn: string): Generator<readonly [VpnRoute, readonly TablePath[]]> {
    yield* this.#tables.get(vpn)?.routes() ?? [];
  }

  #withdraw(vpn: string, table: Table<TablePath>, prefix: IpPrefix): boolean {
    const kept = this.#kept.get(vpn);
    const wasKept = kept?.delete(prefix) ?? false;
    if (kept?.size === 0) this.#kept.delete(vpn);
    const isNews = table.withdraw(prefix);
    if (isNews) this.#promote(vpn, table);
    if (isNews || wasKept) this.#count(vpn, table);
    return isNews;
  }

  #add(vpn: string, table: Table<TablePath>, announced: VpnRoute, paths: readonly TablePath[]): boolean {
    const { prefix } = announced;
    const limit = this.#parts.limit(vpn);
    const hasRoom = limit === undefined || table.size < limit;
    const kept = this.#kept.get(vpn);
    if (hasRoom) {
      kept?.delete(prefix);
      table.announce(announced, paths);
    } else if (kept !== undefined) kept.set(prefix, paths);
    else this.#kept.set(vpn, new Map([[prefix, paths]]));
    if (kept?.size === 0) this.#kept.delete(vpn);
    this.#count(vpn, table);
    return hasRoom;
  }

  /** Announces the longest kept prefix where there is room. @returns whether it did */
  #promote(vpn: string, table: Table<TablePath>): boolean {
    const [first] = this.#kept.get(vpn) ?? [];
    const limit = this.#parts.limit(vpn);
    if (first === undefined || (limit !== undefined && table.size >= limit)) return false;
    const [prefix, paths] = first;
    const announced = announcedRoute(prefix, paths);
    return announced !== undefined && this.#add(vpn, table, announced, paths);
  }

  #count(vpn: string, table: Table<TablePath>): void {
    this.#parts.counted(vpn, table.size, this.kept(vpn));
  }

  *#all(vpn: string): Generator<readonly [IpPrefix, readonly TablePath[]]> {
    for (const [{ prefix }, paths] of this.#tables.get(vpn)?.routes() ?? []) yield [prefix, paths];
    yield* this.#kept.get(vpn) ?? [];
  }
}
