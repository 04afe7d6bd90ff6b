// IPv6 addresses between text and eight 16-bit groups. Never throws: a false says no.
import { formatIpv4, readIpv4 } from './ipv4.ts';

/**
 * Reads any RFC 4291 section 2.2 form, without a zone.
 * @param groups eight groups, overwritten; undefined contents where the answer is false.
 */
export function readIpv6(text: string, groups: Uint16Array): boolean {
  const end = text.length;
  let at = 0;
  let count = 0;
  let gap = -1;
  if (text.charCodeAt(0) === 0x3a) {
    if (text.charCodeAt(1) !== 0x3a) return false;
    gap = 0;
    at = 2;
  }
  while (at < end) {
    if (count === 8) return false;
    const start = at;
    let group = 0;
    for (; at < end; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      group = group * 16 + digit;
      if (at - start === 4) return false;
    }
    if (text.charCodeAt(at) === 0x2e) {
      const quad = readIpv4(text, start, end);
      if (quad < 0 || count > 6) return false;
      groups[count++] = quad >>> 16;
      groups[count++] = quad & 0xffff;
      at = end;
      break;
    }
    if (at === start) return false;
    groups[count++] = group;
    if (at === end) break;
    if (text.charCodeAt(at++) !== 0x3a) return false;
    if (text.charCodeAt(at) === 0x3a) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    } else if (at === end) {
      return false;
    }
  }
  if (gap < 0) return count === 8;
  // '::' stands for at least one group (RFC 4291 section 2.2 says "one or more").
  if (count === 8) return false;
  groups.copyWithin(8 - (count - gap), gap, count);
  groups.fill(0, gap, 8 - (count - gap));
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/**
 * The canonical text of RFC 5952: lower case, the first longest run of two or more zero groups as '::', and IPv4 digits for
 * IPv4-mapped addresses (section 5).
 */
export function formatIpv6(groups: Uint16Array): string {
  let runStart = -1;
  let runLength = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (end < 8 && groups[end] === 0) end++;
    if (end - at > runLength) {
      runStart = at;
      runLength = end - at;
    }
    at = end;
  }
  if (runStart === 0 && runLength === 5 && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(groupAt(groups, 6) * 65536 + groupAt(groups, 7))}`;
  }
  let text = '';
  for (let at = 0; at < 8; at++) {
    if (at === runStart) {
      text += '::';
      at += runLength - 1;
    } else {
      if (at > 0 && at !== runStart + runLength) text += ':';
      text += groupAt(groups, at).toString(16);
    }
  }
  return text;
}

function groupAt(groups: Uint16Array, at: number): number {
  return groups[at] ?? 0;
}
