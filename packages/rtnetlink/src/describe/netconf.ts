// How devices forward, in the words of `ip netconf`.
import type { Netconf } from '../objects.ts';
import { device, pair, type Word } from './words.ts';

const rpFilterWords: readonly (string | undefined)[] = ['off', 'strict', 'loose'];

export function netconfWords(netconf: Netconf): Word[] {
  const { index, rpFilter } = netconf;
  return [
    typeof index === 'number' ? device(index) : index,
    ...pair('forwarding', onOff(netconf.forwarding)),
    ...pair('rp_filter', rpFilter === undefined ? undefined : (rpFilterWords[rpFilter] ?? rpFilter)),
    ...pair('ignore_routes_with_linkdown', onOff(netconf.ignoreRoutesWithLinkdown)),
    ...pair('input', onOff(netconf.input)),
  ];
}

function onOff(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? 'on' : 'off';
}
