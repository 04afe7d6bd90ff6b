// The text form that route targets and route distinguishers share: 'ADMINISTRATOR:NUMBER', where the administrator is an AS number or
// an IPv4 address and the two together have six octets (RFC 4364 section 4.2, RFC 4360 section 3, RFC 5668).
import { formatIpv4, readIpv4 } from './ipv4.ts';

const maximum16 = 0xffff;
const maximum32 = 0xffffffff;

/**
 * An AS number below 65536 leaves 32 bits for the number, a greater one or an IPv4 address 16.
 * @returns the canonical text, or undefined where it is none.
 */
export function readAdministeredNumber(text: string): string | undefined {
  const colon = text.indexOf(':');
  const number = readDecimal(text.slice(colon + 1));
  if (colon < 0 || number === undefined) return undefined;
  const address = readIpv4(text, 0, colon);
  if (address >= 0) return number <= maximum16 ? `${formatIpv4(address)}:${number}` : undefined;
  const as = readDecimal(text.slice(0, colon));
  if (as === undefined || number > (as <= maximum16 ? maximum32 : maximum16)) return undefined;
  return `${as}:${number}`;
}

function readDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= maximum32 ? value : undefined;
}
