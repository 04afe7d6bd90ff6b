import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../src/index.ts';
import {
  addressFamily,
  addressFromBytes,
  addressToBytes,
  compareAddresses,
  NetError,
  parseIpAddress,
} from '../src/index.ts';

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
// Many zero groups, or no run would ever be compressed.
const bytes16 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));
const anyBytes = fc.oneof(bytes4, bytes16);
// Text that is nearly an address.
const nearly = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.:g%/ '), maxLength: 20 }),
  fc
    .array(fc.constantFrom('0', '1', 'ffff', 'a', '', '00001', '1.2.3.4', '255', '256', '01'), {
      minLength: 1,
      maxLength: 10,
    })
    .map((parts) => parts.join(':')),
  fc
    .array(fc.constantFrom('0', '1', '255', '256', '01', '', 'a'), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('.')),
);

function parsed(text: string): IpAddress | undefined {
  try {
    return parseIpAddress(text);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

describe('parseIpAddress', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    // RFC 5952 section 4 and 5.
    ['2001:0DB8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:ffff:c000:201', '::ffff:192.0.2.1'],
    ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::192.0.2.1', '::c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['fe80::5efe:10.255.0.2', 'fe80::5efe:aff:2'],
  ])('%s is %s', (text, canonical) => {
    expect(parseIpAddress(text)).toBe(canonical);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.',
    '.1.2.3.4',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.4/32',
    ' 1.2.3.4',
    '1..2.3',
    '0x1.2.3.4',
    '4294967295',
  ])('refuses %j', (text) => {
    expect(() => parseIpAddress(text)).toThrow(
      expect.objectContaining({ code: 'invalid-address', input: text }),
    );
  });

  test.each([
    ':',
    ':::',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::12345',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
  ])('refuses %j', (text) => {
    expect(() => parseIpAddress(text)).toThrow(NetError);
  });

  test('agrees with node:net on what an address is', () => {
    fc.assert(
      fc.property(nearly, (text) => {
        expect(parsed(text) !== undefined).toBe(isIP(text) !== 0 && !text.includes('%'));
      }),
      { numRuns: 5000 },
    );
  });

  test('its text is the same as the WHATWG URL serialiser has it, but for IPv4-mapped addresses', () => {
    fc.assert(
      fc.property(bytes16, (bytes) => {
        const text = addressFromBytes(bytes);
        fc.pre(!text.startsWith('::ffff:') || !text.includes('.'));
        expect(`[${text}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 2000 },
    );
  });

  test('reads back what it wrote: bytes, text, bytes', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const address = addressFromBytes(bytes);
        expect(parseIpAddress(address)).toBe(address);
        expect(addressToBytes(address)).toEqual(bytes);
        expect(addressFamily(address)).toBe(bytes.length === 4 ? 'ipv4' : 'ipv6');
      }),
      { numRuns: 2000 },
    );
  });

  test('a hostile input is cut in the message and whole in the facts', () => {
    const input = 'x'.repeat(100_000);
    let error: unknown;
    try {
      parseIpAddress(input);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ input });
    expect((error as NetError).message.length).toBeLessThan(120);
  });
});

test.each([0, 3, 5, 15, 17])('%i bytes are no address', (length) => {
  expect(() => addressFromBytes(new Uint8Array(length))).toThrow(
    expect.objectContaining({ code: 'invalid-address' }),
  );
});

test('compareAddresses orders as the bytes do, IPv4 first', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      const expected = a.length - b.length || Buffer.compare(a, b);
      expect(Math.sign(compareAddresses(addressFromBytes(a), addressFromBytes(b)))).toBe(Math.sign(expected));
    }),
    { numRuns: 2000 },
  );
});
