// From what route servers said to what the kernel should have: nexthops of one VPN's routes, prefix by prefix. Pure.
import type { Encapsulation, IpAddress, IpPrefix, Label } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { DesiredNexthop } from '@hostpe/reconciler';
import { VpnRoutes } from '@hostpe/reconciler';
import type { BestRoutes, VpnNexthop } from '@hostpe/signaling';
import { isReservedPrefix } from './values.ts';

export interface ForwardingFacts {
  /** Our own PE address. */
  readonly pe: IpAddress;
  /** What we can send to, most preferred first. */
  readonly encapsulations: readonly Encapsulation[];
  /** The attachment that a label of ours leads to, of whichever VPN. */
  readonly interfaceOf: (label: Label) => string | undefined;
}

/**
 * A nexthop that is ours becomes local delivery, so a local prefix carries upstream traffic only because a route server advertises it with our
 * address and label (draft-ietf-l3vpn-end-system-06 section 5): a spoke's traffic to another spoke of its host goes by way of the hub.
 * A nexthop of ours with a label that we do not have is dropped, never sent: it would come back into whatever the label means later.
 */
export class ForwardingRoutes {
  /** For the kernel. A prefix without nexthops is known to have none: not even a route from before a restart may stay. */
  readonly routes = new VpnRoutes();
  readonly #problems = new Map<IpPrefix, string>();
  /** Prefixes with a nexthop of this host, which lead to whatever its label leads to. */
  readonly #own = new Set<IpPrefix>();
  readonly #withdrawn = new Set<IpPrefix>();

  /** For each prefix that has a nexthop which cannot be used: why, for an operator. */
  get problems(): ReadonlyMap<IpPrefix, string> {
    return this.#problems;
  }

  /** Prefixes to be updated when attachments change. */
  get own(): Iterable<IpPrefix> {
    return this.#own;
  }

  /**
   * Takes over what is known of these prefixes now.
   * @param withdrawn prefixes that have no route any more
   * @returns those with a new problem
   */
  update(
    prefixes: Iterable<IpPrefix>,
    best: Pick<BestRoutes, 'get'>,
    withdrawn: ReadonlySet<IpPrefix>,
    facts: ForwardingFacts,
  ): IpPrefix[] {
    const news: IpPrefix[] = [];
    const meanings = new Map<readonly VpnNexthop[], Meaning>();
    for (const prefix of prefixes) {
      const before = this.#problems.get(prefix);
      this.#problems.delete(prefix);
      this.#own.delete(prefix);
      this.#withdrawn.delete(prefix);
      const route = best.get(prefix);
      if (route !== undefined) {
        let meaning = meanings.get(route.nexthops);
        if (meaning === undefined) {
          meaning = meaningOf(route.nexthops, facts);
          meanings.set(route.nexthops, meaning);
        }
        this.#take(prefix, meaning);
      } else if (withdrawn.has(prefix)) {
        this.routes.set(prefix, []);
        this.#withdrawn.add(prefix);
      } else this.routes.delete(prefix);
      const problem = this.#problems.get(prefix);
      if (problem !== undefined && problem !== before) news.push(prefix);
    }
    return news;
  }

  /** The VPN is complete: nothing from before can stay, and what was withdrawn need not be remembered. */
  forgetWithdrawn(): void {
    for (const prefix of this.#withdrawn) this.routes.delete(prefix);
    this.#withdrawn.clear();
  }

  #take(prefix: IpPrefix, { usable, isOwn, problem }: Meaning): void {
    if (isReservedPrefix(prefix)) {
      this.routes.delete(prefix);
      this.#problems.set(prefix, 'no tenant can have this prefix');
      return;
    }
    if (isOwn) this.#own.add(prefix);
    if (problem !== undefined) this.#problems.set(prefix, problem);
    this.routes.set(prefix, usable);
  }
}

/** What a list of nexthops means here. */
interface Meaning {
  readonly usable: readonly DesiredNexthop[];
  /** One of them is of this host. */
  readonly isOwn: boolean;
  /** Why one of them cannot be used. */
  readonly problem: string | undefined;
}

function meaningOf(nexthops: readonly VpnNexthop[], facts: ForwardingFacts): Meaning {
  const usable: DesiredNexthop[] = [];
  let isOwn = false;
  let problem: string | undefined;
  for (const nexthop of nexthops) {
    if (nexthop.address === facts.pe) isOwn = true;
    const one = desiredNexthop(nexthop, facts);
    if (typeof one === 'string') problem = one;
    else if (!usable.some((other) => isSameNexthop(one, other))) usable.push(one);
  }
  return { usable, isOwn, problem };
}

function isSameNexthop(a: DesiredNexthop, b: DesiredNexthop): boolean {
  if (a.kind === 'local' || b.kind === 'local')
    return a.kind === 'local' && b.kind === 'local' && a.interface === b.interface;
  return a.pe === b.pe && a.label === b.label && a.encapsulation === b.encapsulation;
}

function desiredNexthop(nexthop: VpnNexthop, facts: ForwardingFacts): DesiredNexthop | string {
  const { address, label } = nexthop;
  if (address === facts.pe) {
    const name = facts.interfaceOf(label);
    return name === undefined
      ? `nexthop ${address} is this host, and its label ${label} leads to no attachment`
      : { kind: 'local', interface: name };
  }
  if (addressFamily(address) !== addressFamily(facts.pe))
    return `nexthop ${address} is not reachable over an ${addressFamily(facts.pe) === 'ipv4' ? 'IPv4' : 'IPv6'} underlay`;
  // A nexthop that lists none can receive GRE: draft-ietf-l3vpn-end-system-06 section 3.
  const offered = nexthop.encapsulations.length === 0 ? ['gre'] : nexthop.encapsulations;
  const encapsulation = facts.encapsulations.find((ours) => offered.includes(ours));
  if (encapsulation === undefined)
    return `nexthop ${address} receives ${offered.join(', ')} only, and this VPN is configured for ${facts.encapsulations.join(', ')}`;
  return { kind: 'remote', pe: address, label, encapsulation };
}
