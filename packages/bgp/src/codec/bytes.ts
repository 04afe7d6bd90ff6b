// Numbers in network order in and out of bytes. Readers give zeros behind the end: who calls them has compared lengths before.
import { BgpError } from '../error.ts';

export function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0;
}

/** Bytes that are appended to; never more than were asked for at first. */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  length = 0;

  constructor(longest: number) {
    this.#bytes = new Uint8Array(longest);
  }

  get room(): number {
    return this.#bytes.length - this.length;
  }

  u8(value: number): void {
    this.#need(1);
    this.#bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.u8(value >>> 8);
    this.u8(value);
  }

  u24(value: number): void {
    this.u8(value >>> 16);
    this.u16(value);
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value);
  }

  bytes(value: Uint8Array): void {
    this.#need(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Writes a length that was not known when its place was passed. */
  patch16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
  }

  patch8(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** @returns what was written, as a copy: the writer can be used again. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  /** @throws BgpError `unsendable` */
  #need(octets: number): void {
    if (this.length + octets > this.#bytes.length)
      throw new BgpError('unsendable', `does not fit in ${this.#bytes.length} octets`);
  }
}
