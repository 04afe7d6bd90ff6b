// What is in the fake kernel in words without indexes and ids: `gre 10.255.0.2 1000`, `local m0`. Reads only, and remembers between changes.
import type { IpRoute, Nexthop } from '@hostpe/rtnetlink';
import type { FakeKernel } from '@hostpe/rtnetlink/testing/fake-kernel';
import { FIRST_NEXTHOP_ID, LAST_NEXTHOP_ID } from '../../src/layout.ts';

export class KernelView {
  readonly #kernel: FakeKernel;
  #nexthops: ReadonlyMap<number, Nexthop> | undefined;
  #names: ReadonlyMap<number, string> | undefined;
  #neighbours: ReadonlyMap<string, string> | undefined;

  constructor(kernel: FakeKernel) {
    this.#kernel = kernel;
  }

  /** Something may have changed. */
  stale(): void {
    this.#nexthops = undefined;
    this.#names = undefined;
    this.#neighbours = undefined;
  }

  nexthops(): ReadonlyMap<number, Nexthop> {
    this.#nexthops ??= new Map(this.#kernel.objects({ object: 'nexthop' }).map((one) => [one.id, one]));
    return this.#nexthops;
  }

  name(index: number | undefined): string {
    this.#names ??= new Map(
      this.#kernel.objects({ object: 'link' }).map((link) => [link.index ?? 0, link.name ?? '']),
    );
    return this.#names.get(index ?? 0) ?? `device ${index}`;
  }

  /** Permanent ones of the tunnel devices: `gre 10.255.0.2` to the link-layer address. */
  neighbours(): ReadonlyMap<string, string> {
    this.#neighbours ??= new Map(
      this.#kernel.objects({ object: 'neighbour' }).flatMap((one): [string, string][] => {
        const tunnel = tunnelOf(this.name(one.index));
        if (tunnel === undefined || one.state !== 'permanent') return [];
        return [[`${tunnel} ${peText(one.address)}`, String(one.linkLayerAddress)]];
      }),
    );
    return this.#neighbours;
  }

  /** The words of each nexthop that packets take; undefined: there is no such object. */
  members(id: number | undefined): readonly string[] | undefined {
    const nexthop = this.nexthops().get(id ?? 0);
    if (nexthop?.group !== undefined) return nexthop.group.flatMap((one) => this.members(one.id) ?? []);
    return nexthop === undefined ? undefined : [this.text(nexthop)];
  }

  /** Of a single nexthop. */
  text({ device, gateway, encapLabels, onlink, family, blackhole }: Nexthop): string {
    const name = this.name(device);
    if (family !== 'ipv6' || blackhole === true) return `odd ${family} nexthop by ${name}`;
    if (gateway === undefined && encapLabels === undefined) return `local ${name}`;
    const tunnel = tunnelOf(name);
    if (tunnel === undefined || onlink !== true) return `odd nexthop by ${name} ${gateway}`;
    return `${tunnel} ${peText(String(gateway))} ${(encapLabels ?? []).join('/')}`;
  }

  /** Of ours in tables of VPNs, IPv4 and IPv6, but for unreachable defaults. */
  *routes(): Iterable<IpRoute> {
    for (const family of ['ipv4', 'ipv6'] as const)
      for (const route of this.#kernel.objects({ object: 'route', family, protocol: 200 }))
        if (route.type !== 'unreachable' && route.table > 16000) yield route;
  }
}

export function isOurs({ id, protocol }: Nexthop): boolean {
  return id >= FIRST_NEXTHOP_ID && id <= LAST_NEXTHOP_ID && protocol === 200;
}

export function contentText(members: Iterable<string>): string {
  return [...new Set(members)].sort().join(' + ');
}

function tunnelOf(device: string): 'gre' | 'udp' | undefined {
  if (device === 'hostpe-gre') return 'gre';
  return device === 'hostpe-udp' ? 'udp' : undefined;
}

/** fe80::5efe:aff:2 is 10.255.0.2; others stay as they are. */
function peText(address: string): string {
  const words = /^fe80::5efe:([0-9a-f]+):([0-9a-f]+)$/.exec(address);
  if (words === null) return address;
  const number = Number.parseInt(words[1] ?? '', 16) * 65536 + Number.parseInt(words[2] ?? '', 16);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

/** What the routes of a prefix lead to, by `TABLE PREFIX`. */
export function routesByPlace(view: KernelView): Map<string, string> {
  return new Map(
    [...view.routes()].map(({ table, prefix, nexthopId }) => [
      `${table} ${prefix}`,
      contentText(view.members(nexthopId) ?? ['nothing']),
    ]),
  );
}
