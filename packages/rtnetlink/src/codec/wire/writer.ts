// Writes netlink messages one behind the other into a buffer that grows. Refuses a number that its field cannot carry before anything
// is sent; knows no kind of message. Lengths are bytes.
import { RtnetlinkError } from '../../errors.ts';
import { littleEndian } from './host-order.ts';

/** nlmsghdr and nlattr are aligned to this (NLMSG_ALIGNTO, NLA_ALIGNTO). */
export const alignment = 4;
export const messageHeaderLength = 16;
export const attributeHeaderLength = 4;
/** NLA_F_NESTED; strictly checked attributes demand it. */
const nestedFlag = 0x8000;
const text = new TextEncoder();

export class MessageWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #words: Uint32Array<ArrayBuffer>;
  #length = 0;
  #messageStart = 0;

  constructor(capacity = 4096) {
    const buffer = new ArrayBuffer(whole(capacity));
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#words = new Uint32Array(buffer);
  }

  #use(buffer: ArrayBuffer): void {
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#words = new Uint32Array(buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The messages so far, as their own bytes; the writer is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /**
   * The messages so far, in the writer's own buffer, to be handed to another thread; the writer goes on with `spare`, or a new one. A buffer
   * that comes back is worth having: the kernel fills a new one page by page, which costs more than to write the messages.
   */
  handOver(spare?: ArrayBuffer): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#use(spare ?? new ArrayBuffer(this.#bytes.length));
    this.#length = 0;
    return taken;
  }

  /** Writes the struct nlmsghdr; `end` fills in its length. */
  begin(type: number, flags: number, sequence: number): void {
    this.#messageStart = this.#length;
    this.u32(0);
    this.u16(type);
    this.u16(flags);
    this.u32(sequence);
    this.u32(0);
  }

  end(): void {
    this.#view.setUint32(this.#messageStart, this.#length - this.#messageStart, littleEndian);
  }

  /** Drops all messages. */
  discard(): void {
    this.#length = 0;
  }

  /** Drops the message that was begun and not ended. */
  abandon(): void {
    this.#length = this.#messageStart;
  }

  /** The same buffer for single numbers. */
  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  /** The buffer in words of this machine, for those who write whole messages. Another one after each `reserveWords`. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** The buffer as bytes, of which `length` are messages; what is sent from it is to be dropped by `discard` then. Another one when it grows. */
  get memory(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Makes room for so many words, to be filled at once; `endWords` says how far. @returns where they begin in `words`. */
  reserveWords(count: number): number {
    this.#reserve(count * 4);
    return this.#length >>> 2;
  }

  /** @param end where in `words` the next message begins. */
  endWords(end: number): void {
    this.#length = end * 4;
  }

  u8(value: number): void {
    check(value, 0xff);
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  u16(value: number): void {
    check(value, 0xffff);
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, littleEndian);
    this.#length += 2;
  }

  /** Network order. */
  be16(value: number): void {
    check(value, 0xffff);
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, false);
    this.#length += 2;
  }

  u32(value: number): void {
    check(value, 0xffffffff);
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, littleEndian);
    this.#length += 4;
  }

  i32(value: number): void {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff)
      throw new RtnetlinkError('invalid', `${value} is not a number of 32 bits with a sign`);
    this.#reserve(4);
    this.#view.setInt32(this.#length, value, littleEndian);
    this.#length += 4;
  }

  /** Network order. */
  be32(value: number): void {
    check(value, 0xffffffff);
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, false);
    this.#length += 4;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Opens an attribute; what is written until `closeAttribute` is its payload. @returns the mark that closes it. */
  openAttribute(type: number): number {
    const mark = this.openStruct();
    this.u16(type);
    return mark;
  }

  /** Opens what begins with its length in 16 bits, as an attribute and struct rtnexthop do. @returns the mark for `closeAttribute`. */
  openStruct(): number {
    const mark = this.#length;
    this.u16(0);
    return mark;
  }

  openNest(type: number): number {
    return this.openAttribute(type | nestedFlag);
  }

  closeAttribute(mark: number): void {
    const length = this.#length - mark;
    check(length, 0xffff);
    this.#view.setUint16(mark, length, littleEndian);
    const padded = (this.#length + alignment - 1) & -alignment;
    this.#reserve(padded - this.#length);
    this.#bytes.fill(0, this.#length, padded);
    this.#length = padded;
  }

  /** UTF-8 with a terminating zero; an empty one, which takes a text away, is nothing. @param longest bytes without the zero. */
  string(value: string, longest: number): void {
    const encoded = text.encode(value);
    if (encoded.length > longest || value.includes('\0')) {
      throw new RtnetlinkError(
        'invalid',
        `${JSON.stringify(value)} is not a name of at most ${longest} bytes`,
      );
    }
    this.bytes(encoded);
    if (encoded.length > 0) this.u8(0);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const before = this.#bytes.subarray(0, this.#length);
    this.#use(new ArrayBuffer(whole(Math.max(needed, this.#bytes.length * 2))));
    this.#bytes.set(before);
  }
}

/** @returns the next length of whole words. */
function whole(length: number): number {
  return (length + 3) & -4;
}

function check(value: number, maximum: number): void {
  if (!(value >= 0 && value <= maximum && Number.isInteger(value))) {
    throw new RtnetlinkError('invalid', `${value} is not a number from 0 to ${maximum}`);
  }
}
