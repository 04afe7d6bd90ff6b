// Whole messages between bytes and values (RFC 4271 section 4). Never throws anything but BgpError, whatever the bytes.
import { BgpError, malformed } from '../error.ts';
import type { Message, RouteRefreshMessage, UpdateMessage } from '../messages.ts';
import { ByteWriter, read16 } from './bytes.ts';
import { familyFromNumbers, familyNumbers } from './families.ts';
import { checkHeader, headerLength } from './message-reader.ts';
import { decodeOpen, encodeOpen } from './open.ts';
import { type CodecOptions, longestMessage } from './options.ts';
import { beginMessage, encodeEndOfRib, finishMessage, packUpdates, packWithdrawals } from './pack.ts';
import { decodeUpdate } from './update-decode.ts';

const types = { open: 1, update: 2, notification: 3, keepalive: 4, 'route-refresh': 5 } as const;
const refreshKinds = ['request', 'begin', 'end'] as const;

/**
 * @param bytes one message with its header, as MessageReader gives it. No value refers to them afterwards.
 * @returns undefined for a ROUTE-REFRESH of a subtype that is to be ignored (RFC 7313 section 5).
 * @throws BgpError `malformed` with the NOTIFICATION that ends the session
 */
export function decodeMessage(bytes: Uint8Array, options: CodecOptions): Message | undefined {
  const length = checkHeader(bytes, longestMessage(options));
  if (length !== bytes.length)
    throw malformed(1, 2, `${bytes.length} octets of a message of ${length}`, bytes.subarray(16, 18));
  const body = bytes.subarray(headerLength);
  switch (bytes[18]) {
    case types.open:
      return decodeOpen(body);
    case types.update:
      return decodeUpdate(body, options);
    case types.notification:
      return { type: 'notification', code: body[0] ?? 0, subcode: body[1] ?? 0, data: body.slice(2) };
    case types.keepalive:
      return { type: 'keepalive' };
    default:
      return decodeRouteRefresh(body, bytes);
  }
}

function decodeRouteRefresh(body: Uint8Array, bytes: Uint8Array): RouteRefreshMessage | undefined {
  const kind = refreshKinds[body[2] ?? 0];
  if (kind === undefined) return undefined;
  if (kind !== 'request' && body.length !== 4)
    throw malformed(7, 1, `a ROUTE-REFRESH of ${bytes.length} octets; 23 is right`, bytes);
  return { type: 'route-refresh', family: familyFromNumbers(read16(body, 0), body[3] ?? 0), kind };
}

/**
 * An UPDATE that is more than one message can hold is not sendable here: packUpdates and packWithdrawals divide it.
 * @throws BgpError `unsendable`
 */
export function encodeMessage(message: Message, options: CodecOptions): Uint8Array {
  if (message.type === 'update') return encodeUpdate(message, options);
  const writer = new ByteWriter(
    message.type === 'open' ? longestMessage({ extendedMessage: false }) : longestMessage(options),
  );
  beginMessage(writer, types[message.type]);
  if (message.type === 'open') {
    encodeOpen(writer, message);
  } else if (message.type === 'notification') {
    writer.u8(message.code);
    writer.u8(message.subcode);
    writer.bytes(message.data);
  } else if (message.type === 'route-refresh') {
    const { afi, safi } = familyNumbers(message.family);
    writer.u16(afi);
    writer.u8(refreshKinds.indexOf(message.kind));
    writer.u8(safi);
  }
  return finishMessage(writer);
}

function encodeUpdate(update: UpdateMessage, options: CodecOptions): Uint8Array {
  const { attributes, announced, withdrawn, endOfRib } = update;
  const messages = [
    ...(endOfRib === undefined ? [] : [encodeEndOfRib(endOfRib)]),
    ...(attributes === undefined || announced === undefined
      ? []
      : packUpdates(attributes, announced, options)),
    ...withdrawn.flatMap((family) => [...packWithdrawals(family, options)]),
  ];
  const [only] = messages;
  if (only === undefined || messages.length > 1)
    throw new BgpError('unsendable', `an UPDATE that needs ${messages.length} messages`);
  return only;
}
