// A request as one netlink message. Owns which message type and flags an operation has; the kinds own the rest.
import { RtnetlinkError } from '../errors.ts';
import type { Operation, Request } from '../kernel.ts';
import type { FouPort, KernelObject, Netconf } from '../objects.ts';
import { encodeAddress } from './address.ts';
import { encodeFilter, encodeQdisc } from './filter/traffic-control.ts';
import { encodeFou } from './fou.ts';
import { encodeLink } from './link/link.ts';
import { encodeNeighbour } from './neighbour.ts';
import { encodeMplsRoute } from './route/mpls-route.ts';
import { encodeNexthop } from './route/nexthop.ts';
import { encodeRoute } from './route/route.ts';
import { encodeRule } from './rule.ts';
import { messageFlag } from './wire/message.ts';
import { deleteMessage, newMessage } from './wire/message-types.ts';
import type { MessageWriter } from './wire/writer.ts';

const operationFlags: Readonly<Record<Operation, number>> = {
  add: messageFlag.create | messageFlag.exclusive,
  replace: messageFlag.create | messageFlag.replace,
  set: 0,
  delete: 0,
};

type RtnetlinkObject = Exclude<KernelObject, FouPort | Netconf>;

/**
 * Appends the message. It asks for no acknowledgement: the kernel answers failures anyway.
 * @param fouType message type of the generic-netlink family `fou`; needed for fou ports only.
 * @throws RtnetlinkError `invalid`; nothing is appended then.
 */
export function encodeRequest(
  writer: MessageWriter,
  request: Request,
  sequence: number,
  fouType?: number,
): void {
  const { op, object } = request;
  if (object.object === 'netconf') {
    throw new RtnetlinkError('invalid', 'netconf can only be read: sysctls change it');
  }
  if (object.object === 'fou' && op === 'set') {
    throw new RtnetlinkError('invalid', 'a fou port cannot be changed');
  }
  try {
    if (object.object === 'fou') writer.begin(fouType ?? 0, messageFlag.request, sequence);
    else {
      const type = op === 'delete' ? deleteMessage(object.object) : newMessage[object.object];
      writer.begin(type, messageFlag.request | operationFlags[op], sequence);
    }
    if (object.object === 'fou') encodeFou(writer, op, object);
    else encodeObject(writer, op, object);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  writer.end();
}

function encodeObject(writer: MessageWriter, op: Operation, object: RtnetlinkObject): void {
  switch (object.object) {
    case 'link':
      encodeLink(writer, op, object);
      break;
    case 'address':
      encodeAddress(writer, op, object);
      break;
    case 'neighbour':
      encodeNeighbour(writer, op, object);
      break;
    case 'route':
      if (object.family === 'mpls') encodeMplsRoute(writer, op, object);
      else encodeRoute(writer, op, object);
      break;
    case 'nexthop':
      encodeNexthop(writer, op, object);
      break;
    case 'rule':
      encodeRule(writer, op, object);
      break;
    case 'qdisc':
      encodeQdisc(writer, op, object);
      break;
    case 'filter':
      encodeFilter(writer, op, object);
      break;
  }
}
