// Cuts a run of netlink messages into datagrams that the kernel takes whole and can answer whole.
import { littleEndian } from '../codec/wire/host-order.ts';
import { sequenceAt } from '../codec/wire/message.ts';
import { alignment } from '../codec/wire/writer.ts';

/** The default send buffer is 212,992 bytes. */
const mostBytes = 64 * 1024;

export interface Datagram {
  readonly start: number;
  readonly end: number;
  /** Where its last message begins, and the sequence number of that. */
  readonly last: number;
  readonly sequence: number;
}

/**
 * @param bytes well-formed messages, one behind the other.
 * @param mostMessages in one datagram; a message longer than a datagram's limit is one alone.
 */
export function* datagramsOf(bytes: Uint8Array<ArrayBuffer>, mostMessages: number): Generator<Datagram> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let start = 0; start < bytes.length; ) {
    let last = start;
    let end = start;
    for (let count = 0; count < mostMessages && end < bytes.length; count++) {
      const next = end + ((view.getUint32(end, littleEndian) + alignment - 1) & -alignment);
      if (count > 0 && next - start > mostBytes) break;
      last = end;
      end = next;
    }
    yield { start, end, last, sequence: sequenceAt(view, last) };
    start = end;
  }
}
