// The characters of XML 1.0 (fifth edition, sections 2.2 and 2.3) as tables of bytes, for ASCII, and as ranges of code points.

/** Where a character stands decides what it may be: one bit for each place. */
export const IN_TEXT = 1;
export const IN_VALUE = 2;
export const IN_CDATA = 4;
export const IN_NAME = 8;
export const BEGINS_NAME = 16;
const IS_SPACE = 32;

/**
 * By byte: the places where that byte is nothing but itself. All others, the bytes of longer characters among them, want a
 * closer look. `>` is such in text and CDATA, where it may be the end of `]]>`.
 */
export const PLAIN: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80) return 0;
  const character = String.fromCharCode(byte);
  if (/[\t\n]/.test(character)) return IN_TEXT | IN_CDATA | IS_SPACE;
  if (character === '\r') return IS_SPACE;
  if (byte < 0x20) return 0;
  let places = 0;
  if (!/[<&>]/.test(character)) places |= IN_TEXT;
  if (!/[<&"']/.test(character)) places |= IN_VALUE;
  if (character !== '>') places |= IN_CDATA;
  if (character === ' ') places |= IS_SPACE;
  if (/[-.:\w]/.test(character)) places |= IN_NAME;
  if (/[:A-Z_a-z]/.test(character)) places |= BEGINS_NAME;
  return places;
});

export function isSpace(byte: number): boolean {
  return ((PLAIN[byte] as number) & IS_SPACE) !== 0;
}

/** The production Char. @param code 0 to 0x10ffff */
export function isXmlCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code < 0xd800 || (code > 0xdfff && code !== 0xfffe && code !== 0xffff);
}

/** First and last of each range of the production NameStartChar, `:` among them. */
const NAME_STARTS = [
  [0x3a, 0x3a],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
  [0xc0, 0xd6],
  [0xd8, 0xf6],
  [0xf8, 0x2ff],
  [0x370, 0x37d],
  [0x37f, 0x1fff],
  [0x200c, 0x200d],
  [0x2070, 0x218f],
  [0x2c00, 0x2fef],
  [0x3001, 0xd7ff],
  [0xf900, 0xfdcf],
  [0xfdf0, 0xfffd],
  [0x10000, 0xeffff],
] as const;

/** What the production NameChar has beyond that. */
const NAME_EXTRAS = [
  [0x2d, 0x2e],
  [0x30, 0x39],
  [0xb7, 0xb7],
  [0x300, 0x36f],
  [0x203f, 0x2040],
] as const;

export function isNameStart(code: number): boolean {
  return NAME_STARTS.some(([first, last]) => code >= first && code <= last);
}

export function isNameCharacter(code: number): boolean {
  return isNameStart(code) || NAME_EXTRAS.some(([first, last]) => code >= first && code <= last);
}
