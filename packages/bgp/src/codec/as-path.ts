// AS_PATH with two and with four octets an AS number, and the two put together by AS4_PATH (RFC 4271 section 4.3, RFC 6793 section 4.2.3).
import type { AsPathSegment } from '../messages.ts';
import { ByteWriter, read16, read32 } from './bytes.ts';
import { asTrans } from './open.ts';

const kinds = ['set', 'sequence', 'confederation-sequence', 'confederation-set'] as const;
const longestSegment = 255;

/** @returns undefined for a path that is malformed (RFC 7606 section 7.2, RFC 7607 section 2). */
export function decodeAsPath(value: Uint8Array, as4: boolean): AsPathSegment[] | undefined {
  const segments: AsPathSegment[] = [];
  const size = as4 ? 4 : 2;
  for (let at = 0; at < value.length; ) {
    const kind = kinds[(value[at] ?? 0) - 1];
    const count = value[at + 1] ?? 0;
    const end = at + 2 + count * size;
    if (kind === undefined || count === 0 || end > value.length) return undefined;
    const numbers: number[] = [];
    for (at += 2; at < end; at += size) numbers.push(as4 ? read32(value, at) : read16(value, at));
    if (numbers.includes(0)) return undefined;
    segments.push({ kind, numbers });
  }
  return segments;
}

export function encodeAsPath(path: readonly AsPathSegment[], as4: boolean): Uint8Array {
  const writer = new ByteWriter(path.reduce((sum, { numbers }) => sum + 4 + numbers.length * 5, 0));
  for (const { kind, numbers } of path) {
    for (let from = 0; from < numbers.length; from += longestSegment) {
      const part = numbers.slice(from, from + longestSegment);
      writer.u8(kinds.indexOf(kind) + 1);
      writer.u8(part.length);
      for (const number of part) {
        if (as4) writer.u32(number);
        else writer.u16(number > 0xffff ? asTrans : number);
      }
    }
  }
  return writer.take();
}

/** What goes into AS4_PATH: no confederation segments (RFC 6793 section 3). */
export function withoutConfederation(path: readonly AsPathSegment[]): AsPathSegment[] {
  return path.filter(({ kind }) => kind === 'sequence' || kind === 'set');
}

export function needsFourOctets(path: readonly AsPathSegment[]): boolean {
  return path.some(({ numbers }) => numbers.some((number) => number > 0xffff));
}

/** The path with AS_TRANS replaced by what AS4_PATH tells (RFC 6793 section 4.2.3). */
export function mergeAsPaths(
  path: readonly AsPathSegment[],
  as4Path: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  const behind = withoutConfederation(as4Path);
  let lead = pathLength(path) - pathLength(behind);
  if (lead < 0) return path;
  const merged: AsPathSegment[] = [];
  for (const segment of path) {
    const confederation = segment.kind.startsWith('confederation');
    if (!confederation && lead === 0) break;
    if (segment.kind === 'sequence') {
      const numbers = segment.numbers.slice(0, lead);
      lead -= numbers.length;
      merged.push({ kind: 'sequence', numbers });
      if (numbers.length < segment.numbers.length) break;
    } else {
      if (segment.kind === 'set') lead--;
      merged.push(segment);
    }
  }
  const [first, ...rest] = behind;
  const last = merged.at(-1);
  const joined =
    first?.kind === 'sequence' && last?.kind === 'sequence' ? [...last.numbers, ...first.numbers] : [];
  if (joined.length === 0 || joined.length > longestSegment) return [...merged, ...behind];
  return [...merged.slice(0, -1), { kind: 'sequence', numbers: joined }, ...rest];
}

/** RFC 4271 section 9.1.2.2: a set counts as one; RFC 5065 section 5.3: confederation segments as none. */
function pathLength(path: readonly AsPathSegment[]): number {
  return path.reduce(
    (sum, { kind, numbers }) => sum + (kind === 'sequence' ? numbers.length : kind === 'set' ? 1 : 0),
    0,
  );
}
