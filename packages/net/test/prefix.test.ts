import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../src/index.ts';
import {
  addressFromBytes,
  addressToBytes,
  hostPrefix,
  NetError,
  parseIpAddress,
  parseIpPrefix,
  prefixAddress,
  prefixContains,
  prefixLength,
  prefixOf,
} from '../src/index.ts';

const address = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(addressFromBytes);
const prefix = fc.tuple(address, fc.nat()).map(([a, length]) => prefixOf(a, length % (bits(a).length + 1)));

/** The address as a string of zeros and ones: the plain model of a mask. */
function bits(a: IpAddress): string {
  return Array.from(addressToBytes(a), (byte) => byte.toString(2).padStart(8, '0')).join('');
}

describe('parseIpPrefix', () => {
  test.each([
    ['10.1.0.0/16', '10.1.0.0/16'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['10.1.0.2', '10.1.0.2/32'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['2001:db8:0:0::/48', '2001:db8::/48'],
    ['2001:db8:8000::/33', '2001:db8:8000::/33'],
    ['128.0.0.0/1', '128.0.0.0/1'],
  ])('%s is %s', (text, canonical) => {
    expect(parseIpPrefix(text)).toBe(canonical);
  });

  test.each([
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '10.0.0.0/-1',
    '10.0.0.0/1e1',
    '10.0.0.0/ 8',
  ])('refuses %j', (text) => {
    expect(() => parseIpPrefix(text)).toThrow(
      expect.objectContaining({ code: 'invalid-prefix', input: text }),
    );
  });

  test('names the prefix that was meant where host bits are set', () => {
    expect(() => parseIpPrefix('10.1.2.3/8')).toThrow(/"10.1.2.3\/8" .* 10\.0\.0\.0\/8 is the prefix/);
    expect(() => parseIpPrefix('2001:db8::1/64')).toThrow(/2001:db8::\/64 is the prefix/);
  });

  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(prefix, (p) => {
        expect(parseIpPrefix(p)).toBe(p);
        expect(prefixOf(prefixAddress(p), prefixLength(p))).toBe(p);
      }),
    );
  });

  test('any text is a prefix or a NetError', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789af:./'), maxLength: 24 }), (text) => {
        try {
          expect(parseIpPrefix(parseIpPrefix(text))).toBe(parseIpPrefix(text));
        } catch (error) {
          expect(error).toBeInstanceOf(NetError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('prefixOf clears the host bits and nothing else', () => {
  fc.assert(
    fc.property(address, fc.nat(), (a, n) => {
      const model = bits(a);
      const length = n % (model.length + 1);
      expect(bits(prefixAddress(prefixOf(a, length)))).toBe(model.slice(0, length).padEnd(model.length, '0'));
    }),
    { numRuns: 2000 },
  );
});

test.each([-1, 33, 1.5, Number.NaN])('prefixOf refuses a length of %d', (length) => {
  expect(() => prefixOf(parseIpAddress('10.0.0.0'), length)).toThrow(
    expect.objectContaining({ code: 'invalid-prefix' }),
  );
});

test('hostPrefix holds its address only', () => {
  expect(hostPrefix(parseIpAddress('10.1.0.2'))).toBe('10.1.0.2/32');
  expect(hostPrefix(parseIpAddress('::1'))).toBe('::1/128');
});

describe('prefixContains', () => {
  test.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.0.0.0/8', '10.0.0.0/8', true],
    ['10.0.0.0/8', '10.0.0.0/7', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '1.2.3.4', false],
    ['fe80::/10', 'febf::1', true],
    ['fe80::/10', 'fec0::1', false],
  ])('%s holds %s: %s', (outer, inner, answer) => {
    const value = inner.includes('/')
      ? prefixOf(parseIpAddress(inner.slice(0, inner.indexOf('/'))), Number(inner.split('/')[1]))
      : parseIpAddress(inner);
    expect(prefixContains(parseIpPrefix(outer), value)).toBe(answer);
  });

  test('agrees with the bits', () => {
    fc.assert(
      fc.property(prefix, address, fc.nat(), (p, a, shared) => {
        // Copy some leading bits of the prefix, or a random address would hardly ever be inside.
        const outer = addressToBytes(prefixAddress(p));
        const inner = addressToBytes(a);
        fc.pre(outer.length === inner.length);
        inner.set(outer.subarray(0, shared % (outer.length + 1)));
        const near = addressFromBytes(inner);
        const length = prefixLength(p);
        expect(prefixContains(p, near)).toBe(
          bits(near).slice(0, length) === bits(prefixAddress(p)).slice(0, length),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
