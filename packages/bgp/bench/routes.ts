// The routes of the benchmarks, as messages: the same for every side. Pure.
import {
  parseIpAddress,
  parseIpPrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  type RouteTarget,
} from '@hostpe/net';
import {
  type CodecOptions,
  encodeEndOfRib,
  encodeMessage,
  initialOptions,
  type PathAttributes,
  packUpdates,
  type RtcNlri,
  type VpnNlri,
} from '../src/index.ts';

export const localAs = 65000;

/** As all sides speak with a peer that offers what the generator offers. */
const codec: CodecOptions = {
  ...initialOptions,
  as4: true,
  internal: true,
  families: ['vpnv4', 'rtc'],
};

/** RFC 4271 section 4.2. @param host number of the peer, in its BGP identifier */
export function openMessage(host: number, withRtc: boolean): Uint8Array {
  return encodeMessage(
    {
      type: 'open',
      as: localAs,
      holdTime: 90,
      identifier: parseIpAddress(`10.254.${host >> 8}.${host & 255}`),
      capabilities: [
        { kind: 'multiprotocol', family: 'vpnv4' },
        ...(withRtc ? [{ kind: 'multiprotocol', family: 'rtc' } as const] : []),
        { kind: 'as4', as: localAs },
        { kind: 'route-refresh' },
      ],
    },
    initialOptions,
  );
}

export interface TableSpec {
  /** Number of the peer that announces it: in RDs and prefixes, so that no two peers have a destination in common. */
  readonly peer: number;
  readonly routes: number;
  /** Attribute sets, each of as many routes. */
  readonly sets: number;
  /** Of how many targets each route has one; set n has target n modulo this. */
  readonly targets: number;
}

const targetOf = (number: number): RouteTarget => parseRouteTarget(`65000:${1000 + number}`);

/** A peer's whole table, End-of-RIB included. */
export function tableMessages({ peer, routes, sets, targets }: TableSpec): Uint8Array {
  const rd = parseRouteDistinguisher(`10.254.${peer >> 8}.${peer & 255}:1`);
  const messages: Uint8Array[] = [];
  const perSet = Math.ceil(routes / sets);
  for (let set = 0; set < sets; set++) {
    const list: VpnNlri[] = [];
    for (let at = set * perSet; at < Math.min(routes, (set + 1) * perSet); at++)
      list.push({
        rd,
        prefix: parseIpPrefix(`10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}/32`),
        label: (16 + (at % 1_000_000)) as VpnNlri['label'],
        pathId: undefined,
      });
    const nexthop = parseIpAddress(`10.253.${peer >> 8}.${peer & 255}`);
    messages.push(
      ...packUpdates(
        attributesOf(peer * sets + set, targets),
        { family: 'vpnv4', nexthop, routes: list },
        codec,
      ),
    );
  }
  messages.push(encodeEndOfRib('vpnv4'));
  return Buffer.concat(messages);
}

function attributesOf(number: number, targets: number): PathAttributes {
  return {
    origin: 'igp',
    asPath: [{ kind: 'sequence', numbers: [64_512 + (number % 100), 64_700] }],
    med: number % 7,
    localPreference: 100 + (number % 3),
    atomicAggregate: false,
    aggregator: undefined,
    communities: [(65_000 << 16) >>> 0],
    originatorId: undefined,
    clusterList: [],
    routeTargets: [targetOf(number % targets)],
    // MPLS in GRE and in UDP, and a value that makes each set another.
    extendedCommunities: [
      '030c000000000002',
      '030c00000000000d',
      `03060000${number.toString(16).padStart(8, '0')}`,
    ],
    largeCommunities: [],
    tunnels: [],
    unknown: [],
  };
}

/** What a peer wants: so many targets, those of the table first. End-of-RIB included. */
export function interestMessages(targets: number): Uint8Array {
  const memberships = Array.from({ length: targets }, (_, number): RtcNlri => {
    const target = Buffer.alloc(8);
    target.writeUInt16BE(0x0002, 0);
    target.writeUInt16BE(localAs, 2);
    target.writeUInt32BE(1000 + number, 4);
    return { originAs: localAs, target, length: 96 };
  });
  const attributes = { ...attributesOf(0, 1), routeTargets: [], extendedCommunities: [], asPath: [] };
  const nexthop = parseIpAddress('10.253.255.255');
  return Buffer.concat([
    ...packUpdates(attributes, { family: 'rtc', nexthop, memberships }, codec),
    encodeEndOfRib('rtc'),
  ]);
}
