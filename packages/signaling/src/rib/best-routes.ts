// The best routes of a VPN as a map of them, each made when it is asked for: there may be millions. Pure; owns nothing.
import type { IpPrefix } from '@hostpe/net';
import type { VpnRoute } from '../messages.ts';
import type { VpnRib } from './vpn-rib.ts';

/** What of a ReadonlyMap is needed. Routes of one prefix are equal, not identical, from call to call; their lists of next-hops are, while they last. */
export interface BestRoutes extends Iterable<readonly [IpPrefix, VpnRoute]> {
  readonly size: number;
  has(prefix: IpPrefix): boolean;
  get(prefix: IpPrefix): VpnRoute | undefined;
  keys(): Iterable<IpPrefix>;
  values(): Iterable<VpnRoute>;
}

/** @param rib undefined: no route server has said anything. */
export function bestRoutes(rib: VpnRib | undefined): BestRoutes {
  return rib === undefined ? new Map() : new RibRoutes(rib);
}

class RibRoutes implements BestRoutes {
  readonly #rib: VpnRib;

  constructor(rib: VpnRib) {
    this.#rib = rib;
  }

  get size(): number {
    return this.#rib.size;
  }

  has(prefix: IpPrefix): boolean {
    return this.#rib.has(prefix);
  }

  get(prefix: IpPrefix): VpnRoute | undefined {
    return this.#rib.best(prefix);
  }

  keys(): Iterable<IpPrefix> {
    return this.#rib.prefixes();
  }

  values(): Iterable<VpnRoute> {
    return this.#rib.routes();
  }

  *[Symbol.iterator](): Iterator<readonly [IpPrefix, VpnRoute]> {
    for (const route of this.#rib.routes()) yield [route.prefix, route];
  }
}
