// The frame of netlink messages (struct nlmsghdr, linux/netlink.h) and the kernel's acknowledgements. Knows no kind of object.
import { littleEndian } from './host-order.ts';
import { malformed, Payload } from './reader.ts';
import { alignment, messageHeaderLength } from './writer.ts';

export const messageType = { noop: 1, error: 2, done: 3 } as const;

/** NLM_F_*. */
export const messageFlag = {
  request: 0x1,
  ack: 0x4,
  dumpInterrupted: 0x10,
  /** Of an acknowledgement: the request is not repeated in it. */
  capped: 0x100,
  /** Of an acknowledgement: attributes follow. */
  ackAttributes: 0x200,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  dump: 0x300,
} as const;

/** NLMSGERR_ATTR_*; the others say nothing that an operator needs. */
const acknowledgement = { message: 1, offset: 2, missingType: 5, missingNest: 6 } as const;

/** Of a struct nlmsgerr, which has the header of the request, behind its own header. */
const agreementLength = messageHeaderLength + 4 + messageHeaderLength;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Payload;
  /** Where the message begins and ends in the bytes that it was read from. */
  readonly start: number;
  readonly end: number;
}

/** Calls `visit` for each message of a datagram. @throws RtnetlinkError `decode` at the first that does not fit. */
export function forEachMessage(bytes: Uint8Array, visit: (message: Message) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  forEachFrame(view, (type, flags, sequence, start, end) => {
    const payload = new Payload(view, start + messageHeaderLength, end);
    visit({ type, flags, sequence, payload, start, end });
  });
}

/** As `forEachMessage`, for those who go through a million and need no object of each. `start` and `end` include the header. */
export function forEachFrame(
  view: DataView,
  visit: (type: number, flags: number, sequence: number, start: number, end: number) => void,
): void {
  let start = 0;
  while (start < view.byteLength) {
    if (view.byteLength - start < messageHeaderLength)
      throw malformed(`${view.byteLength - start} bytes left over`);
    const length = view.getUint32(start, littleEndian);
    const end = start + length;
    if (length < messageHeaderLength || end > view.byteLength)
      throw malformed(`a message of ${length} bytes`);
    visit(
      view.getUint16(start + 4, littleEndian),
      view.getUint16(start + 6, littleEndian),
      view.getUint32(start + 8, littleEndian),
      start,
      end,
    );
    start += (length + alignment - 1) & -alignment;
  }
}

/** Sets NLM_F_ACK in the message that begins at `start`. */
export function demandAck(view: DataView, start: number): void {
  view.setUint16(start + 6, view.getUint16(start + 6, littleEndian) | messageFlag.ack, littleEndian);
}

/** The sequence number of the message that begins at `start`. */
export function sequenceAt(view: DataView, start: number): number {
  return view.getUint32(start + 8, littleEndian);
}

/**
 * Whether a datagram is the kernel's agreement to the request of that number, and nothing else.
 * @param length of the datagram, which begins with the view.
 */
export function isAgreement(view: DataView, length: number, sequence: number): boolean {
  return (
    length === agreementLength &&
    view.getUint16(4, littleEndian) === messageType.error &&
    view.getInt32(messageHeaderLength, littleEndian) === 0 &&
    sequenceAt(view, 0) === sequence
  );
}

export interface Verdict {
  /** A positive errno; 0: the kernel agreed. */
  readonly errno: number;
  /** The kernel's extended acknowledgement. */
  readonly text: string | undefined;
  /** Where in the request the attribute at fault begins, counted from its struct nlmsghdr. */
  readonly offset: number | undefined;
  /** The attribute that the request lacks: its number, and where the nest begins that lacks it; without one it is the message. */
  readonly missing: { readonly type: number; readonly nest: number | undefined } | undefined;
}

/** Reads the payload of an NLMSG_ERROR, or of an NLMSG_DONE, which has the same form without a request in it. */
export function decodeVerdict(message: Message): Verdict {
  const { payload } = message;
  const silent = { text: undefined, offset: undefined, missing: undefined };
  // Old kernels end a dump without a verdict.
  if (message.type === messageType.done && payload.length < 4) return { errno: 0, ...silent };
  const errno = -payload.i32(0);
  if ((message.flags & messageFlag.ackAttributes) === 0) return { errno, ...silent };
  let header = 4;
  if (message.type === messageType.error) {
    const request = (message.flags & messageFlag.capped) !== 0 ? messageHeaderLength : payload.u32(4);
    header += (request + alignment - 1) & -alignment;
  }
  let text: string | undefined;
  let offset: number | undefined;
  let type: number | undefined;
  let nest: number | undefined;
  payload.attributes(header, (attribute, value) => {
    if (attribute === acknowledgement.message) text = value.string();
    else if (attribute === acknowledgement.offset) offset = value.u32(0);
    else if (attribute === acknowledgement.missingType) type = value.u32(0);
    else if (attribute === acknowledgement.missingNest) nest = value.u32(0);
  });
  return { errno, text, offset, missing: type === undefined ? undefined : { type, nest } };
}
