// Lightweight tunnels of routes and nexthops in iproute2's words. Of those that have no form here only what they are.
import type { RouteNexthop } from '../objects.ts';
import type { Word } from './words.ts';

/** LWTUNNEL_ENCAP_* by their numbers, as iproute2 calls them. */
const names = ['none', 'mpls', 'ip', 'ila', 'ip6', 'seg6', 'bpf', 'seg6local', 'rpl', 'ioam6', 'xfrm'];

export function encapWords({
  encapLabels,
  otherEncap,
}: Pick<RouteNexthop, 'encapLabels' | 'otherEncap'>): Word[] {
  if (encapLabels !== undefined) return ['encap mpls', encapLabels.join('/')];
  if (otherEncap === undefined) return [];
  const { type, attributes } = otherEncap;
  return ['encap', names[type] ?? `type ${type}`, `(${attributes.length} bytes)`];
}
