// The one filter that VPN traffic needs: flower matches the destination MAC address, tunnel_key names the tunnel's ends, mirred redirects.
import type { MacAddress } from '@hostpe/net';
import type { Filter } from '../../objects.ts';
import type { flowerAttributes } from './flower-attributes.ts';

export type Flower = Extract<Filter['match'], { kind: 'flower' }>;
export type FlowerValues = ReturnType<typeof flowerAttributes.read>;

const wholeMac = 'ff:ff:ff:ff:ff:ff' as MacAddress;
/** TCA_CLS_FLAGS_SKIP_SW: only for hardware. */
const skipSoftware = 2;

/** @param protocol EtherType of the filter. */
export function flowerValues(protocol: number, match: Flower): FlowerValues {
  return {
    TCA_FLOWER_KEY_ETH_DST: match.destinationMac,
    TCA_FLOWER_KEY_ETH_DST_MASK: wholeMac,
    TCA_FLOWER_KEY_ETH_TYPE: protocol,
    TCA_FLOWER_ACT: [
      { kind: 'tunnel_key', tunnel: match.tunnel },
      { kind: 'mirred', redirect: match.redirect },
    ],
  };
}

/** @returns undefined for every other match or action than those of `flowerValues`. */
export function flowerMatch(values: FlowerValues, protocol: number): Flower | undefined {
  const [first, second, third] = values.TCA_FLOWER_ACT ?? [];
  const destinationMac = values.TCA_FLOWER_KEY_ETH_DST;
  if (first?.kind !== 'tunnel_key' || second?.kind !== 'mirred' || third !== undefined) return undefined;
  const isOurs =
    values.kept === undefined &&
    values.unknown === undefined &&
    (values.TCA_FLOWER_KEY_ETH_DST_MASK ?? wholeMac) === wholeMac &&
    (values.TCA_FLOWER_KEY_ETH_TYPE ?? protocol) === protocol &&
    ((values.TCA_FLOWER_FLAGS ?? 0) & skipSoftware) === 0;
  if (!isOurs || destinationMac === undefined) return undefined;
  return { kind: 'flower', destinationMac, tunnel: first.tunnel, redirect: second.redirect };
}
