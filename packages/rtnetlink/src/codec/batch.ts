// Many requests as one run of messages, in their order: what the socket sends. A request that no message can carry is left out and told.
import { RtnetlinkError } from '../errors.ts';
import type { Request } from '../kernel.ts';
import { encodeRequest } from './request.ts';
import { newPlainRoute, readPlainRoute, writePlainRoute } from './route/plain-route.ts';
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
