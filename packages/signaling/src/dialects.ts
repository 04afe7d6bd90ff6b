// The dialects that a session can speak, each as one strict encoder. Owns what a dialect cannot say and what becomes of a
// route then; the decoders take every dialect.
import type { Element } from 'ltx';
import { encodeContrailEvent, encodeContrailRequest } from './encode-contrail.ts';
import { encodeEvent, encodeReply, encodeRequest } from './encode-draft.ts';
import { encodeMarquesEvent, encodeMarquesRequest } from './encode-marques.ts';
import type { RequestContext, VpnEvent, VpnRequest, VpnRoute } from './messages.ts';

/**
 * - `end-system-06`: draft-ietf-l3vpn-end-system-06.
 * - `end-system-07m`: draft-marques-l3vpn-end-system-07.
 * - `contrail`: Contrail, Tungsten Fabric and OpenSDN.
 */
export const dialectNames = ['end-system-06', 'end-system-07m', 'contrail'] as const;
export type Dialect = (typeof dialectNames)[number];

export interface DialectCodec {
  /**
   * The children of the iq sets that make a request, in order.
   * @throws SignalingError `not-encodable` for a value that no peer would accept or that the dialect cannot say.
   */
  encodeRequest(request: VpnRequest, context: RequestContext): Element[];
  /** The child of the iq result that answers a request; undefined for an empty result. */
  encodeReply(request: VpnRequest, jid: string): Element | undefined;
  /** The event children of the messages that make an event, in order. @throws SignalingError `not-encodable` */
  encodeEvent(event: VpnEvent): Element[];
  /**
   * The route as the dialect can say it without leading packets astray, itself where it can say all; or why it cannot.
   */
  sayable(route: VpnRoute): VpnRoute | string;
  /** Whether End-of-RIB is said of a VPN, or once of all VPNs of the session. */
  readonly endOfRib: 'vpn' | 'session';
}

export const dialects: Readonly<Record<Dialect, DialectCodec>> = {
  'end-system-06': {
    encodeRequest: (request, { jid }) => [encodeRequest(request, jid)],
    encodeReply,
    encodeEvent: (event) => [encodeEvent(event)],
    sayable: (route) => route,
    endOfRib: 'vpn',
  },
  'end-system-07m': {
    encodeRequest: (request, { jid }) => encodeMarquesRequest(request, jid),
    encodeReply,
    encodeEvent: encodeMarquesEvent,
    sayable: marquesRoute,
    endOfRib: 'vpn',
  },
  contrail: {
    encodeRequest: encodeContrailRequest,
    encodeReply: () => undefined,
    encodeEvent: encodeContrailEvent,
    sayable: contrailRoute,
    endOfRib: 'session',
  },
};

/**
 * One next-hop, the first that receives GRE, for a receiver assumes GRE; without local-preference. Who receives UDP alone
 * would not get what is sent to it.
 */
function marquesRoute(route: VpnRoute): VpnRoute | string {
  const nexthop = route.nexthops.find(
    ({ encapsulations }) => encapsulations.length === 0 || encapsulations.includes('gre'),
  );
  if (nexthop === undefined)
    return `${route.prefix}: no next-hop receives GRE, the one encapsulation of end-system-07m`;
  const { id, prefix, sequenceNumber } = route;
  return {
    id,
    prefix,
    nexthops: [{ ...nexthop, encapsulations: [] }],
    ...(sequenceNumber !== undefined && { sequenceNumber }),
  };
}

/** Local-preference 0 would be none at all, which is 100: 1 is the lowest. */
function contrailRoute(route: VpnRoute): VpnRoute {
  return route.localPreference === 0 ? { ...route, localPreference: 1 } : route;
}
