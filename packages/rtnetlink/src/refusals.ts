// What the kernel, or the codec, says no to, as errors that name the request in iproute2's words. Knows no socket.
import { type Fault, faultOf } from './codec/attribute-names.ts';
import { encodeRequest } from './codec/request.ts';
import { present } from './codec/wire/attributes.ts';
import { decodeVerdict, type Message } from './codec/wire/message.ts';
import { MessageWriter } from './codec/wire/writer.ts';
import { describe } from './describe.ts';
import { errnoName } from './errno.ts';
import { RtnetlinkError } from './errors.ts';
import type { DumpFilter, Request } from './kernel.ts';

/** A request that needs the generic-netlink family `fou`, of a kernel that has none. */
export function withoutFou(request: Request): RtnetlinkError {
  return refused(describe(request), 'ENOENT', 'this kernel has no foo-over-UDP');
}

/** A request that no message can carry. */
export function invalid(request: string, cause: RtnetlinkError): RtnetlinkError {
  return new RtnetlinkError('invalid', `${request}: ${cause.message}`, { cause });
}

/** The kernel's refusal of a request of ours, with the attribute that it says is at fault. */
export function requestFault(
  request: Request,
  message: Message,
  fouType: number | undefined,
): RtnetlinkError {
  // Encoded once more to see what the kernel saw: the bytes were handed over.
  const writer = new MessageWriter(256);
  encodeRequest(writer, request, message.sequence, fouType);
  return kernelError(describe(request), message, faultOf(message, writer.take(), fouType));
}

/** A table or a device that is not there, or a protocol that the kernel has not. */
export function isAbsence(filter: DumpFilter, error: RtnetlinkError): boolean {
  if (error.errno === 'ENODEV') return filter.object === 'neighbour' || filter.object === 'filter';
  if (filter.object !== 'route') return false;
  return error.errno === 'ENOENT' || (filter.family === 'mpls' && error.errno === 'EOPNOTSUPP');
}

export function kernelError(request: string, message: Message, fault: Fault = {}): RtnetlinkError {
  const { errno, text } = decodeVerdict(message);
  return refused(request, errnoName(errno), text, fault);
}

/** For example `route add 10.1.0.2/32 table 1001 nhid 9: EINVAL (Nexthop id does not exist, RTA_NH_ID)`. */
function refused(
  request: string,
  errno: string,
  kernelMessage: string | undefined,
  { attribute, offset, isMissing }: Fault = {},
): RtnetlinkError {
  const place = attribute === undefined ? undefined : `${isMissing ? 'lacks ' : ''}${attribute}`;
  const reasons = [kernelMessage, place].filter((reason) => reason !== undefined);
  const words = reasons.length === 0 ? errno : `${errno} (${reasons.join(', ')})`;
  return new RtnetlinkError('kernel', `${request}: ${words}`, {
    errno,
    ...present({ kernelMessage, attribute, offset }),
  });
}
