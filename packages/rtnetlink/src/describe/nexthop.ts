// Nexthop objects in the words of `ip nexthop`.
import type { Nexthop } from '../objects.ts';
import { encapWords } from './encap.ts';
import { device, pair, type Word } from './words.ts';

/** Of clock_t, in a second. */
const ticks = 100;

export function nexthopWords(nexthop: Nexthop): Word[] {
  const members = nexthop.group?.map(({ id, weight }) => (weight === 1 ? `${id}` : `${id},${weight}`));
  return [
    'id',
    nexthop.id,
    ...pair('group', members?.join('/')),
    ...resilientWords(nexthop.resilient),
    nexthop.blackhole && 'blackhole',
    ...encapWords(nexthop),
    ...pair('via', nexthop.gateway),
    nexthop.device !== undefined && device(nexthop.device),
    nexthop.onlink && 'onlink',
    ...pair('proto', nexthop.protocol),
  ];
}

/** Times in seconds, as iproute2 has them. */
function resilientWords(resilient: Nexthop['resilient']): Word[] {
  if (resilient === undefined) return [];
  const { buckets, idleTimer, unbalancedTimer } = resilient;
  return [
    'type resilient buckets',
    buckets,
    ...pair('idle_timer', idleTimer === undefined ? undefined : idleTimer / ticks),
    ...pair('unbalanced_timer', unbalancedTimer === undefined ? undefined : unbalancedTimer / ticks),
  ];
}
