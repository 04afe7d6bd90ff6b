// Random values that objects of several kinds hold.
import type { IpAddress } from '@hostpe/net';
import { addressFromBytes, macFromBytes, parseLabel, prefixOf } from '@hostpe/net';
import fc from 'fast-check';

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
);
export const index = fc.integer({ min: 1, max: 0x7fffffff });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
export const ipv4 = bytesOf(4).map(addressFromBytes);
export const ipv6 = bytesOf(16).map(addressFromBytes);
export const ip = fc.oneof(ipv4, ipv6);
export const ipv4End = ipv4.filter((address) => address !== '0.0.0.0');
export const ipv6End = ipv6.filter((address) => address !== '::');
export const mac = bytesOf(6).map(macFromBytes);
export const label = fc.integer({ min: 16, max: 1048574 }).map(parseLabel);
export const labels = fc.array(label, { minLength: 1, maxLength: 4 });
export const name = fc.string({ unit: fc.constantFrom(...'abcz0189-.@'), minLength: 1, maxLength: 15 });

export function prefix(family: 'ipv4' | 'ipv6') {
  const ofFamily: fc.Arbitrary<IpAddress> = family === 'ipv4' ? ipv4 : ipv6;
  return fc
    .tuple(ofFamily, fc.integer({ min: 0, max: family === 'ipv4' ? 32 : 128 }))
    .map(([address, length]) => prefixOf(address, length));
}

/** A record with some of the optional facts left out, never present as undefined. */
export function facts<T extends object, U extends object>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  optional: { [K in keyof U]: fc.Arbitrary<U[K]> },
): fc.Arbitrary<T & Partial<U>> {
  return fc
    .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }))
    .map(([always, sometimes]) => ({ ...always, ...sometimes }) as T & Partial<U>);
}

export const bytes = fc.uint8Array({ maxLength: 12 });

/** Attributes of a later kernel: numbers that no table of ours has. */
export const unknown = fc.array(fc.record({ type: fc.integer({ min: 200, max: 0x3fff }), value: bytes }), {
  minLength: 1,
  maxLength: 3,
});
