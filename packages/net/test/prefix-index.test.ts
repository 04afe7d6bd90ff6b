import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpPrefix } from '../src/index.ts';
import { PrefixIndex, parseIpAddress, parseIpPrefix, prefixOf } from '../src/index.ts';

const ipv4 = fc
  .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
  .map(([address, length]) => prefixOf(parseIpAddress(address), length));
const ipv6 = fc
  .tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }))
  .map(([address, length]) => prefixOf(parseIpAddress(address), length));

describe.each([
  ['ipv4', ipv4],
  ['ipv6', ipv6],
] as const)('an index of %s prefixes', (family, prefix) => {
  test('does as a Map would, through insertions and removals', () => {
    const change = fc.record({ prefix, remove: fc.boolean(), again: fc.nat(9) });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 300 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (changes, seed) => {
          const index = new PrefixIndex(family, seed);
          const model = new Map<IpPrefix, number>();
          for (const { prefix: one, remove, again } of changes) {
            // Among those that are there, too.
            const chosen = again < 4 ? ([...model.keys()].at(again) ?? one) : one;
            const row = model.get(chosen);
            expect(index.find(chosen)).toBe(row ?? -1);
            if (!remove) {
              const inserted = index.insert(chosen);
              if (row !== undefined) expect(inserted).toBe(row);
              else expect([...model.values()]).not.toContain(inserted);
              model.set(chosen, inserted);
            } else if (row !== undefined) {
              index.remove(row);
              model.delete(chosen);
              expect(index.has(row)).toBe(false);
            }
          }
          expect(index.size).toBe(model.size);
          for (const [one, row] of model) {
            expect(index.find(one)).toBe(row);
            expect(index.prefixAt(row)).toBe(one);
            expect(row).toBeLessThan(index.limit);
          }
          expect(index.limit).toBeLessThanOrEqual(index.capacity);
        },
      ),
    );
  });
});

test('one prefix of one family is none of the other', () => {
  const index = new PrefixIndex('ipv4');
  expect(index.find(parseIpPrefix('::/0'))).toBe(-1);
  expect(() => index.insert(parseIpPrefix('2001:db8::1'))).toThrow('2001:db8::1/128 is not an ipv4 prefix');
});

test('a prefix with an embedded IPv4 address is found', () => {
  const index = new PrefixIndex('ipv6');
  const row = index.insert(parseIpPrefix('::ffff:192.0.2.1'));
  expect(index.find(parseIpPrefix('::ffff:192.0.2.1'))).toBe(row);
  expect(index.find(parseIpPrefix('::ffff:192.0.2.2'))).toBe(-1);
  expect(index.prefixAt(row)).toBe('::ffff:192.0.2.1/128');
});

test('rows of removed prefixes are used again', () => {
  const index = new PrefixIndex('ipv4');
  for (let round = 0; round < 1_000; round++) {
    const row = index.insert(parseIpPrefix(`10.0.${round >> 8}.${round & 255}`));
    index.remove(row);
  }
  expect(index.limit).toBe(1);
});
