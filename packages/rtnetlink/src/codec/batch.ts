// Many requests as one run of messages, in their order: what the socket sends. A request that no message can carry is left out and told.
import { RtnetlinkError } from '../errors.ts';
import type { Request, RouteColumns, RouteOperation } from '../kernel.ts';
import { encodeRequest } from './request.ts';
import { faultOfPlain, newPlainRoute, readPlainRoute, writePlainRoute } from './route/plain-route.ts';
import type { MessageWriter } from './wire/writer.ts';

const plain = newPlainRoute();

/**
 * Appends requests[from] to requests[to - 1]; the message of requests[n] has the sequence number `sequence + n - from`.
 * @param fouType message type of the generic-netlink family `fou`; needed for fou ports only.
 * @param refused gets the place and the error (`invalid`) of each request that is not sent.
 */
export function encodeBatch(
  writer: MessageWriter,
  requests: readonly Request[],
  from: number,
  to: number,
  sequence: number,
  fouType: number | undefined,
  refused: (at: number, error: RtnetlinkError) => void,
): void {
  for (let at = from; at < to; at++) {
    const request = requests[at] as Request;
    const { op, object } = request;
    if (
      object.object === 'route' &&
      object.family !== 'mpls' &&
      op !== 'set' &&
      readPlainRoute(object, plain)
    ) {
      writePlainRoute(writer, op, plain, sequence + at - from);
      continue;
    }
    try {
      encodeRequest(writer, request, sequence + at - from, fouType);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      refused(at, error);
    }
  }
}

const column = newPlainRoute();

/** As `encodeBatch`, of one operation with routes in columns. */
export function encodeRoutes(
  writer: MessageWriter,
  op: RouteOperation,
  routes: RouteColumns,
  from: number,
  to: number,
  sequence: number,
  refused: (at: number, error: RtnetlinkError) => void,
): void {
  const ipv6 = routes.family === 'ipv6';
  const width = ipv6 ? 4 : 1;
  column.ipv6 = ipv6;
  column.words = routes.addresses;
  for (let at = from; at < to; at++) {
    column.word = at * width;
    column.prefixLength = routes.prefixLengths[at] as number;
    column.table = routes.tables[at] as number;
    column.type = routes.types[at] as number;
    column.protocol = routes.protocols[at] as number;
    column.metric = routes.metrics[at] as number;
    column.nexthopId = routes.nexthopIds[at] as number;
    const wrong = faultOfPlain(column);
    if (wrong === undefined) writePlainRoute(writer, op, column, sequence + at - from);
    else refused(at, new RtnetlinkError('invalid', wrong));
  }
}
