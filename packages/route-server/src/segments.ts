// Cuts an event into messages of a size that every receiver takes. Pure.
import type { VpnEvent, VpnRoute } from '@hostpe/signaling';

/**
 * A message carries up to this much; an item or a next-hop counts 1, and is some 100 to 200 bytes on the wire. Large enough
 * that the frame around it costs nothing, far below the 256 KiB that other implementations take.
 */
export const SEGMENT_SIZE = 200;

/** How much of a message a retracted item or a route is. */
export function sizeOf(item: string | VpnRoute): number {
  return typeof item === 'string' ? 1 : 1 + item.nexthops.length;
}

/** The event in pieces, in order: retracted items, then routes. One route is never cut. */
export function* segments(event: VpnEvent, most: number = SEGMENT_SIZE): Generator<VpnEvent> {
  if (event.kind !== 'items') {
    yield event;
    return;
  }
  let routes: VpnRoute[] = [];
  let retractedIds: string[] = [];
  let size = 0;
  const segment = (): VpnEvent => ({ kind: 'items', vpn: event.vpn, routes, retractedIds, rejected: [] });
  for (const item of [...event.retractedIds, ...event.routes]) {
    const itemSize = sizeOf(item);
    if (size > 0 && size + itemSize > most) {
      yield segment();
      routes = [];
      retractedIds = [];
      size = 0;
    }
    if (typeof item === 'string') retractedIds.push(item);
    else routes.push(item);
    size += itemSize;
  }
  if (size > 0) yield segment();
}
