import fc from 'fast-check';
import { test } from 'vitest';
import { checkDecoding, damagedMessages } from './damaged-messages.ts';

test('a message of any kind, damaged, is a message, a typed error, or a withdrawal, and what is taken can be said again', () => {
  fc.assert(fc.property(damagedMessages, checkDecoding), { numRuns: 20_000 });
});
