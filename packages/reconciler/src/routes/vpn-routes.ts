// The routes that a VPN should have in the kernel, as the forwarder says them, and beside each what the kernel is known to have. Pure.
// One object for as long as the VPN has attachments: the forwarder changes it prefix by prefix, the reconciler looks at what changed.
import type { IpPrefix } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { DesiredNexthop } from '../desired.ts';
import { NexthopSets, UNKNOWN } from './nexthop-sets.ts';
import { RouteRows } from './route-rows.ts';

/** Memory: some 35 bytes a route of IPv4 and 50 of IPv6, and what the different lists of nexthops take. */
export class VpnRoutes {
  /** For the reconciler. */
  readonly sets = new NexthopSets();
  /** For the reconciler. */
  readonly rows: Readonly<Record<'ipv4' | 'ipv6', RouteRows>> = {
    ipv4: new RouteRows('ipv4', this.sets),
    ipv6: new RouteRows('ipv6', this.sets),
  };
  #size = 0;

  constructor(routes: Iterable<readonly [IpPrefix, readonly DesiredNexthop[]]> = []) {
    for (const [prefix, nexthops] of routes) this.set(prefix, nexthops);
  }

  /** How many prefixes something is known of. */
  get size(): number {
    return this.#size;
  }

  /** @param nexthops none: the prefix is known to have no route; not even one from before a restart may stay. */
  set(prefix: IpPrefix, nexthops: readonly DesiredNexthop[]): void {
    if (this.rows[addressFamily(prefix)].want(prefix, this.sets.take(nexthops))) this.#size++;
  }

  /** Nothing is known of the prefix: while the VPN is incomplete a route of it in the kernel is kept. */
  delete(prefix: IpPrefix): void {
    if (this.rows[addressFamily(prefix)].unwant(prefix)) this.#size--;
  }

  has(prefix: IpPrefix): boolean {
    const rows = this.rows[addressFamily(prefix)];
    const row = rows.index.find(prefix);
    return row >= 0 && rows.wanted(row) !== UNKNOWN;
  }

  get(prefix: IpPrefix): readonly DesiredNexthop[] | undefined {
    const rows = this.rows[addressFamily(prefix)];
    const row = rows.index.find(prefix);
    return row < 0 || rows.wanted(row) === UNKNOWN ? undefined : this.sets.nexthops(rows.wanted(row));
  }

  *entries(): Iterable<readonly [IpPrefix, readonly DesiredNexthop[]]> {
    for (const rows of [this.rows.ipv4, this.rows.ipv6])
      for (let row = 0; row < rows.index.limit; row++)
        if (rows.index.has(row) && rows.wanted(row) !== UNKNOWN)
          yield [rows.index.prefixAt(row), this.sets.nexthops(rows.wanted(row))];
  }
}
