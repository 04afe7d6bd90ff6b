// Short forms of the values that tests are made of.
import {
  type Encapsulation,
  type IpPrefix,
  parseIpAddress,
  parseIpPrefix,
  parseLabel,
  parseRouteTarget,
} from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import type { Log } from '@hostpe/xmpp';
import { type VpnPolicy, Vpns } from '../src/vpns.ts';

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface RouteParts {
  readonly prefix: string;
  readonly nexthop: string;
  readonly label: number;
  readonly id?: string;
  readonly sequenceNumber?: number;
  readonly localPreference?: number;
  readonly encapsulations?: readonly Encapsulation[];
}

/** A route as a forwarder publishes it; the id defaults to `nexthop:prefix`. */
export function route({ prefix, nexthop, label, id, encapsulations, ...rest }: RouteParts): VpnRoute {
  return {
    id: id ?? `${nexthop}:${prefix}`,
    prefix: parseIpPrefix(prefix),
    nexthops: [
      { address: parseIpAddress(nexthop), label: parseLabel(label), encapsulations: encapsulations ?? [] },
    ],
    ...rest,
  };
}

export const prefixes = (...texts: readonly string[]): IpPrefix[] => texts.map(parseIpPrefix);

/** VPN name to import and export targets. */
type WrittenPolicies = Readonly<Record<string, readonly [readonly string[], readonly string[]]>>;

export function policiesOf(written: WrittenPolicies): ReadonlyMap<string, VpnPolicy> {
  const parsed = (targets: readonly string[]) => targets.map(parseRouteTarget);
  return new Map(
    Object.entries(written).map(([vpn, [imports, exports]]) => [
      vpn,
      { import: parsed(imports), export: parsed(exports) },
    ]),
  );
}

export const vpnsOf = (written: WrittenPolicies): Vpns => new Vpns(policiesOf(written));

/** `address/label` of each next-hop, in order. */
export const nexthopsOf = (announced: VpnRoute | undefined): string[] =>
  (announced?.nexthops ?? []).map(({ address, label }) => `${address}/${label}`);
