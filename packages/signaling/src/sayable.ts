// Messages reduced to what a dialect can say. Pure; the encoders refuse what is left out here.
import type { DialectCodec } from './dialects.ts';
import type { RejectedItem, VpnEvent, VpnRequest, VpnRoute } from './messages.ts';

export interface Sayable<Message> {
  readonly message: Message;
  /** Routes that the receiver is not told, with the reason. */
  readonly unsaid: readonly RejectedItem[];
}

/** The message is undefined where nothing is left to ask. */
export function sayableRequest(codec: DialectCodec, request: VpnRequest): Sayable<VpnRequest | undefined> {
  if (request.kind !== 'publish') return { message: request, unsaid: [] };
  const { routes, unsaid } = sayableRoutes(codec, request.routes);
  return { message: routes.length === 0 ? undefined : { ...request, routes }, unsaid };
}

/** A route that cannot be said is retracted: an earlier form of it may have been said. */
export function sayableEvent(codec: DialectCodec, event: VpnEvent): Sayable<VpnEvent> {
  if (event.kind !== 'items') return { message: event, unsaid: [] };
  const { routes, unsaid } = sayableRoutes(codec, event.routes);
  if (unsaid.length === 0) return { message: { ...event, routes }, unsaid };
  const retractedIds = [...event.retractedIds];
  for (const { id } of unsaid) if (id !== undefined) retractedIds.push(id);
  return { message: { ...event, routes, retractedIds }, unsaid };
}

function sayableRoutes(codec: DialectCodec, routes: readonly VpnRoute[]) {
  const said: VpnRoute[] = [];
  const unsaid: RejectedItem[] = [];
  for (const route of routes) {
    const sayable = codec.sayable(route);
    if (typeof sayable === 'string') unsaid.push({ id: route.id, reason: sayable });
    else said.push(sayable);
  }
  return { routes: said, unsaid };
}
