// Reads the payload of one netlink message: a fixed struct, then attributes. Every length is checked against what holds it; bytes that do
// not fit throw RtnetlinkError `decode`, and nothing is ever read beyond the message. Offsets and lengths are bytes.
import type { AddressFamily, IpAddress, MacAddress } from '@hostpe/net';
import { addressFromBytes, macFromBytes } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import { littleEndian } from './host-order.ts';
import { alignment, attributeHeaderLength } from './writer.ts';

const text = new TextDecoder();
/** Masks NLA_F_NESTED and NLA_F_NET_BYTEORDER off. */
export const typeMask = 0x3fff;

/** A run of bytes inside a view: what a message or an attribute holds. Offsets count from its start. */
export class Payload {
  readonly #view: DataView;
  readonly #start: number;
  readonly #end: number;

  constructor(view: DataView, start: number, end: number) {
    this.#view = view;
    this.#start = start;
    this.#end = end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#place(at, 1));
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#place(at, 2), littleEndian);
  }

  be16(at: number): number {
    return this.#view.getUint16(this.#place(at, 2), false);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#place(at, 4), littleEndian);
  }

  i32(at: number): number {
    return this.#view.getInt32(this.#place(at, 4), littleEndian);
  }

  be32(at: number): number {
    return this.#view.getUint32(this.#place(at, 4), false);
  }

  bytes(at = 0, length = this.length - at): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#place(at, length), length);
  }

  /** A run of bytes in this one. */
  part(at: number, length: number): Payload {
    const start = this.#place(at, length);
    return new Payload(this.#view, start, start + length);
  }

  /** An address of the family that the length says. */
  address(at = 0): IpAddress {
    const length = this.length - at;
    if (length !== 4 && length !== 16) throw malformed(`an address of ${length} bytes`);
    return addressFromBytes(this.bytes(at));
  }

  /** An address that must have the length of `family`. */
  addressOf(family: AddressFamily, at = 0): IpAddress {
    const length = family === 'ipv4' ? 4 : 16;
    if (this.length - at !== length) throw malformed(`an ${family} address of ${this.length - at} bytes`);
    return addressFromBytes(this.bytes(at));
  }

  mac(): MacAddress {
    if (this.length !== 6) throw malformed(`a MAC address of ${this.length} bytes`);
    return macFromBytes(this.bytes());
  }

  /** Text up to its first zero, or to the end where there is none. */
  string(): string {
    const bytes = this.bytes();
    const zero = bytes.indexOf(0);
    return text.decode(zero < 0 ? bytes : bytes.subarray(0, zero));
  }

  /**
   * Calls `visit` for each attribute behind the first `header` bytes: with its type, what it holds, where it begins, and the flags of its
   * type (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
   */
  attributes(
    header: number,
    visit: (type: number, payload: Payload, start: number, flags: number) => void,
  ): void {
    if (header > this.length) throw malformed(`a header of ${this.length} bytes, not ${header}`);
    let at = this.#start + header;
    // Less than an attribute's header may be left over: alignment of the last one.
    while (this.#end - at >= attributeHeaderLength) {
      const length = this.#view.getUint16(at, littleEndian);
      if (length < attributeHeaderLength || at + length > this.#end)
        throw malformed(`an attribute of ${length} bytes`);
      const type = this.#view.getUint16(at + 2, littleEndian);
      const value = new Payload(this.#view, at + attributeHeaderLength, at + length);
      visit(type & typeMask, value, at - this.#start, type & ~typeMask);
      at += (length + alignment - 1) & -alignment;
    }
  }

  #place(at: number, length: number): number {
    const place = this.#start + at;
    if (at < 0 || length < 0 || place + length > this.#end) {
      throw malformed(`${length} bytes at ${at} of ${this.length}`);
    }
    return place;
  }
}

export function malformed(what: string): RtnetlinkError {
  return new RtnetlinkError('decode', `malformed netlink message: ${what}`);
}
