import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  macFromBytes,
  macToBytes,
  NetError,
  parseLabel,
  parseMac,
  parseRouteDistinguisher,
  parseRouteTarget,
  routeDistinguisherFromWords,
  routeDistinguisherToBytes,
  routeTargetFromWords,
  routeTargetToBytes,
} from '../src/index.ts';

describe('MAC addresses', () => {
  test('read back what was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const mac = macFromBytes(bytes);
        expect(macToBytes(mac)).toEqual(bytes);
        expect(parseMac(mac)).toBe(mac);
        expect(parseMac(mac.toUpperCase().replaceAll(':', '-'))).toBe(mac);
      }),
    );
  });

  test.each([
    '',
    '00:00:5e:00:01',
    '00:00:5e:00:01:01:02',
    '00:00:5e:00:01:1',
    '00:00:5e-00:01:01',
    '00:00:5e:00:01:0g',
    '00005e000101',
    '00:00:5e:00:01:01\n',
  ])('refuses %j', (text) => {
    expect(() => parseMac(text)).toThrow(expect.objectContaining({ code: 'invalid-mac', input: text }));
  });

  test('are six bytes', () => {
    expect(() => macFromBytes(new Uint8Array(8))).toThrow(NetError);
  });
});

describe('labels', () => {
  test.each([16, 1000, 1048574])('%d is one', (label) => {
    expect(parseLabel(label)).toBe(label);
  });
  test.each([15, 0, -1, 1048575, 1048576, 16.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d is none',
    (label) => {
      expect(() => parseLabel(label)).toThrow(
        expect.objectContaining({ code: 'invalid-label', input: String(label) }),
      );
    },
  );
});

describe.each([
  ['route target', parseRouteTarget, 'invalid-route-target'],
  ['route distinguisher', parseRouteDistinguisher, 'invalid-route-distinguisher'],
] as const)('%s', (_name, parse, code) => {
  test.each([
    '0:0',
    '64512:1',
    '65535:4294967295',
    '65536:65535',
    '4200000000:1',
    '4294967295:0',
    '192.0.2.1:65535',
    '0.0.0.0:0',
    '65000L:1',
    '0L:0',
    '65535L:65535',
  ])('%s is one, as it stands', (text) => {
    expect(parse(text)).toBe(text);
  });

  test.each([
    '',
    ':',
    '1',
    '1:',
    ':1',
    '65536:65536',
    '65535:4294967296',
    '4294967296:1',
    '192.0.2.1:65536',
    '192.0.2:1',
    '01:1',
    '1:01',
    '1:1:1',
    '-1:1',
    '1:1 ',
    '1e3:1',
    '0x1:1',
    '::1:1',
    'L:1',
    '65000L:65536',
    '65000l:1',
    '65000LL:1',
    '65000 L:1',
    '192.0.2.1L:1',
    '1:1L',
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code, input: text }));
  });

  test('an L behind an AS number that needs four octets anyway is left away', () => {
    expect(parse('4200000000L:7')).toBe('4200000000:7');
    expect(parse('65536L:7')).toBe('65536:7');
  });

  test('any AS number and number that fit in six octets are one', () => {
    const number = (maximum: number) => fc.integer({ min: 0, max: maximum });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.tuple(number(0xffff), number(0xffffffff)),
          fc.tuple(number(0xffffffff), number(0xffff)),
          fc.tuple(fc.ipV4(), number(0xffff)),
        ),
        ([administrator, value]) => {
          expect(parse(`${administrator}:${value}`)).toBe(`${administrator}:${value}`);
        },
      ),
    );
  });
});

test('a route target may have its keyword in front, a route distinguisher has none', () => {
  expect(parseRouteTarget('target:64512:1')).toBe('64512:1');
  expect(() => parseRouteTarget('target:target:64512:1')).toThrow(NetError);
  expect(() => parseRouteDistinguisher('target:64512:1')).toThrow(NetError);
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test.each([
  ['65000:1', '0000fde800000001', '0002fde800000001'],
  ['65000L:1', '00020000fde80001', '02020000fde80001'],
  ['192.0.2.1:513', '0001c00002010201', '0102c00002010201'],
  ['4200000000:7', '0002fa56ea000007', '0202fa56ea000007'],
  ['65535:4294967295', '0000ffffffffffff', '0002ffffffffffff'],
])('%s is %s as a route distinguisher and %s as a route target', (text, distinguisher, target) => {
  expect(hex(routeDistinguisherToBytes(parseRouteDistinguisher(text)))).toBe(distinguisher);
  expect(hex(routeTargetToBytes(parseRouteTarget(text)))).toBe(target);
  const words = (bytes: string): [number, number] => [
    Number.parseInt(bytes.slice(0, 8), 16),
    Number.parseInt(bytes.slice(8), 16),
  ];
  expect(routeDistinguisherFromWords(...words(distinguisher))).toBe(text);
  expect(routeTargetFromWords(...words(target))).toBe(text);
});

test('any bytes of the types 0 to 2 have a text of their own', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 2), fc.integer({ min: 0, max: 0xffff }), word, (type, upper, low) => {
      const distinguisher = routeDistinguisherFromWords(((type << 16) | upper) >>> 0, low);
      if (distinguisher === undefined) throw new Error('no text');
      const bytes = Buffer.from(routeDistinguisherToBytes(parseRouteDistinguisher(distinguisher)));
      expect(bytes.readUInt32BE(0)).toBe(((type << 16) | upper) >>> 0);
      expect(bytes.readUInt32BE(4)).toBe(low);
    }),
  );
});

test('what is of another type is no route distinguisher, and of another type or subtype no route target', () => {
  expect(routeDistinguisherFromWords(0x00030001, 1)).toBeUndefined();
  expect(routeTargetFromWords(0x00030001, 1)).toBeUndefined();
  expect(routeTargetFromWords(0x030c0000, 2)).toBeUndefined();
  expect(routeTargetFromWords(0x40020001, 1)).toBeUndefined();
});
