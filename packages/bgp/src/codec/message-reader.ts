// Messages out of a TCP stream that comes in any pieces. Owns what is left of a message that is not whole; looks at headers only.
import { malformed } from '../error.ts';
import { read16 } from './bytes.ts';
import { longestMessage } from './options.ts';

export const headerLength = 19;

/** Least octets by type, 1 to 5 (RFC 4271 section 4, RFC 2918). */
const shortest = [0, 29, 23, 21, 19, 23];
const openType = 1;
const keepaliveType = 4;

/**
 * Use: `push` a chunk, then `next` until it gives undefined. With that order it never holds more than one message and one chunk.
 */
export class MessageReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Set when both have said that they take messages of up to 65,535 octets (RFC 8654). */
  extendedMessage = false;

  push(chunk: Uint8Array): void {
    const left = this.#bytes.length - this.#at;
    if (left === 0) {
      this.#bytes = chunk;
    } else {
      const joined = new Uint8Array(left + chunk.length);
      joined.set(this.#bytes.subarray(this.#at));
      joined.set(chunk, left);
      this.#bytes = joined;
    }
    this.#at = 0;
  }

  /**
   * @returns the octets of the next message, header included, a view that is valid until the chunk is reused; undefined: none is whole yet.
   * @throws BgpError `malformed` where a header is wrong (RFC 4271 section 6.1), as soon as that can be seen. The stream is unusable from then on.
   */
  next(): Uint8Array | undefined {
    const left = this.#bytes.subarray(this.#at);
    const length = checkHeader(left, longestMessage(this));
    if (length === undefined || left.length < length) return undefined;
    this.#at += length;
    return left.subarray(0, length);
  }
}

/** @returns the length of the message; undefined: the header is not whole. */
export function checkHeader(bytes: Uint8Array, longest: number): number | undefined {
  for (let at = 0; at < 16 && at < bytes.length; at++)
    if (bytes[at] !== 255)
      throw malformed(1, 1, 'a message does not begin with its marker: the stream is out of step');
  if (bytes.length < headerLength) return undefined;
  const length = read16(bytes, 16);
  const type = bytes[18] ?? 0;
  const least = shortest[type];
  if (length < headerLength || length > longest)
    throw malformed(
      1,
      2,
      `a message of ${length} octets; ${headerLength} to ${longest} are possible`,
      bytes.subarray(16, 18),
    );
  if (least === undefined || type === 0)
    throw malformed(1, 3, `a message of type ${type}, which is not known`, bytes.subarray(18, 19));
  const most = type === keepaliveType ? headerLength : type === openType ? 4096 : longest;
  if (length < least || length > most)
    throw malformed(
      1,
      2,
      `a message of type ${type} of ${length} octets; ${least} to ${most} are possible`,
      bytes.subarray(16, 18),
    );
  return length;
}
