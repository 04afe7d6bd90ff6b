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

export class VpnTables {
  readonly #tables = new Map<string, Table<TablePath>>();

  /** One that is there stays as it is. */
  add(vpn: string): void {
    if (!this.#tables.has(vpn)) this.#tables.set(vpn, new Table());
  }

  /** Readers of it read to its end and hear of nothing more. */
  remove(vpn: string): void {
    this.#tables.delete(vpn);
  }

  /**
   * Replaces paths to a prefix of a VPN; one that is in both lists is there afterwards, whether it was before or not.
   * @returns whether subscribers have something to hear.
   */
  replace(vpn: string, prefix: IpPrefix, former: readonly TablePath[], next: readonly TablePath[]): boolean {
    const table = this.#tables.get(vpn);
    if (table === undefined) return false;
    const paths = [...table.paths(prefix).filter((path) => !former.includes(path)), ...next];
    const announced = announcedRoute(prefix, paths);
    if (announced === undefined) return table.withdraw(prefix);
    const before = table.announced(prefix);
    if (before === undefined || !sameRoute(before, announced)) {
      table.announce(announced, paths);
      return true;
    }
    table.setPaths(prefix, paths);
    return false;
  }

  /** Takes paths out of a VPN, step by step. Each step says whether subscribers have something to hear. */
  *drop(vpn: string, isGone: (path: TablePath) => boolean): Generator<boolean> {
    let seen = 0;
    let isNews = false;
    for (const [{ prefix }, paths] of this.#tables.get(vpn)?.routes() ?? []) {
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

  paths(vpn: string, prefix: IpPrefix): readonly TablePath[] {
    return this.#tables.get(vpn)?.paths(prefix) ?? [];
  }

  announced(vpn: string, prefix: IpPrefix): VpnRoute | undefined {
    return this.#tables.get(vpn)?.announced(prefix);
  }

  /** Every prefix of a VPN as announced (id = prefix), with all its paths, used or not; those that come or go meanwhile are among them or not. */
  *entries(vpn: string): Generator<readonly [VpnRoute, readonly TablePath[]]> {
    yield* this.#tables.get(vpn)?.routes() ?? [];
  }
}
