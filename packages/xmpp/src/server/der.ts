// Reads DER (ITU-T X.690) as far as a certificate needs it: tags of one byte, definite lengths in their shortest form, nothing beyond
// the end. Never guesses.

export interface DerValue {
  /** As its byte, class and constructed bit included. */
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The values that bytes consist of. @throws RangeError where they are no DER. */
export function derValues(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = byteAt(bytes, at);
    if ((tag & 0x1f) === 0x1f) throw new RangeError('a tag of more than one byte');
    let length = byteAt(bytes, at + 1);
    at += 2;
    if (length >= 0x80) {
      const count = length - 0x80;
      if (count < 1 || count > 3) throw new RangeError('an indefinite length, or one beyond reason');
      length = 0;
      for (let more = 0; more < count; more++) length = length * 256 + byteAt(bytes, at + more);
      if (length < 0x80 || length < 256 ** (count - 1))
        throw new RangeError('a length that is not the shortest');
      at += count;
    }
    if (at + length > bytes.length) throw new RangeError('a value beyond the end');
    values.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return values;
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError('a value beyond the end');
  return byte;
}
