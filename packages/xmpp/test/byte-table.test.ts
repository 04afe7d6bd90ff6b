import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteTable, internalised } from '../src/parser/byte-table.ts';

test('gives each its own value, whatever was in its place', () => {
  const table = new ByteTable((bytes, start, end) => bytes.toString('latin1', start, end));
  const word = fc.array(fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), { minLength: 30, maxLength: 60 });
  fc.assert(
    fc.property(word, (letters) => {
      const text = letters.join('');
      const bytes = Buffer.from(text);
      // Those that begin alike, the longest first: some have the same place, and differ in their length only.
      for (let end = bytes.length; end > 0; end--) expect(table.get(bytes, 0, end)).toBe(text.slice(0, end));
    }),
    { numRuns: 300 },
  );
});

test('makes what comes again once, and nothing that is long or of no length', () => {
  let made = 0;
  const table = new ByteTable(() => {
    made += 1;
    return made;
  });
  const bytes = Buffer.from('next-hop next-hop');
  expect([table.get(bytes, 0, 8), table.get(bytes, 9, 17)]).toEqual([1, 1]);
  const long = Buffer.alloc(100, 'x');
  expect([table.get(long, 0, 100), table.get(long, 0, 100)]).toEqual([2, 3]);
  expect([table.get(bytes, 3, 3), table.get(bytes, 3, 3)]).toEqual([4, 5]);
});

test('an internalised string is the same string', () => {
  for (const text of ['', 'entry', '__proto__', 'constructor', 'é😀']) expect(internalised(text)).toBe(text);
});
