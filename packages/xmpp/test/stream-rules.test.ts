import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import { type Name, names } from '../src/parser/name.ts';
import type { SubtreeReader } from '../src/parser/subtree-reader.ts';
import { NEGOTIATION_LIMITS, STREAM_LIMITS, type StreamLimits, StreamParser } from '../src/stream-parser.ts';

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

interface Options {
  readonly limits?: StreamLimits;
  readonly contrail?: boolean;
  readonly readers?: readonly SubtreeReader[];
}

function parse(
  chunks: readonly Uint8Array[],
  { limits = STREAM_LIMITS, contrail = false, readers = [] }: Options = {},
): string[] {
  const events: string[] = [];
  const parser = new StreamParser(limits, { contrail, readers });
  parser.on('start', (root: Element) => events.push(`start ${root}`));
  parser.on('element', (element) => events.push(`${element}`));
  parser.on('end', () => events.push('end'));
  parser.on('error', (error) => events.push(`error ${error.condition}`));
  for (const chunk of chunks) parser.write(chunk);
  return events.slice(events[0]?.startsWith('start') ? 1 : 0);
}

const parseText = (text: string, options?: Options): string[] => parse([Buffer.from(text)], options);

const STREAMS: readonly string[] = [
  `${HEADER}<iq id='1' type="set"><q xmlns='urn:x' a='&lt;&#xe9;\t\r\n'>a&amp;é<![CDATA[<b>]]]]>😀</q></iq> \n<a/></stream:stream>`,
  `${HEADER}<m><item id='192.0.2.1/7/10.0.0.0/32'><entry xmlns='urn:e'><nlri><af>1</af></nlri></entry></item></m>`,
  `${HEADER}<a \r\n b = '1' ></a ><p:a xmlns:p='u' p:q=""/><é ü='€'>]] ]&gt;\r\r\n&#13;</é></stream:stream >after`,
  `${HEADER}<a>&#x10FFFF;&quot;]]]<![CDATA[]]>]&apos;</a><b>]]></b>`,
  `${HEADER}<a>ok</a><a b='1' b='2'/>`,
  `${HEADER}<a>ok</a><a>&unknown;</a>`,
  `${HEADER}<a>ok</a><a><!-- no --></a>`,
  `${HEADER}<a>ok</a><a>\u0001</a>`,
  `${HEADER}<a>ok</a>no`,
  `${HEADER}<a>ok</a><a b='${'x'.repeat(80)}'>${'y'.repeat(40)}</a>`,
  `${HEADER}<a>ok</a><${'n'.repeat(31)}é/>`,
  `${HEADER}<a>ok</a><a ${'n'.repeat(33)}=''/>`,
  `${HEADER}<a>ok</a><${'n'.repeat(29)}é/><${'n'.repeat(30)}é/>`,
  `${HEADER}<a>ok</a><a>${'<bb></bb>'.repeat(30)}</a>`,
  `${HEADER}<a>ok</a><a>123456${'<bb></bb>'.repeat(30)}</a>`,
  `${HEADER}<a>ok</a><a><b><c><d/></c></b></a>`,
  ` \n<stream:stream xmlns:stream='s'><a xmlns=''/></stream:stream>`,
];

describe('however the bytes are cut', () => {
  const limits = { maxStanzaBytes: 200, maxDepth: 4, maxElements: 12, maxAttributes: 3, maxNameBytes: 32 };

  test.each(STREAMS.map((text) => [text] as const))('the events are the same: %j', (text) => {
    const bytes = Buffer.from(text);
    const whole = parse([bytes], { limits });
    expect(
      parse(
        Array.from(bytes, (byte) => Buffer.of(byte)),
        { limits },
      ),
    ).toEqual(whole);
    for (let first = 0; first <= bytes.length; first++) {
      expect(parse([bytes.subarray(0, first), bytes.subarray(first)], { limits })).toEqual(whole);
      const second = Math.min(bytes.length, first + 1 + (first % 5));
      const three = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      expect(parse(three, { limits })).toEqual(whole);
    }
  });

  test('an error is told with the byte that makes it one', () => {
    for (const text of [
      '<a></b',
      '<a>&fooxy',
      '<a>&#x110000',
      '<a>]]>',
      '<a b=1',
      '<!x',
      '<a><!--',
      '<a b="<',
      '<a/>x',
      '<1',
    ]) {
      const before = Buffer.from(HEADER + text.slice(0, -1));
      const last = Buffer.from(text.slice(-1));
      expect([text, parse([before]).at(-1)?.startsWith('error')]).not.toEqual([text, true]);
      expect([text, parse([before, last]).at(-1)?.startsWith('error')]).toEqual([text, true]);
    }
  });
});

describe('UTF-8', () => {
  const places = ['<a>', '<a b="', '<a><![CDATA[', '<a', '<a b'].map((before) =>
    Buffer.from(HEADER + before),
  );

  test.each([
    ['overlong in two bytes', [0xc1, 0xbf]],
    ['overlong in three bytes', [0xe0, 0x9f, 0xbf]],
    ['overlong in four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['cut off', [0xe2, 0x82, 0x20]],
    ['a byte too many', [0xe2, 0x82, 0xac, 0x80]],
    ['U+FFFE', [0xef, 0xbf, 0xbe]],
    ['U+FFFF', [0xef, 0xbf, 0xbf]],
  ])('that is %s is refused wherever it stands', (_what, bytes) => {
    for (const before of places) {
      expect(parse([before])).toEqual([]);
      expect(parse([before, Buffer.from(bytes)])).toEqual(['error not-well-formed']);
    }
  });

  test('of characters that names cannot have is refused in names', () => {
    for (const character of ['\u00d7', '\u037e', '\u2000', '\ufdd0', '\u{f0000}']) {
      expect(parseText(`${HEADER}<a b='${character}'>${character}</a>`)).toHaveLength(1);
      for (const text of [`<a${character}`, `<${character}`, `<a b${character}`, `<a ${character}`])
        expect([text, parseText(HEADER + text)]).toEqual([text, ['error not-well-formed']]);
    }
  });

  test('of the first and last of each length is understood', () => {
    const text = '\u0080\u07ff\u0800\ud7ff\ue000\ufffd\u{10000}\u{10ffff}';
    expect(parseText(`${HEADER}<a b='${text}'>${text}</a>`)).toEqual([`<a b="${text}">${text}</a>`]);
  });
});

describe('limits', () => {
  test('of names hold to the byte, of elements and attributes, in all of UTF-8', () => {
    const limits = { ...STREAM_LIMITS, maxNameBytes: 16 };
    const names = ['a'.repeat(16), 'é'.repeat(8), `p:${'a'.repeat(14)}`];
    for (const name of names) {
      const fits = `<${name} xmlns:p='u'/><a ${name}='' xmlns:p='u'/><${name} xmlns:p='u'></${name}>`;
      expect(parseText(HEADER + fits, { limits })).toHaveLength(3);
      expect(parseText(`${HEADER}<${name}a xmlns:p='u'/>`, { limits })).toEqual(['error policy-violation']);
      expect(parseText(`${HEADER}<a ${name}a=''/>`, { limits })).toEqual(['error policy-violation']);
      const straddling = `${name.slice(0, -1)}😀`;
      expect(parseText(`${HEADER}<${straddling}/>`, { limits })).toEqual(['error policy-violation']);
    }
  });

  test('of depth and attributes are what is allowed, and not one more', () => {
    const limits = { ...STREAM_LIMITS, maxDepth: 4, maxAttributes: 2 };
    const fits = '<a><b><c d="" e=""/></b></a>';
    expect(parseText(HEADER + fits, { limits })).toEqual([fits]);
    for (const more of ['<a><b><c><d>', '<a><b><c><d/>', '<a b="" c="" d'])
      expect(parseText(`${HEADER}${more}=`, { limits })).toEqual(['error policy-violation']);
  });

  test('of elements are those of one stanza, what a reader takes not among them', () => {
    const limits = { ...STREAM_LIMITS, maxElements: 4 };
    const fits = '<a><b/><b/><b/></a>';
    expect(parseText(HEADER + fits + fits, { limits })).toEqual([fits, fits]);
    expect(parseText(`${HEADER}${fits}<a><b/><b/><b/><b`, { limits })).toEqual([fits]);
    expect(parseText(`${HEADER}${fits}<a><b/><b/><b/><b/>`, { limits })).toEqual([
      fits,
      'error policy-violation',
    ]);
    const read = '<a><read><c/><c/><c/><c/></read><b/><b/></a>';
    const reader = (value?: string): SubtreeReader => ({
      name: 'read',
      namespaces: ['jabber:client'],
      open() {},
      text() {},
      close() {},
      end: () => value,
    });
    expect(parseText(HEADER + read + read, { limits, readers: [reader('value')] })).toHaveLength(2);
    const refused = ['error policy-violation'];
    const more = '<a><read><c/><c/><c/><c/><c/>';
    expect(parseText(HEADER + more, { limits, readers: [reader('value')] })).toEqual(refused);
    // What it gives back is a tree.
    const back = '<a><read><c/><c/><c/></read>';
    expect(parseText(HEADER + back, { limits, readers: [reader()] })).toEqual(refused);
    expect(parseText(HEADER + back, { limits, readers: [reader('value')] })).toEqual([]);
  });

  test('before authentication are narrower', () => {
    const deep = '<a>'.repeat(20) + '</a>'.repeat(20);
    expect(parseText(HEADER + deep)).toHaveLength(1);
    expect(parseText(HEADER + deep, { limits: NEGOTIATION_LIMITS })).toEqual(['error policy-violation']);
  });

  test('of a stanza begin anew with each, and at its first byte', () => {
    const limits = { ...STREAM_LIMITS, maxStanzaBytes: 120 };
    const stanza = `<a>${'x'.repeat(113)}</a>`;
    expect(parseText(HEADER + `${stanza} \n`.repeat(50), { limits })).toHaveLength(50);
    expect(parseText(`${HEADER}<a>${'x'.repeat(114)}</a>`, { limits })).toEqual(['error policy-violation']);
  });
});

describe('what Contrail writes between stanzas', () => {
  const DECLARATION = "<?xml version='1.0'?>";
  const stanzas = `${DECLARATION}<a/>\u0200 \u0200${DECLARATION}\n<b/>\u0200<c/>`;

  test('is passed over where the option is set', () => {
    expect(parseText(HEADER + stanzas, { contrail: true })).toEqual(['<a/>', '<b/>', '<c/>']);
    const bytes = Buffer.from(HEADER + stanzas);
    expect(
      parse(
        Array.from(bytes, (byte) => Buffer.of(byte)),
        { contrail: true },
      ),
    ).toHaveLength(3);
  });

  test.each([
    ['a declaration without the option', `<a/>${DECLARATION}`, false],
    ['a filler without the option', '<a/>\u0200', false],
    ['two declarations in a row', `<a/>${DECLARATION}${DECLARATION}`, true],
    ['a declaration in a stanza', `<a/><b>${DECLARATION}`, true],
    ['another character of two bytes', '<a/>\u0201', true],
    ['a declaration of another version', "<a/><?xml version='1.1'?>", true],
  ])('is refused as %s', (_what, text, contrail) => {
    expect(parseText(HEADER + text, { contrail })).toEqual(['<a/>', 'error not-well-formed']);
  });
});

describe('a hostile peer', () => {
  const ROOMY = { ...STREAM_LIMITS, maxStanzaBytes: 2 ** 22 };

  test.each([
    ['opening brackets', '<'.repeat(1_000_000), 'not-well-formed'],
    ['ampersands', `<a>${'&'.repeat(1_000_000)}`, 'not-well-formed'],
    ['leading zeros', `<a>&#${'0'.repeat(1_000_000)}65;</a>`, undefined],
    [
      'attributes',
      `<a ${Array.from({ length: 100_000 }, (_, n) => `a${n}='' `).join('')}/>`,
      'policy-violation',
    ],
    ['one name', `<${'a'.repeat(1_000_000)}/>`, 'policy-violation'],
    ['one name of an attribute', `<a ${'a'.repeat(1_000_000)}=''/>`, 'policy-violation'],
    ['elements in elements', '<a>'.repeat(300_000), 'policy-violation'],
    ['one XML declaration', `<?xml ${' '.repeat(1_000_000)}?>`, 'not-well-formed'],
    ['one text', `<a>${'x'.repeat(1_000_000)}</a>`, undefined],
    ['closing brackets', `<a>${']'.repeat(1_000_000)}</a>`, undefined],
  ])('who sends 1 MB of %s is refused or understood', (_what, text, condition) => {
    const expected = condition === undefined ? [] : [`error ${condition}`];
    const events = parseText(HEADER + text, { limits: ROOMY });
    expect(events.filter((event) => event.startsWith('error'))).toEqual(expected);
  });

  test('who makes up names leaves none of them behind', () => {
    // All of them have one place in the table.
    const digits = (number: number): string => String(number % 1000).padStart(3, '0');
    const made = Array.from({ length: 5000 }, (_, at) => `x${digits(Math.floor(at / 1000))}m${digits(at)}z`);
    parseText(`${HEADER}<of-its-own>${made.map((name) => `<${name}></${name}>`).join('')}</of-its-own>`);
    const left = new Set<Name>();
    const first = Buffer.from('of-its-own');
    let name: Name | undefined = names.get(first, 0, first.length);
    for (; name !== undefined && !left.has(name); name = name.follower) left.add(name);
    expect(left.size).toBe(2);
  });

  test('makes work that grows no faster than its bytes', () => {
    const script = fileURLToPath(new URL('./support/work.ts', import.meta.url));
    const told = execFileSync(process.execPath, [script], { encoding: 'utf8' });
    const streams = JSON.parse(told) as [name: string, once: number, fourfold: number][];
    expect(streams.length).toBeGreaterThan(10);
    for (const [name, once, fourfold] of streams) {
      expect([name, once > 2000]).toEqual([name, true]);
      expect([name, fourfold / once, fourfold / once < 4.5]).toEqual([name, expect.any(Number), true]);
    }
  });
});
