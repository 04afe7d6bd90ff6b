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

/** NLMSGERR_ATTR_MSG */
const attributeMessage = 1;

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
  let start = 0;
  while (start < bytes.length) {
    if (bytes.length - start < messageHeaderLength)
      throw malformed(`${bytes.length - start} bytes left over`);
    const length = view.getUint32(start, littleEndian);
    const end = start + length;
    if (length < messageHeaderLength || end > bytes.length) throw malformed(`a message of ${length} bytes`);
    visit({
      type: view.getUint16(start + 4, littleEndian),
      flags: view.getUint16(start + 6, littleEndian),
      sequence: view.getUint32(start + 8, littleEndian),
      payload: new Payload(view, start + messageHeaderLength, end),
      start,
      end,
    });
    start += (length + alignment - 1) & -alignment;
  }
}

/** Sets NLM_F_ACK in the message that begins at `start`. */
export function demandAck(bytes: Uint8Array, start: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint16(start + 6, view.getUint16(start + 6, littleEndian) | messageFlag.ack, littleEndian);
}

export interface Verdict {
  /** A positive errno; 0: the kernel agreed. */
  readonly errno: number;
  /** The kernel's extended acknowledgement. */
  readonly text: string | undefined;
}

/** Reads the payload of an NLMSG_ERROR, or of an NLMSG_DONE, which has the same form without a request in it. */
export function decodeVerdict(message: Message): Verdict {
  const { payload } = message;
  // Old kernels end a dump without a verdict.
  if (message.type === messageType.done && payload.length < 4) return { errno: 0, text: undefined };
  const errno = -payload.i32(0);
  if ((message.flags & messageFlag.ackAttributes) === 0) return { errno, text: undefined };
  let header = 4;
  if (message.type === messageType.error) {
    const request = (message.flags & messageFlag.capped) !== 0 ? messageHeaderLength : payload.u32(4);
    header += (request + alignment - 1) & -alignment;
  }
  let text: string | undefined;
  payload.attributes(header, (type, value) => {
    if (type === attributeMessage) text = value.string();
  });
  return { errno, text };
}
