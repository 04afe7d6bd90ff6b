// A message of the kernel as an object: what a dump lists and what a notification tells.
import { NetError } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { KernelObject } from '../objects.ts';
import { decodeAddress } from './address.ts';
import { decodeFilter, decodeQdisc } from './filter/traffic-control.ts';
import { decodeLink } from './link/link.ts';
import { decodeNeighbour } from './neighbour.ts';
import { decodeNetconf } from './netconf.ts';
import { decodeNexthop } from './route/nexthop.ts';
import { decodeRoute } from './route/route.ts';
import { decodeRule } from './rule.ts';
import type { Message } from './wire/message.ts';
import { deleteMessage, newMessage, type RtnetlinkKind } from './wire/message-types.ts';
import type { Payload } from './wire/reader.ts';

type Decode = (payload: Payload) => KernelObject | undefined;

const decoders: Readonly<Record<RtnetlinkKind, Decode>> = {
  link: decodeLink,
  address: decodeAddress,
  neighbour: decodeNeighbour,
  route: decodeRoute,
  nexthop: decodeNexthop,
  rule: decodeRule,
  qdisc: decodeQdisc,
  filter: decodeFilter,
  netconf: decodeNetconf,
};

interface Meaning {
  readonly type: 'new' | 'delete';
  readonly decode: Decode;
}

const meanings: ReadonlyMap<number, Meaning> = new Map(
  (Object.keys(decoders) as RtnetlinkKind[]).flatMap((kind): [number, Meaning][] => [
    [newMessage[kind], { type: 'new', decode: decoders[kind] }],
    [deleteMessage(kind), { type: 'delete', decode: decoders[kind] }],
  ]),
);

/**
 * @returns undefined for a message that tells of nothing we know: of another family, of a route cache, of a bridge.
 * @throws RtnetlinkError `decode`
 */
export function decodeObject(
  message: Message,
): { readonly type: 'new' | 'delete'; readonly object: KernelObject } | undefined {
  const known = meanings.get(message.type);
  if (known === undefined) return undefined;
  const object = decodePayload(message.payload, known.decode);
  return object === undefined ? undefined : { type: known.type, object };
}

/** @throws RtnetlinkError `decode`, also for lengths that fit the message and not the value, such as an IPv4 prefix of 33 bits. */
export function decodePayload<T>(payload: Payload, decode: (payload: Payload) => T): T {
  try {
    return decode(payload);
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    throw new RtnetlinkError('decode', `malformed netlink message: ${error.message}`, { cause: error });
  }
}
