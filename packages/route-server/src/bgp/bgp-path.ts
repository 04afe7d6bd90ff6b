// A path of BGP among the paths of a VPN. Facts only.
import type { PathAttributes } from '@hostpe/bgp';
import type { RouteDistinguisher } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import type { Path } from '../selection.ts';

const origins = { igp: 0, egp: 1, incomplete: 2 } as const;

export interface BgpPathFacts {
  /** Name of the peer that announced it. */
  readonly peer: string;
  readonly rd: RouteDistinguisher;
  readonly route: VpnRoute;
  readonly attributes: PathAttributes;
  /** Its peer is away. */
  readonly stale: boolean;
  /** As LLGR_STALE says (RFC 9494). */
  readonly longLived: boolean;
}

export class BgpPath implements Path {
  readonly account: string;
  readonly vpn: string;
  readonly route: VpnRoute;
  readonly stale: boolean;
  readonly distance: NonNullable<Path['distance']>;

  constructor({ peer, rd, route, attributes, stale, longLived }: BgpPathFacts) {
    this.account = peer;
    this.vpn = rd;
    this.route = route;
    this.stale = stale;
    this.distance = {
      longLived,
      asPath: lengthOf(attributes),
      origin: origins[attributes.origin],
      med: attributes.med ?? 0,
    };
  }

  get kind(): 'bgp' {
    return 'bgp';
  }
}

/** RFC 4271 section 9.1.2.2 (a set counts one), RFC 5065 section 5.3 (confederation segments do not count). */
function lengthOf({ asPath }: PathAttributes): number {
  let length = 0;
  for (const { kind, numbers } of asPath)
    if (kind === 'sequence') length += numbers.length;
    else if (kind === 'set') length += 1;
  return length;
}
