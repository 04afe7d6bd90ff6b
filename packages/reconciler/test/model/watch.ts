// What must hold after every single request to the kernel, whatever fails and whoever else changes things at the same time. Throws at the first breach.
// What a hand did it is not blamed for: hands tell the watch beforehand.
import type { IpPrefix } from '@hostpe/net';
import type { Request } from '@hostpe/rtnetlink';
import { describe } from '@hostpe/rtnetlink';
import type { Host } from './host.ts';
import { isOurs, KernelView } from './kernel-view.ts';
import { interfaces, textOf, type Wishes } from './wishes.ts';

export class Watch {
  readonly view: KernelView;
  readonly #host: Host;
  readonly #wishes: Wishes;
  /** PEs whose neighbour a hand took: `gre 10.255.0.2`. */
  readonly #taken = new Set<string>();
  /** Nexthop ids and routes that a hand changed. */
  readonly #tainted = new Set<string>();
  /** By `VPN PREFIX`: what its route may lead to, as it was wanted since the last comparison or is what was there then. */
  #allowed = new Map<string, Set<string>>();
  /** Which VPNs a table was of since then. */
  #owners = new Map<number, Set<string>>();
  /** Indexes of machines' interfaces that were in a VRF once. */
  readonly #attached = new Set<number>();
  /** Those that a hand put out of their VRF, or up. */
  readonly #exposed = new Set<number>();
  #last: Request | undefined;
  breach: string | undefined;

  constructor(host: Host, wishes: Wishes) {
    this.#host = host;
    this.#wishes = wishes;
    this.view = new KernelView(host.kernel);
    host.kernel.failEach((request) => {
      this.check();
      this.#last = request;
      return false;
    }, '');
  }

  /** A hand at the kernel, which does what it likes. */
  hand(change: () => void): void {
    this.check();
    const before = new Set(this.view.neighbours().keys());
    const nexthops = new Map(this.view.nexthops());
    change();
    this.view.stale();
    for (const key of before) if (!this.view.neighbours().has(key)) this.#taken.add(key);
    for (const [id, nexthop] of this.view.nexthops()) {
      if (nexthops.get(id) === nexthop) continue;
      this.#tainted.add(`nexthop ${id}`);
      for (const member of this.view.members(id) ?? []) this.#taken.add(peKey(member));
    }
    for (const link of this.#host.kernel.objects({ object: 'link' })) {
      if (this.#attached.has(link.index ?? 0) && link.up === true && !link.master)
        this.#exposed.add(link.index ?? 0);
    }
  }

  /** A hand changes this route. */
  taint(table: number, prefix: IpPrefix): void {
    this.#tainted.add(`${table} ${prefix}`);
  }

  /** To be told of each change of the wishes, after it. @param prefix absent: all of them may have changed */
  wished(prefix?: IpPrefix): void {
    for (const vpn of this.#wishes.vpns.values()) {
      const owners = this.#owners.get(vpn.table);
      if (owners === undefined) this.#owners.set(vpn.table, new Set([vpn.name]));
      else owners.add(vpn.name);
      for (const one of prefix === undefined ? vpn.wanted.keys() : [prefix])
        for (const nexthop of vpn.wanted.get(one) ?? []) this.#allow(vpn.name, one, textOf(nexthop));
    }
  }

  /** The kernel was compared and found right: what led elsewhere before may do so no more. */
  renew(): void {
    this.check();
    const owners = this.#owners;
    this.#allowed = new Map();
    this.#owners = new Map();
    this.#taken.clear();
    this.#tainted.clear();
    this.wished();
    for (const { table, prefix, nexthopId } of this.view.routes())
      for (const name of owners.get(table) ?? [])
        for (const member of this.view.members(nexthopId) ?? []) this.#allow(name, prefix, member);
  }

  /** Looks at what the last request did. */
  check(): void {
    const request = this.#last;
    if (request === undefined) return;
    this.#last = undefined;
    const { object } = request;
    this.view.stale();
    if (object.object === 'link') this.#checkInterfaces(request);
    if (['link', 'neighbour', 'nexthop'].includes(object.object)) this.#checkNeighbours(request);
    if (object.object === 'route' && object.family !== 'mpls' && object.nexthopId !== undefined) {
      if (request.op !== 'delete') this.#checkRoute(object.table, object.prefix, object.nexthopId, request);
    } else if (object.object === 'nexthop' && request.op === 'replace') {
      for (const { table, prefix, nexthopId } of this.view.routes())
        if (nexthopId !== undefined) this.#checkRoute(table, prefix, nexthopId, request);
    }
  }

  isAllowed(vpn: string, prefix: IpPrefix, member: string): boolean {
    return this.#allowed.get(`${vpn} ${prefix}`)?.has(member) === true;
  }

  isTainted(table: number, prefix: IpPrefix, id: number | undefined): boolean {
    const ids =
      this.view
        .nexthops()
        .get(id ?? 0)
        ?.group?.map((member) => member.id) ?? [];
    return (
      this.#tainted.has(`${table} ${prefix}`) ||
      [id, ...ids].some((one) => this.#tainted.has(`nexthop ${one}`))
    );
  }

  #allow(vpn: string, prefix: IpPrefix, member: string): void {
    const key = `${vpn} ${prefix}`;
    const members = this.#allowed.get(key);
    if (members === undefined) this.#allowed.set(key, new Set([member]));
    else members.add(member);
  }

  #checkRoute(table: number, prefix: IpPrefix, id: number, request: Request): void {
    const owners = this.#owners.get(table);
    if (owners === undefined || this.isTainted(table, prefix, id)) return;
    for (const member of this.view.members(id) ?? []) {
      if ([...owners].some((name) => this.isAllowed(name, prefix, member))) continue;
      this.#fail(`${prefix} of table ${table} leads to ${member}, where nobody wanted it`, request);
    }
  }

  #checkNeighbours(request: Request): void {
    for (const key of this.#taken) if (this.view.neighbours().has(key)) this.#taken.delete(key);
    for (const nexthop of this.view.nexthops().values()) {
      if (!isOurs(nexthop) || nexthop.gateway === undefined || this.#tainted.has(`nexthop ${nexthop.id}`))
        continue;
      const key = peKey(this.view.text(nexthop));
      if (key.startsWith('odd') || this.view.neighbours().has(key) || this.#taken.has(key)) continue;
      this.#fail(`nexthop ${nexthop.id} leads to ${key}, which has no neighbour`, request);
    }
  }

  #checkInterfaces(request: Request): void {
    for (const { name = '', index = 0, up, master } of this.#host.kernel.objects({ object: 'link' })) {
      if (!interfaces.some((one) => one === name)) continue;
      if (master !== undefined) {
        this.#attached.add(index);
        this.#exposed.delete(index);
      } else if (up !== true) this.#exposed.delete(index);
      else if (this.#attached.has(index) && !this.#exposed.has(index))
        this.#fail(`${name} is up and in no VRF`, request);
    }
  }

  /** Not thrown from here: this runs inside of the fake kernel. */
  #fail(what: string, request: Request): void {
    this.breach ??= `behind '${describe(request)}': ${what}`;
  }
}

/** `gre 10.255.0.2` of `gre 10.255.0.2 1000`. */
function peKey(member: string): string {
  return member.split(' ').slice(0, 2).join(' ');
}
