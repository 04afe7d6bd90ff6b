// The bytes of one element as the pattern of those that follow: their markup must be the same byte for byte, their fields (texts, and the
// attributes of the outermost tag) may differ. What matches has the same tokens but for these. Says no to whatever is not plain, and leaves
// that to the machine; never decides what is well-formed.

const EXCLAMATION_MARK = 0x21;
const DOUBLE_QUOTE = 0x22;
const QUOTE = 0x27;
const COLON = 0x3a;
const LESS = 0x3c;
const GREATER = 0x3e;
const QUESTION_MARK = 0x3f;

/** Longer elements are rare, and what is kept is kept for each stream. */
const LONGEST = 4096;
const MOST_FIELDS = 128;

/** By byte: 1 where it is itself in any text and any value. Neither white space, for a value has it normalised, nor what is no ASCII. */
const SAFE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[!#-%(-;=?-~]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** See MarkupTemplate.match. */
export const CUT = -2;

/** Bytes of markup that are compared at once. */
const STEP = 8;

/** What stands before, between and behind the fields: ASCII, and no shorter than STEP. */
interface Markup {
  readonly length: number;
  readonly bytes: Uint8Array;
  /**
   * Its bytes as numbers, each of STEP of them; the last one is of the last STEP bytes, some of which the one before it has too. As ASCII
   * makes neither zero nor NaN of them, two numbers are equal when their bytes are.
   */
  readonly numbers: Float64Array;
}

export class MarkupTemplate {
  /** Where the fields of the latest match are: the begin of each, then its end. */
  readonly fields: Uint32Array;
  readonly #markup: readonly Markup[];

  constructor(markup: readonly Markup[]) {
    this.#markup = markup;
    this.fields = new Uint32Array((markup.length - 1) * 2);
  }

  /**
   * @param view of `bytes`, all of them.
   * @returns where the element that begins at `from` ends, before `end` or there; -1 where it does not match; CUT where it does as far as it goes.
   */
  match(bytes: Uint8Array, view: DataView, from: number, end: number): number {
    const markup = this.#markup;
    const { fields } = this;
    let at = from;
    for (let index = 0; ; index++) {
      const { length, numbers } = markup[index] as Markup;
      const next = at + length;
      if (next > end) return begins(markup[index] as Markup, bytes, at, end) ? CUT : -1;
      const last = numbers.length - 1;
      for (let step = 0; step < last; step++, at += STEP)
        if (view.getFloat64(at, true) !== numbers[step]) return -1;
      if (view.getFloat64(next - STEP, true) !== numbers[last]) return -1;
      at = next;
      if (index + 1 === markup.length) return at;
      fields[index * 2] = at;
      while (at < end && SAFE[bytes[at] as number] === 1) at++;
      // An empty text is none, and other tokens.
      if (at === end) return CUT;
      if (at === next) return -1;
      fields[index * 2 + 1] = at;
    }
  }
}

/** @param bytes of which `[start, end)` are one element that was read and found right; undefined where it is no pattern for others. */
export function templateOf(bytes: Uint8Array, start: number, end: number): MarkupTemplate | undefined {
  if (end - start > LONGEST) return undefined;
  const fields = fieldsOf(bytes, start, end);
  if (fields === undefined || fields.length > MOST_FIELDS * 2) return undefined;
  const markup: Markup[] = [];
  for (let index = 0; index <= fields.length; index += 2) {
    const part = markupOf(bytes.subarray(fields[index - 1] ?? start, fields[index] ?? end));
    if (part === undefined) return undefined;
    markup.push(part);
  }
  return new MarkupTemplate(markup);
}

function markupOf(bytes: Uint8Array): Markup | undefined {
  const { length } = bytes;
  if (length < STEP || bytes.some((byte) => byte > 0x7e)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const numbers = new Float64Array(Math.ceil(length / STEP));
  for (let step = 0; step < numbers.length; step++)
    numbers[step] = view.getFloat64(Math.min(step * STEP, length - STEP), true);
  return { length, bytes: Uint8Array.prototype.slice.call(bytes), numbers };
}

/** Whether `[from, end)`, which is shorter, is how it begins. */
function begins({ bytes: expected }: Markup, bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at] !== expected[at - from]) return false;
  return true;
}

/** The begin and the end of each. */
function fieldsOf(bytes: Uint8Array, start: number, end: number): number[] | undefined {
  const fields: number[] = [];
  let at = start;
  while (at < end) {
    const behind = skipTag(bytes, at, end, at === start ? fields : undefined);
    if (behind < 0) return undefined;
    at = behind;
    while (at < end && SAFE[bytes[at] as number] === 1) at++;
    if (at > behind) fields.push(behind, at);
    if (at < end && bytes[at] !== LESS) return undefined;
  }
  return fields;
}

/**
 * @param fields gets the values of attributes that declare no namespace.
 * @returns what comes behind the tag; -1 where it has a prefix, or is none.
 */
function skipTag(bytes: Uint8Array, from: number, end: number, fields: number[] | undefined): number {
  const first = bytes[from + 1];
  if (first === EXCLAMATION_MARK || first === QUESTION_MARK) return -1;
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === GREATER) return at + 1;
    if (byte === COLON) return -1;
    if (byte !== QUOTE && byte !== DOUBLE_QUOTE) continue;
    const begin = at + 1;
    at = bytes.indexOf(byte, begin);
    if (fields === undefined || isDeclaration(bytes, from, begin - 1)) continue;
    if (at === begin) return -1;
    for (let value = begin; value < at; value++) if (SAFE[bytes[value] as number] !== 1) return -1;
    fields.push(begin, at);
  }
  return -1;
}

/** Whether the value that begins with the quote at `quote` is that of the attribute xmlns. */
function isDeclaration(bytes: Uint8Array, from: number, quote: number): boolean {
  const before = Buffer.from(bytes.subarray(from, quote)).toString('latin1');
  return /[ \t\r\n]xmlns[ \t\r\n]*=[ \t\r\n]*$/.test(before);
}
