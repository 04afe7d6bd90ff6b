// By what neighbours, nexthops and filters know a remote PE: the gateway of its nexthops, its MAC address and the handle of its filter. An IPv4 address
// fits into each of them. An IPv6 address does not: such a PE has a number, which its filter ties to its address. Owns these numbers. Pure.
//
// A number stays with its PE as long as the process lives, whatever becomes of the objects: no nexthop can come to lead to another PE. After a restart the
// filters in the kernel say which are whose, and what leads to any other number keeps that from being given away.
import type { IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Filter, Neighbour, Nexthop } from '@hostpe/rtnetlink';
import {
  FILTER_PRIORITY,
  numberedGateway,
  numberedMac,
  numberOfGateway,
  peFilterHandle,
  peGateway,
  peMac,
  peOfGateway,
} from './layout.ts';

const LAST_NUMBER = 2 ** 31 - 1;

export class PeNumbers {
  readonly #numbers = new Map<IpAddress, number>();
  readonly #pes = new Map<number, IpAddress>();
  /** Something in the kernel bears them, and nobody knows for whom. */
  #strange: ReadonlySet<number> = new Set();
  #next = 1;

  /** What the kernel has, ours and others'. */
  load(
    filters: Iterable<Filter>,
    neighbours: readonly Neighbour[],
    nexthops: readonly Pick<Nexthop, 'gateway'>[],
  ): void {
    const seen = new Set<number>();
    for (const { handle, match, priority } of filters) {
      seen.add(handle);
      if (match.kind !== 'flower' || priority !== FILTER_PRIORITY) continue;
      const { destination } = match.tunnel;
      const isNew = !this.#numbers.has(destination) && !this.#pes.has(handle);
      const isNumbered = match.destinationMac === numberedMac(handle) && handle <= LAST_NUMBER;
      if (isNew && isNumbered && addressFamily(destination) === 'ipv6') this.#put(destination, handle);
    }
    for (const gateway of [
      ...neighbours.map(({ address }) => address),
      ...nexthops.map((one) => one.gateway),
    ]) {
      const number = gateway === undefined ? undefined : numberOfGateway(gateway);
      if (number !== undefined) seen.add(number);
    }
    this.#strange = new Set([...seen].filter((number) => !this.#pes.has(number)));
  }

  /** The IPv6 link-local address by which nexthops name the PE. */
  gateway(pe: IpAddress): IpAddress {
    return addressFamily(pe) === 'ipv4' ? peGateway(pe) : numberedGateway(this.#number(pe));
  }

  mac(pe: IpAddress): MacAddress {
    return addressFamily(pe) === 'ipv4' ? peMac(pe) : numberedMac(this.#number(pe));
  }

  /** Of the PE's filter. */
  handle(pe: IpAddress): number {
    return addressFamily(pe) === 'ipv4' ? peFilterHandle(pe) : this.#number(pe);
  }

  /** The PE that a nexthop's gateway names; undefined where it names none that is known. */
  pe(gateway: IpAddress): IpAddress | undefined {
    const number = numberOfGateway(gateway);
    return number === undefined ? peOfGateway(gateway) : this.#pes.get(number);
  }

  #number(pe: IpAddress): number {
    const known = this.#numbers.get(pe);
    if (known !== undefined) return known;
    while (this.#pes.has(this.#next) || this.#strange.has(this.#next)) this.#advance();
    const number = this.#next;
    this.#advance();
    this.#put(pe, number);
    return number;
  }

  #advance(): void {
    this.#next = this.#next >= LAST_NUMBER ? 1 : this.#next + 1;
  }

  #put(pe: IpAddress, number: number): void {
    this.#numbers.set(pe, number);
    this.#pes.set(number, pe);
  }
}
