// Whether actual forwarding objects are ours, and as they should be. Pure.
import type { Filter, MplsRoute } from '@hostpe/rtnetlink';
import { FILTER_PRIORITY } from './layout.ts';

/** The device is ours, other priorities of its hook may be an operator's. */
export function isOurFilter(filter: Filter): boolean {
  return filter.priority === FILTER_PRIORITY && filter.match.kind === 'flower';
}

/** What an operator knows a filter by. */
export function filterName({ match }: Filter): string {
  return match.kind === 'flower' ? `filter to PE ${match.tunnel.destination}` : `filter ${match.name}`;
}

/** Whether packets to a PE leave as they should. */
export function isSameFilter(actual: Filter | undefined, wanted: Filter): boolean {
  if (actual?.match.kind !== 'flower' || wanted.match.kind !== 'flower') return false;
  return (
    actual.protocol === wanted.protocol &&
    actual.match.destinationMac === wanted.match.destinationMac &&
    actual.match.redirect === wanted.match.redirect &&
    actual.match.tunnel.source === wanted.match.tunnel.source &&
    actual.match.tunnel.destination === wanted.match.tunnel.destination &&
    actual.match.tunnel.csum === wanted.match.tunnel.csum &&
    actual.match.tunnel.keyless === wanted.match.tunnel.keyless
  );
}

/** Whether a label leads where it should. */
export function isSameLabelRoute(actual: MplsRoute | undefined, wanted: MplsRoute): boolean {
  return (
    actual?.device === wanted.device && actual.via === wanted.via && (actual.newLabels?.length ?? 0) === 0
  );
}
