// Queueing disciplines and filters in the words of `tc`.
import type { Filter, Qdisc } from '../objects.ts';
import { device, type Word } from './words.ts';

export function qdiscWords(qdisc: Qdisc): Word[] {
  return [device(qdisc.index), qdisc.kind];
}

export function filterWords(filter: Filter): Word[] {
  const { match } = filter;
  return [
    device(filter.index),
    filter.hook,
    'protocol',
    `0x${filter.protocol.toString(16)}`,
    'pref',
    filter.priority,
    'handle',
    `0x${filter.handle.toString(16)}`,
    ...(match.kind === 'other'
      ? [match.name]
      : [
          'flower dst_mac',
          match.destinationMac,
          'action tunnel_key set src_ip',
          match.tunnel.source,
          'dst_ip',
          match.tunnel.destination,
          match.tunnel.csum ? 'csum' : 'nocsum',
          'action mirred egress redirect',
          device(match.redirect),
        ]),
  ];
}
