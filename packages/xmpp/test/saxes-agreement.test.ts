import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAgreement } from './support/agreement.ts';
import { saxesOutcome } from './support/saxes-oracle.ts';
import { cuts, FOOTER, HEADER, mutated, written } from './support/streams.ts';

describe('agreement with saxes', () => {
  test('of streams that are written as they should be, mostly', () => {
    let accepted = 0;
    fc.assert(
      fc.property(written, cuts, (bytes, at) => {
        checkAgreement(bytes, at);
        if (saxesOutcome(bytes).at(-1) === 'end') accepted += 1;
      }),
      { numRuns: 800 },
    );
    expect(accepted).toBeGreaterThan(150);
  });

  test('of streams with a few bytes changed', () => {
    fc.assert(
      fc.property(mutated, cuts, (bytes, at) => checkAgreement(bytes, at)),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['a prefix with a local part that begins with a digit', "<a xmlns:p='u' p:1=''/>"],
    ['a namespace name with a space', "<a xmlns=' u'/>"],
    ['a reference between stanzas', '<a/>&#32;<b/>'],
    ['whitespace only between stanzas', '<a/>\r\n\t <b/>'],
    ['a text that is cut by CDATA', '<a>]]<![CDATA[>]]]]>]</a>'],
    ['carriage returns of all kinds', "<a b='\r\n\r\r\n&#13;'>\r\n\r\r\n&#13;\n</a>"],
    ['an attribute that objects have already', "<a __proto__='x' constructor='y'/>"],
    ['the prefix xml without a declaration', "<a xml:lang='en'/>"],
    [
      'a prefix that is bound again and unbound at the end',
      "<a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></a><p:d/>",
    ],
    ['a default namespace taken back', "<s><b xmlns=''><c/></b></s>"],
  ])('of %s', (_what, text) => {
    const bytes = Buffer.from(HEADER + text + FOOTER);
    checkAgreement(bytes, []);
    for (let at = 0; at <= bytes.length; at++) checkAgreement(bytes, [at]);
  });
});
