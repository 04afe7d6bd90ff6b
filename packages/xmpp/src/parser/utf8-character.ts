// One character of UTF-8 beyond ASCII, byte by byte: overlong forms, surrogates and what is beyond Unicode are refused at the
// first byte that tells (RFC 3629 section 4).
import { refuse } from './refuse.ts';

export class Utf8Character {
  /** The code point, whole when nothing is missing. */
  code = 0;
  /** Bytes that are to come, 0 to 3. */
  missing = 0;
  #least = 0x80;
  #greatest = 0xbf;

  /** @param byte the first one. */
  begin(byte: number): void {
    if (byte < 0xc2 || byte > 0xf4) refuse('not-well-formed', 'bytes are not UTF-8');
    this.missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.code = byte & (0x3f >> this.missing);
    this.#least = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#greatest = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
  }

  take(byte: number): void {
    if (byte < this.#least || byte > this.#greatest) refuse('not-well-formed', 'bytes are not UTF-8');
    this.#least = 0x80;
    this.#greatest = 0xbf;
    this.code = (this.code << 6) | (byte & 0x3f);
    this.missing -= 1;
  }
}
