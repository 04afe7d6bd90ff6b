// Which attribute of a request an acknowledgement is about, by its names in the kernel's headers. Reads requests of ours; knows no socket.
import { RtnetlinkError } from '../errors.ts';
import { addressAttributes, addressHeaderLength } from './address.ts';
import { trafficControlAttributes, trafficControlHeaderLength } from './filter/traffic-control.ts';
import { fouAttributes, fouHeaderLength } from './fou.ts';
import { linkAttributes, linkHeaderLength } from './link/link.ts';
import { neighbourAttributes, neighbourHeaderLength } from './neighbour.ts';
import { netconfAttributes, netconfHeaderLength } from './netconf.ts';
import { nexthopAttributes, nexthopHeaderLength } from './route/nexthop.ts';
import { routeAttributes } from './route/route.ts';
import { routeHeaderLength } from './route/route-header.ts';
import { ruleAttributes, ruleHeaderLength } from './rule.ts';
import type { AttributeNames, Place } from './wire/attributes.ts';
import { decodeVerdict, forEachMessage, type Message } from './wire/message.ts';
import { newMessage, type RtnetlinkKind } from './wire/message-types.ts';
import type { Payload } from './wire/reader.ts';
import { messageHeaderLength } from './wire/writer.ts';

/** The attributes of a message and the length of the struct before them. */
interface Layout {
  readonly names: AttributeNames;
  readonly header: number;
}

const layouts: Readonly<Record<RtnetlinkKind, Layout>> = {
  link: { names: linkAttributes, header: linkHeaderLength },
  address: { names: addressAttributes, header: addressHeaderLength },
  // Label routes have the same names.
  route: { names: routeAttributes, header: routeHeaderLength },
  neighbour: { names: neighbourAttributes, header: neighbourHeaderLength },
  rule: { names: ruleAttributes, header: ruleHeaderLength },
  qdisc: { names: trafficControlAttributes, header: trafficControlHeaderLength },
  filter: { names: trafficControlAttributes, header: trafficControlHeaderLength },
  netconf: { names: netconfAttributes, header: netconfHeaderLength },
  nexthop: { names: nexthopAttributes, header: nexthopHeaderLength },
};

const fouLayout: Layout = { names: fouAttributes, header: fouHeaderLength };

/** NEW, DEL and GET of a kind, in this order, are numbered from a multiple of four. */
const kinds: ReadonlyMap<number, RtnetlinkKind> = new Map(
  (Object.keys(newMessage) as RtnetlinkKind[]).map((kind) => [newMessage[kind], kind]),
);
const kindMask = ~3;

/** What a request was refused for. */
export interface Fault {
  /** The attribute at fault, or the one that is missing, after those that it is in: `NHA_ENCAP/MPLS_IPTUNNEL_DST`. */
  readonly attribute?: string;
  /** Where it begins in the request, counted from its struct nlmsghdr; absent where it is missing. */
  readonly offset?: number;
  /** The request lacks the attribute. */
  readonly isMissing?: true;
}

/**
 * @param acknowledgement NLMSG_ERROR, or an NLMSG_DONE that says that a dump failed.
 * @param request the one message, from its struct nlmsghdr on, that it answers.
 * @param fouType message type of the generic-netlink family `fou`, where the request is of that protocol.
 * @returns nothing where the kernel names no attribute; no name where none of ours is there.
 * @throws RtnetlinkError `decode` where the acknowledgement is malformed.
 */
export function faultOf(acknowledgement: Message, request: Uint8Array, fouType?: number): Fault {
  const { offset, missing } = decodeVerdict(acknowledgement);
  if (offset !== undefined) {
    const attribute = placeAt(request, offset, fouType)?.path;
    return attribute === undefined ? { offset } : { attribute, offset };
  }
  if (missing === undefined) return {};
  if (missing.nest !== undefined) {
    const nest = placeAt(request, missing.nest, fouType);
    if (nest?.inside === undefined) return {};
    return { attribute: `${nest.path}/${nest.inside.nameOf(missing.type)}`, isMissing: true };
  }
  const names = open(request, fouType)?.layout.names;
  return names === undefined ? {} : { attribute: names.nameOf(missing.type), isMissing: true };
}

/** @param offset from the start of the message. */
function placeAt(request: Uint8Array, offset: number, fouType: number | undefined): Place | undefined {
  const opened = open(request, fouType);
  if (opened === undefined) return undefined;
  const { layout, payload } = opened;
  try {
    return layout.names.at(payload, offset - messageHeaderLength, layout.header);
  } catch (error) {
    // An attribute that the caller gave as an unknown one may be anything.
    if (error instanceof RtnetlinkError) return undefined;
    throw error;
  }
}

function open(
  request: Uint8Array,
  fouType: number | undefined,
): { readonly layout: Layout; readonly payload: Payload } | undefined {
  let opened: { readonly layout: Layout; readonly payload: Payload } | undefined;
  forEachMessage(request, ({ type, payload }) => {
    const kind = kinds.get(type & kindMask);
    if (type === fouType) opened = { layout: fouLayout, payload };
    else if (kind !== undefined) opened = { layout: layouts[kind], payload };
  });
  return opened;
}
