// Things in the kernel that are others': whatever happens they stay as they are.
import type { IpPrefix } from '@hostpe/net';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { IpRoute, KernelObject } from '@hostpe/rtnetlink';
import { describe } from '@hostpe/rtnetlink';
import { FIRST_NEXTHOP_ID } from '../../src/layout.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';

const device = 'op0';
const somewhere = parseIpAddress('10.77.0.1');

export class Foreign {
  readonly #host: Host;
  readonly #index: number;
  /** Those of no VRF: for ever. By their text. */
  readonly #lasting = new Map<string, KernelObject>();
  /** Routes in a VRF's table: as long as the VRF device is the same. */
  readonly #inVrfs: { readonly route: IpRoute; readonly vrf: number }[] = [];
  #number = 0;

  constructor(host: Host) {
    this.#host = host;
    host.kernel.apply(
      { op: 'add', object: { object: 'link', name: device, info: { kind: 'dummy' } } },
      { op: 'set', object: { object: 'link', name: device, up: true } },
    );
    this.#index = host.kernel.link(device)?.index ?? 0;
    host.kernel.sysctl.put('net/mpls/platform_labels', '1048575');
  }

  /** One more of a random kind. @param vrfs the VRFs that there are */
  add(random: Random, vrfs: readonly { readonly index: number; readonly table: number }[]): void {
    if (this.#number === 12) return;
    const number = ++this.#number;
    const index = this.#index;
    const kind = random.below(5);
    if (kind === 0) {
      // Of our protocol, or among our ids, but not both.
      const isAmongOurs = random.chance(0.5);
      const id = isAmongOurs ? FIRST_NEXTHOP_ID + random.below(40) : 7 + number;
      const object = {
        object: 'nexthop',
        id,
        family: 'ipv6',
        device: index,
        protocol: isAmongOurs ? 11 : 200,
      } as const;
      if (!this.#isTaken(id)) this.#add(object);
    } else if (kind === 1) {
      this.#add({
        object: 'route',
        family: 'ipv4',
        table: 254,
        prefix: prefixOf(number),
        device: index,
        protocol: random.pick([4, 200]),
      });
    } else if (kind === 2) {
      this.#add({
        object: 'route',
        family: 'mpls',
        label: parseLabel(20_000 + number),
        device: index,
        via: somewhere,
        protocol: 186,
      });
    } else if (kind === 3) {
      this.#add({ object: 'rule', family: 'ipv4', priority: 5000 + number, table: 300 });
    } else {
      const vrf = random.maybe(vrfs);
      if (vrf === undefined) return;
      const route = {
        object: 'route',
        family: 'ipv4',
        table: vrf.table,
        prefix: prefixOf(number),
        device: index,
        protocol: 4,
      } as const;
      this.#host.kernel.apply({ op: 'add', object: route });
      this.#inVrfs.push({ route, vrf: vrf.index });
    }
  }

  /** A hand has emptied a table. */
  flushed(table: number): void {
    this.#inVrfs.splice(0, this.#inVrfs.length, ...this.#inVrfs.filter(({ route }) => route.table !== table));
  }

  /** Notifications that mean nothing to anybody. */
  makeNoise(): void {
    for (let at = 0; at < 4; at++)
      this.#host.kernel.apply({ op: 'set', object: { object: 'link', name: device, alias: `noise ${at}` } });
  }

  check(fail: (what: string) => void): void {
    const { kernel } = this.#host;
    const there = new Set(
      [
        ...kernel.objects({ object: 'nexthop' }),
        ...kernel.objects({ object: 'route', family: 'ipv4' }),
        ...kernel.objects({ object: 'route', family: 'mpls' }),
        ...kernel.objects({ object: 'rule', family: 'ipv4' }),
      ].map(textOf),
    );
    for (const text of this.#lasting.keys()) if (!there.has(text)) fail(`a foreign object is gone: ${text}`);
    const vrfs = new Set(kernel.objects({ object: 'link' }).map(({ index }) => index));
    for (const { route, vrf } of this.#inVrfs)
      if (vrfs.has(vrf) && !there.has(textOf(route))) fail(`a foreign route is gone: ${textOf(route)}`);
  }

  /** Also by what was there: who has not heard yet that the kernel dropped it may write to it once more. */
  #isTaken(id: number): boolean {
    const { kernel } = this.#host;
    return (
      kernel.objects({ object: 'nexthop' }).some((one) => one.id === id) ||
      kernel.log.some(({ object }) => object.object === 'nexthop' && object.id === id)
    );
  }

  #add(object: KernelObject): void {
    this.#host.kernel.apply({ op: 'add', object });
    this.#lasting.set(textOf(object), object);
  }
}

function textOf(object: KernelObject): string {
  return describe({ op: 'add', object });
}

function prefixOf(number: number): IpPrefix {
  return parseIpPrefix(`198.18.${number >> 8}.${number & 255}/32`);
}
