// Ethernet MAC addresses as canonical text: six lower-case hexadecimal octets with colons.
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

export type MacAddress = Brand<string, 'MacAddress'>;

const form = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;

/** @param text six octets of two digits, all with colons or all with hyphens between. @throws NetError `invalid-mac` */
export function parseMac(text: string): MacAddress {
  if (!form.test(text)) throw new NetError('invalid-mac', text, 'is not a MAC address');
  return text.toLowerCase().replaceAll('-', ':') as MacAddress;
}

/** @returns 6 bytes */
export function macToBytes(mac: MacAddress): Uint8Array {
  const bytes = new Uint8Array(6);
  for (let at = 0; at < 6; at++) bytes[at] = Number.parseInt(mac.slice(at * 3, at * 3 + 2), 16);
  return bytes;
}

/** @param bytes 6 bytes. @throws NetError `invalid-mac` for any other length. */
export function macFromBytes(bytes: Uint8Array): MacAddress {
  if (bytes.length !== 6)
    throw new NetError('invalid-mac', Buffer.from(bytes).toString('hex'), 'is not 6 bytes');
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as MacAddress;
}
