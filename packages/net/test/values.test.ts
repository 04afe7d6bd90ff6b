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
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code, input: text }));
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
