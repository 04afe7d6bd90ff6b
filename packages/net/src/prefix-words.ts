// IP prefixes from canonical text to numbers, for encoders that go through a million of them: one look at each character, and no object made.
// Says no to whatever is not canonical text, and leaves it to others to say why.

/** Values of hexadecimal digits in lower case, by character code; -1: none. */
const digits = Int8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[0-9a-f]/.test(character) ? Number.parseInt(character, 16) : -1;
});
const colon = 0x3a;
const slash = 0x2f;
const zero = 0x30;
/** Of '.' and '/' when '0' is taken off. */
const dotLess = -2;
const slashLess = -1;

// Reused: nothing here is re-entrant.
const groups = new Uint16Array(8);

/**
 * @param text a prefix in canonical text (see IpPrefix).
 * @param words gets the address, most significant first: one number of IPv4.
 * @returns the length, 0 to 32; -1 where the text is no IPv4 prefix, or has bits set behind its length: `words` then hold anything.
 */
export function readIpv4PrefixWords(text: string, words: Uint32Array): number {
  let at = 0;
  let address = 0;
  for (let octets = 1; ; octets++) {
    let octet = text.charCodeAt(at++) - zero;
    if (!(octet >= 0 && octet <= 9)) return -1;
    let next = text.charCodeAt(at++) - zero;
    if (next >= 0 && next <= 9) {
      if (octet === 0) return -1;
      octet = octet * 10 + next;
      next = text.charCodeAt(at++) - zero;
      if (next >= 0 && next <= 9) {
        octet = octet * 10 + next;
        if (octet > 255) return -1;
        next = text.charCodeAt(at++) - zero;
      }
    }
    address = (address << 8) | octet;
    if (octets === 4) {
      if (next !== slashLess) return -1;
      break;
    }
    if (next !== dotLess) return -1;
  }
  const length = readShort(text, at);
  if (length > 32 || (length < 32 && address << length !== 0)) return -1;
  words[0] = address;
  return length;
}

/** As readIpv4PrefixWords, of IPv6: four numbers, and a length of 0 to 128. Groups with an embedded IPv4 address are left to others. */
export function readIpv6PrefixWords(text: string, words: Uint32Array): number {
  let at = 0;
  let count = 0;
  let gap = -1;
  let code = text.charCodeAt(0);
  if (code === colon) {
    if (text.charCodeAt(1) !== colon) return -1;
    gap = 0;
    at = 2;
    code = text.charCodeAt(2);
  }
  while (code !== slash) {
    let group = 0;
    const start = at;
    for (;;) {
      const digit = code < 128 ? (digits[code] as number) : -1;
      if (digit < 0) break;
      group = (group << 4) | digit;
      code = text.charCodeAt(++at);
    }
    if (at === start || at - start > 4 || count === 8) return -1;
    groups[count++] = group;
    if (code === slash) break;
    if (code !== colon) return -1;
    code = text.charCodeAt(++at);
    if (code === colon) {
      if (gap >= 0) return -1;
      gap = count;
      code = text.charCodeAt(++at);
    } else if (code === slash) {
      return -1;
    }
  }
  if (gap < 0 ? count < 8 : count === 8) return -1;
  if (gap >= 0) {
    const behind = count - gap;
    for (let group = 1; group <= behind; group++) groups[8 - group] = groups[count - group] as number;
    for (let group = gap; group < 8 - behind; group++) groups[group] = 0;
  }
  const length = readShort(text, at + 1);
  if (length > 128) return -1;
  for (let word = 0; word < 4; word++) {
    const bits = ((groups[word * 2] as number) << 16) | (groups[word * 2 + 1] as number);
    const inside = length - word * 32;
    if (inside < 32 && (inside <= 0 ? bits : bits << inside) !== 0) return -1;
    words[word] = bits;
  }
  return length;
}

/** One to three decimal digits without a leading zero, to the end of the text; 999 where it is not that. */
function readShort(text: string, start: number): number {
  const end = text.length;
  const first = text.charCodeAt(start) - zero;
  if (!(first >= 0 && first <= 9)) return 999;
  let value = first;
  for (let at = start + 1; at < end; at++) {
    const digit = text.charCodeAt(at) - zero;
    if (!(digit >= 0 && digit <= 9) || value === 0 || value > 99) return 999;
    value = value * 10 + digit;
  }
  return value;
}
