// What operators are told of route targets: who imports and exports them, who wants their routes, and how many there are. Reads, never changes anything.
import type { Speaker } from '@hostpe/bgp';
import type { RouteTarget } from '@hostpe/net';
import type { Vpns } from './vpns.ts';

export interface RouteTargetView {
  readonly target: RouteTarget;
  /** VPNs. */
  readonly importedBy: readonly string[];
  readonly exportedBy: readonly string[];
  /** Whether some forwarder is in a VPN that imports it, so that peers are asked for its routes. */
  readonly held: boolean;
  /** Peers that are sent its routes. */
  readonly peers: readonly string[];
  /** Paths that have it. */
  readonly paths: number;
}

/** Those that VPNs have, that are held, and that paths have. */
export function* routeTargets(
  speaker: Pick<Speaker, 'rib' | 'held' | 'peersWanting'> | undefined,
  vpns: Vpns,
): Generator<RouteTargetView> {
  const names = [...vpns.names()];
  const held = new Set(speaker?.held);
  const ofVpns = names.flatMap((vpn) => [
    ...(vpns.policy(vpn)?.import ?? []),
    ...(vpns.policy(vpn)?.export ?? []),
  ]);
  for (const target of new Set([...ofVpns, ...held, ...(speaker?.rib.targets() ?? [])]))
    yield {
      target,
      importedBy: names.filter((vpn) => vpns.policy(vpn)?.import.includes(target)),
      exportedBy: names.filter((vpn) => vpns.policy(vpn)?.export.includes(target)),
      held: held.has(target),
      peers: speaker?.peersWanting(target) ?? [],
      paths: speaker?.rib.pathsWithTarget(target) ?? 0,
    };
}
