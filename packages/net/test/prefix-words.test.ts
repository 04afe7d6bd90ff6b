import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressFromBytes, addressToBytes } from '../src/address.ts';
import { parseIpPrefix, prefixAddress, prefixLength, prefixOf } from '../src/prefix.ts';
import { readIpv4PrefixWords, readIpv6PrefixWords } from '../src/prefix-words.ts';

const readers = { ipv4: readIpv4PrefixWords, ipv6: readIpv6PrefixWords } as const;
const widths = { ipv4: 4, ipv6: 16 } as const;

describe.each(['ipv4', 'ipv6'] as const)('of %s', (family) => {
  const read = readers[family];
  const width = widths[family];

  test('a canonical prefix is read to the numbers that its bytes say', () => {
    // Bytes that are often zero give addresses of many forms.
    const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
    const bytes = fc.array(byte, { minLength: width, maxLength: width }).map((all) => Uint8Array.from(all));
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: width * 8 }), (address, length) => {
        const prefix = prefixOf(addressFromBytes(address), length);
        // The one form of RFC 5952 that is left to others.
        if (family === 'ipv6' && prefix.includes('.')) return;
        const words = new Uint32Array(4);
        expect(read(prefix, words)).toBe(length);
        const view = new DataView(addressToBytes(prefixAddress(prefix)).buffer);
        for (let at = 0; at < width; at += 4) expect(words[at / 4]).toBe(view.getUint32(at));
      }),
    );
  });

  test('what it reads parses to the same, also when the text is almost a prefix', () => {
    const start =
      family === 'ipv4'
        ? ['10.1.0.0/16', '192.0.2.7/32', '0.0.0.0/0']
        : ['2001:db8::/32', '::/0', 'fe80::1:0:9/128'];
    const unit = fc.constantFrom(...(family === 'ipv4' ? '0129./' : '01af:/'));
    const change = fc.tuple(fc.nat(20), fc.nat(2), fc.string({ unit, maxLength: 2 }));
    fc.assert(
      fc.property(fc.constantFrom(...start), fc.array(change, { maxLength: 3 }), (text, changes) => {
        const changed = changes.reduce(
          (before, [at, removed, added]) => before.slice(0, at) + added + before.slice(at + removed),
          text,
        );
        const words = new Uint32Array(4);
        const length = read(changed, words);
        if (length < 0) return;
        const prefix = parseIpPrefix(changed);
        expect(prefixLength(prefix)).toBe(length);
        const view = new DataView(addressToBytes(prefixAddress(prefix)).buffer);
        for (let at = 0; at < width; at += 4) expect(words[at / 4]).toBe(view.getUint32(at));
      }),
      { numRuns: 5000 },
    );
  });
});

test.each([
  '10.0.0.0/33',
  '10.0.0.1/24',
  '10.0.0.0',
  '10.0.0/8',
  '10.0.0.0.0/8',
  '010.0.0.0/8',
  '256.0.0.0/8',
  '10.0.0.0/08',
  '10.0.0.0/8 ',
  '10.0.0.0/',
  '/8',
  '',
  '2001:db8::/32',
])('%j is no IPv4 prefix', (text) => {
  expect(readIpv4PrefixWords(text, new Uint32Array(4))).toBe(-1);
});

test.each([
  '2001:db8::/129',
  '2001:db8::1/64',
  '2001:db8::',
  '2001:db8/32',
  '1:2:3:4:5:6:7/112',
  '1:2:3:4:5:6:7:8:9/128',
  '::1::/128',
  ':1:2:3:4:5:6:7/128',
  '1:2:3:4:5:6:7:/128',
  '1:2:3:4:5:6:7:8::/128',
  '12345::/16',
  'g::/16',
  '::/0 ',
  '::ffff:10.0.0.1/128',
  '10.0.0.0/8',
  '',
  ':',
])('%j is no IPv6 prefix for it', (text) => {
  expect(readIpv6PrefixWords(text, new Uint32Array(4))).toBe(-1);
});
