// From what route servers said to what the kernel should have: nexthops of one VPN's routes. Pure.
import type { Encapsulation, IpAddress, IpPrefix, Label } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { DesiredNexthop } from '@hostpe/reconciler';
import type { VpnNexthop, VpnRoute } from '@hostpe/signaling';
import { isReservedPrefix } from './values.ts';

export interface ForwardingFacts {
  /** Our own PE address. */
  readonly pe: IpAddress;
  /** What we can send to, most preferred first. */
  readonly encapsulations: readonly Encapsulation[];
  /** The attachment that a label of ours leads to, of whichever VPN. */
  readonly interfaceOf: (label: Label) => string | undefined;
}

export interface ForwardingRoutes {
  /** A prefix without nexthops is known to have none: not even a route from before a restart may stay. */
  readonly routes: ReadonlyMap<IpPrefix, readonly DesiredNexthop[]>;
  /** For each prefix that has a nexthop which cannot be used: why, for an operator. */
  readonly problems: ReadonlyMap<IpPrefix, string>;
}

/**
 * @param withdrawn prefixes that have no route any more.
 *
 * A nexthop that is ours becomes local delivery, so a local prefix carries upstream traffic only because a route server advertises it with our
 * address and label (draft-ietf-l3vpn-end-system-06 section 5): a spoke's traffic to another spoke of its host goes by way of the hub.
 * A nexthop of ours with a label that we do not have is dropped, never sent: it would come back into whatever the label means later.
 */
export function forwardingRoutes(
  best: ReadonlyMap<IpPrefix, VpnRoute>,
  withdrawn: ReadonlySet<IpPrefix>,
  facts: ForwardingFacts,
): ForwardingRoutes {
  const routes = new Map<IpPrefix, readonly DesiredNexthop[]>();
  const problems = new Map<IpPrefix, string>();
  for (const prefix of withdrawn) routes.set(prefix, []);
  for (const [prefix, route] of best) {
    if (isReservedPrefix(prefix)) {
      problems.set(prefix, 'no tenant can have this prefix');
      continue;
    }
    const nexthops = new Map<string, DesiredNexthop>();
    for (const nexthop of route.nexthops) {
      const usable = desiredNexthop(nexthop, facts);
      if (typeof usable === 'string') problems.set(prefix, usable);
      else nexthops.set(JSON.stringify(usable), usable);
    }
    routes.set(prefix, [...nexthops.values()]);
  }
  return { routes, problems };
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
