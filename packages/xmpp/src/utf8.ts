// Incremental strict UTF-8: characters cut by a chunk's end are held back until the rest comes. Never replaces bytes.
import { Buffer, isUtf8 } from 'node:buffer';

export interface Decoded {
  /** All whole characters up to the first byte that is not UTF-8. */
  readonly text: string;
  readonly valid: boolean;
}

export class Utf8Decoder {
  #held: Buffer = Buffer.alloc(0);

  /** Bytes of the character that is not whole yet, 0..3. */
  get heldBytes(): number {
    return this.#held.length;
  }

  decode(bytes: Uint8Array): Decoded {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = all.length - cutCharacterLength(all);
    const whole = all.subarray(0, end);
    if (!isUtf8(whole)) return { text: whole.toString('utf8', 0, validLength(whole)), valid: false };
    this.#held = Buffer.from(all.subarray(end));
    return { text: whole.toString('utf8'), valid: true };
  }
}

/** Length of a character by its first byte; 1 for bytes that begin none, so that they are refused at once. */
function characterLength(first: number): number {
  if (first >= 0xf5) return 1;
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc2 ? 2 : 1;
}

function cutCharacterLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes.readUInt8(bytes.length - back);
    if ((byte & 0xc0) === 0x80) continue;
    return characterLength(byte) > back ? back : 0;
  }
  return 0;
}

function validLength(bytes: Buffer): number {
  let length = 0;
  while (length < bytes.length) {
    const next = length + characterLength(bytes.readUInt8(length));
    if (next > bytes.length || !isUtf8(bytes.subarray(length, next))) break;
    length = next;
  }
  return length;
}
