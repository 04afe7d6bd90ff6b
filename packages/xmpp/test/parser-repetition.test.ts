import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventText } from '../bench/route-stream.ts';
import { STREAM_LIMITS } from '../src/stream-parser.ts';
import { checkRepetition } from './support/repetition.ts';
import { damagedRoutes, narrowLimits, routes } from './support/route-streams.ts';
import { cuts, FOOTER, HEADER } from './support/streams.ts';

const fewCuts = fc.oneof(fc.constant([]), cuts);

describe('elements that are taken by the form of one before say what their tags say', () => {
  test('of routes, however they are cut and whatever their values are', () => {
    let taken = 0;
    fc.assert(
      fc.property(routes, fewCuts, narrowLimits, (bytes, at, limits) => {
        taken += checkRepetition(bytes, at, limits);
      }),
      { numRuns: 600 },
    );
    expect(taken).toBeGreaterThan(300);
  });

  test('of routes with a few bytes changed', () => {
    let taken = 0;
    fc.assert(
      fc.property(damagedRoutes, fewCuts, narrowLimits, (bytes, at, limits) => {
        taken += checkRepetition(bytes, at, limits);
      }),
      { numRuns: 1200 },
    );
    expect(taken).toBeGreaterThan(300);
  });

  const stream = (...texts: string[]): Buffer => Buffer.from(HEADER + texts.join('') + FOOTER);
  const stanza = (first: number, count: number): string => `<message>${eventText(first, count)}</message>`;

  test('at each byte where a chunk may end, and with each byte damaged', () => {
    const bytes = stream(stanza(0, 2));
    for (let at = 0; at < bytes.length; at++) {
      checkRepetition(bytes, [at], STREAM_LIMITS);
      for (const byte of [0x3c, 0x22, 0x31, 0x80]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = byte;
        checkRepetition(damaged, [], STREAM_LIMITS);
      }
    }
  });

  test('also where a chunk ends in one, if it goes on to its end in the next', () => {
    const bytes = stream(stanza(0, 20));
    const every = (size: number) =>
      Array.from({ length: Math.ceil(bytes.length / size) - 1 }, (_, at) => (at + 1) * size);
    expect(checkRepetition(bytes, every(1000), STREAM_LIMITS)).toBe(19);
    // One that needs three chunks is read tag by tag.
    expect(checkRepetition(bytes, every(100), STREAM_LIMITS)).toBe(0);
  });

  test('at each limit', () => {
    const bytes = stream(stanza(0, 3), stanza(3, 3));
    const length = stanza(0, 3).length;
    for (let maxStanzaBytes = length - 480; maxStanzaBytes <= length + 8; maxStanzaBytes++)
      checkRepetition(bytes, [], { ...STREAM_LIMITS, maxStanzaBytes });
    for (let maxElements = 1; maxElements < 24; maxElements++)
      checkRepetition(bytes, [], { ...STREAM_LIMITS, maxElements });
    for (let maxDepth = 1; maxDepth < 12; maxDepth++)
      checkRepetition(bytes, [], { ...STREAM_LIMITS, maxDepth });
  });

  const entry =
    '<entry xmlns="urn:ietf:params:xml:ns:bgp:l3vpn:unicast"><nlri><af>1</af><address>10.0.0.1/32</address></nlri><next-hops><next-hop><af>1</af><address>192.0.2.1</address><label>16</label></next-hop></next-hops></entry>';
  const item = `<item id="a">${entry}</item>`;
  const PUBSUB = 'http://jabber.org/protocol/pubsub';

  test.each([
    ['one of another id', item, item.replace('"a"', '"b"'), 1],
    ['white space in an id', item, item.replace('"a"', '"a\tb"'), 0],
    ['another attribute', item, item.replace('"a"', '"a" k="v"'), 0],
    [
      'an element behind the entry',
      item.replace('</item>', '<x/></item>'),
      item.replace('</item>', '<x/></item>'),
      0,
    ],
    ['a text behind the entry', item.replace('</item>', 'x</item>'), item.replace('</item>', 'y</item>'), 0],
    ['two entries', item.replace(entry, entry + entry), item, 0],
    [
      'a prefix that is bound by the item',
      item.replace(' id', ' xmlns:p="u" p:k="v" id'),
      item.replace(' id', ' xmlns:p="v" p:k="v" id'),
      0,
    ],
    ['another namespace of the item', item, item.replace(' id', ' xmlns="urn:x" id'), 0],
    [
      'an entry of the default namespace',
      item.replace(/ xmlns="[^"]*"/, ''),
      item.replace(/ xmlns="[^"]*"/, ''),
      1,
    ],
    ['a declaration in single quotes', item.replace(/xmlns="([^"]*)"/, "xmlns='$1'"), item, 0],
    ['an end tag with a space', item.replace('</item>', '</item >'), item.replace('</item>', '</item >'), 1],
    [
      'a CDATA section',
      item.replace('>16<', '><![CDATA[16]]><'),
      item.replace('>16<', '><![CDATA[17]]><'),
      0,
    ],
    ['a reference', item, item.replace('>16<', '>&#49;6<'), 0],
    ['a reserved label', item, item.replace('>16<', '>3<'), 0],
    ['a number of too many digits', item, item.replace('>16<', '>00000000016<'), 0],
    [
      'a text that means nothing',
      item.replace('</nlri>', 'x</nlri>'),
      item.replace('</nlri>', 'y</nlri>'),
      1,
    ],
    [
      'too long a text that means nothing',
      item.replace('</nlri>', 'x</nlri>'),
      item.replace('</nlri>', `${'y'.repeat(65)}</nlri>`),
      0,
    ],
    ['an unspecified next-hop', item, item.replace('192.0.2.1', '0.0.0.0'), 0],
    ['another family', item, item.replace('10.0.0.1/32', '2001:db8::1/128'), 0],
  ])('for %s', (_what, first, second, taken) => {
    const bytes = stream(`<m><items xmlns="${PUBSUB}">${first}${second}</items></m>`);
    expect(checkRepetition(bytes, [], STREAM_LIMITS)).toBe(taken);
  });

  test.each([
    ['a default namespace', ['', ''], [` xmlns="urn:x"`, ''], 0],
    [
      'a prefix',
      [` xmlns="${PUBSUB}" xmlns:p="urn:x"`, 'p:'],
      [` xmlns="${PUBSUB}" xmlns:p="urn:y"`, 'p:'],
      0,
    ],
  ])('where %s is bound otherwise in the next stanza', (_what, one, other, taken) => {
    const stanzas = [one, other].map(
      ([declared, prefix]) =>
        `<m${declared}><items>${item.replaceAll(/(<\/?)item/g, `$1${prefix}item`)}</items></m>`,
    );
    const bare = stanzas.map((text) => text.replace(/<entry xmlns="[^"]*"/, '<entry'));
    expect(checkRepetition(stream(...bare), [], STREAM_LIMITS)).toBe(taken);
  });

  test('where the next one is deeper than the limit', () => {
    const bytes = stream(`<m><items>${item}</items></m>`, `<m><x><items>${item}</items></x></m>`);
    for (let maxDepth = 7; maxDepth <= 10; maxDepth++)
      expect(checkRepetition(bytes, [], { ...STREAM_LIMITS, maxDepth })).toBe(0);
  });

  test('all but the first of a chunk, in all stanzas that are alike', () => {
    const bytes = stream(stanza(0, 100), stanza(100, 100), stanza(200, 1), stanza(201, 1));
    expect(checkRepetition(bytes, [], STREAM_LIMITS)).toBe(201);
  });

  test('of several forms by turns', () => {
    const events = Array.from({ length: 40 }, (_, at) => {
      const text = stanza(at, 1);
      return at % 2 === 0 ? text : text.replace(/<sequence-number>.*<.sequence-number>/, '');
    });
    expect(checkRepetition(stream(...events), [], STREAM_LIMITS)).toBe(38);
  });
});
