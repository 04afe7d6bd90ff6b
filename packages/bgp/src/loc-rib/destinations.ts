// Destinations by number: address family, RD and prefix, and the best of their paths. Pure.
import type { IpPrefix, RouteDistinguisher } from '@hostpe/net';
import type { VpnFamily } from '../codec/options.ts';
import { reaching } from './column.ts';

const none = 0;

export class Destinations {
  readonly #numbers: Record<VpnFamily, Map<RouteDistinguisher, Map<IpPrefix, number>>> = {
    vpnv4: new Map(),
    vpnv6: new Map(),
  };
  readonly #rds: (RouteDistinguisher | undefined)[] = [];
  readonly #prefixes: (IpPrefix | undefined)[] = [];
  readonly #free: number[] = [];
  /** Of a path, and one more; 0: none. */
  #best = new Uint32Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Its number, new where it had none. */
  take(family: VpnFamily, rd: RouteDistinguisher, prefix: IpPrefix): number {
    const known = this.#numbers[family].get(rd);
    const found = known?.get(prefix);
    if (found !== undefined) return found;
    const number = this.#free.pop() ?? this.#rds.length;
    this.#rds[number] = rd;
    this.#prefixes[number] = prefix;
    this.#best = reaching(this.#best, number);
    this.#best[number] = none;
    if (known !== undefined) known.set(prefix, number);
    else this.#numbers[family].set(rd, new Map([[prefix, number]]));
    this.#size += 1;
    return number;
  }

  /** Those that have a path. */
  *numbers(): Generator<number> {
    for (let number = 0; number < this.#rds.length; number++) if (this.best(number) >= 0) yield number;
  }

  find(family: VpnFamily, rd: RouteDistinguisher, prefix: IpPrefix): number {
    return this.#numbers[family].get(rd)?.get(prefix) ?? -1;
  }

  remove(number: number): void {
    const numbers = this.#numbers[this.family(number)];
    const ofRd = numbers.get(this.rd(number));
    ofRd?.delete(this.prefix(number));
    if (ofRd?.size === 0) numbers.delete(this.rd(number));
    this.#free.push(number);
    this.#size -= 1;
  }

  family(number: number): VpnFamily {
    return this.prefix(number).includes(':') ? 'vpnv6' : 'vpnv4';
  }

  rd(number: number): RouteDistinguisher {
    const rd = this.#rds[number];
    if (rd === undefined) throw new Error(`no destination ${number}`);
    return rd;
  }

  prefix(number: number): IpPrefix {
    const prefix = this.#prefixes[number];
    if (prefix === undefined) throw new Error(`no destination ${number}`);
    return prefix;
  }

  /** -1: no path. */
  best(number: number): number {
    return (this.#best[number] ?? none) - 1;
  }

  setBest(number: number, path: number): void {
    this.#best[number] = path + 1;
  }
}
