import fc from 'fast-check';
import { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import { STREAM_LIMITS, type StreamLimits, StreamParser } from '../src/stream-parser.ts';

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/** The events as text; of errors the condition. */
function parse(chunks: readonly Uint8Array[], limits: StreamLimits = STREAM_LIMITS): string[] {
  const events: string[] = [];
  const parser = new StreamParser(limits);
  parser.on('start', (root) => events.push(`start ${root.name} ${root.findNS()}`));
  parser.on('element', (element) => events.push(`element ${element}`));
  parser.on('end', () => events.push('end'));
  parser.on('error', (error) => events.push(`error ${error.condition}`));
  for (const chunk of chunks) parser.write(chunk);
  return events;
}

const parseText = (text: string, limits?: StreamLimits): string[] => parse([Buffer.from(text)], limits);
const START = 'start stream:stream jabber:client';

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const edges = [...new Set([0, ...at.map((place) => place % (bytes.length + 1)), bytes.length])];
  edges.sort((a, b) => a - b);
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

describe('StreamParser', () => {
  test('gives the header, each stanza and the end', () => {
    expect(
      parseText(
        `${HEADER}<iq id='1'><q xmlns='urn:x'>a&lt;&#233;<![CDATA[<b>]]></q></iq> \n</stream:stream>`,
      ),
    ).toEqual([START, 'element <iq id="1"><q xmlns="urn:x">a&lt;é&lt;b&gt;</q></iq>', 'end']);
  });

  test('a stanza has its namespace from the header, and is not kept by it', () => {
    const parser = new StreamParser();
    const stanzas: Element[] = [];
    parser.on('element', (element) => stanzas.push(element));
    parser.write(Buffer.from(`${HEADER}<iq/><x:iq xmlns:x='urn:x'/>`));
    expect(stanzas.map((stanza) => stanza.getNS())).toEqual(['jabber:client', 'urn:x']);
    expect(stanzas[0]?.parent?.children).toEqual([]);
  });

  test.each([
    ['mismatched tags', '<a></b>', 'not-well-formed'],
    ['a bare ampersand', '<a>this & that</a><a>one &lt; two</a>', 'not-well-formed'],
    ['an unknown entity', '<a>&foo;</a>', 'not-well-formed'],
    ['a reference to a character that XML has not', '<a>&#0;</a>', 'not-well-formed'],
    ['a control character', '<a>\u0001</a>', 'not-well-formed'],
    ['an unquoted attribute', '<a b=c/>', 'not-well-formed'],
    ['a duplicate attribute', "<a b='1' b='2'/>", 'not-well-formed'],
    ['a duplicate attribute by namespace', "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", 'not-well-formed'],
    ['an unbound prefix', '<p:a/>', 'not-well-formed'],
    ['text between stanzas', '<a/>text<b/>', 'not-well-formed'],
    ['an escaped space between stanzas', '<a/>&#32;<b/>', 'not-well-formed'],
    ['CDATA between stanzas', '<a/><![CDATA[ ]]><b/>', 'not-well-formed'],
    ['a comment', '<a><!-- --></a>', 'restricted-xml'],
    ['a processing instruction', '<?php ?>', 'restricted-xml'],
    ['a second XML declaration', "<?xml version='1.0'?>", 'not-well-formed'],
    ['a late document type', '<!DOCTYPE a>', 'not-well-formed'],
    ['elements too deep', `${'<a>'.repeat(32)}`, 'policy-violation'],
    [
      'too many attributes',
      `<a ${Array.from({ length: 33 }, (_, n) => `a${n}=''`).join(' ')}/>`,
      'policy-violation',
    ],
  ])('refuses %s, once', (_what, text, condition) => {
    const events = parseText(`${HEADER}${text}<after/></stream:stream>`);
    expect(events.filter((event) => event.startsWith('error'))).toEqual([`error ${condition}`]);
    expect(events.at(-1)).toBe(`error ${condition}`);
  });

  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\n', 'not-well-formed'],
    ['whitespace before the declaration', ` ${HEADER}`, 'not-well-formed'],
    ['a byte order mark', `\ufeff${HEADER}`, 'not-well-formed'],
    ['a document type', "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>", 'restricted-xml'],
    ['another encoding', "<?xml version='1.0' encoding='UTF-16'?><x>", 'unsupported-encoding'],
    ['XML 1.1', "<?xml version='1.1'?><x>", 'not-well-formed'],
  ])('refuses %s at the begin of a stream', (_what, text, condition) => {
    expect(parseText(text)).toEqual([`error ${condition}`]);
  });

  test('allows what its limits allow to the byte, and not one more', () => {
    const limits = { ...STREAM_LIMITS, maxStanzaBytes: 200 };
    const stanza = (bytes: number): string => `<a>${'é'.repeat((bytes - 8) / 2)} </a>`;
    expect(Buffer.byteLength(stanza(200))).toBe(200);
    expect(parseText(HEADER + stanza(200) + stanza(200), limits)).toHaveLength(3);
    const tooLong = stanza(200).replace(' ', '  ');
    expect(parseText(HEADER + stanza(200) + tooLong, limits).at(-1)).toBe('error policy-violation');
    expect(parseText(HEADER + stanza(200) + tooLong, limits)).toHaveLength(3);
  });

  test('depth and attributes within their limits pass', () => {
    const deep = '<a>'.repeat(31) + '</a>'.repeat(31);
    const wide = `<a ${Array.from({ length: 32 }, (_, n) => `a${n}=''`).join(' ')}/>`;
    expect(parseText(HEADER + deep + wide)).toHaveLength(3);
  });

  test('whitespace keeps the stream alive for ever', () => {
    const limits = { ...STREAM_LIMITS, maxStanzaBytes: 200 };
    const events = parse(
      [Buffer.from(HEADER), ...Array(1000).fill(Buffer.from(' \n')), Buffer.from('<a/>')],
      limits,
    );
    expect(events).toEqual([START, 'element <a/>']);
  });

  test('a bare ampersand does not swallow the stream until somebody writes a semicolon', () => {
    const events = parse([Buffer.from(`${HEADER}<a>this & that</a>`), Buffer.from('<b/>'.repeat(20))]);
    expect(events).toEqual([START, 'error not-well-formed']);
  });

  test('a huge stanza is refused when its limit is reached, not when it ends', () => {
    const parser = new StreamParser({ ...STREAM_LIMITS, maxStanzaBytes: 1000 });
    let failed = false;
    parser.on('error', () => {
      failed = true;
    });
    parser.write(Buffer.from(`${HEADER}<a b='`));
    parser.write(Buffer.from('x'.repeat(993)));
    expect(failed).toBe(false);
    parser.write(Buffer.from('x'.repeat(1)));
    expect(failed).toBe(true);
  });

  test.each([
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a character beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte that never occurs', [0xff]],
    ['a cut character', [0xe2, 0x82, 0x41]],
  ])('refuses %s as no UTF-8, after what came before it', (_what, bytes) => {
    const stream = [Buffer.from(`${HEADER}<a/><b>`), Buffer.from(bytes), Buffer.from('</b>')];
    expect(parse(stream)).toEqual([START, 'element <a/>', 'error not-well-formed']);
    expect(parse([Buffer.concat(stream)])).toEqual([START, 'element <a/>', 'error not-well-formed']);
  });

  test('does not wait for the rest of what can never be a character', () => {
    for (const byte of [0x80, 0xc1, 0xf5, 0xff])
      expect(parse([Buffer.from(`${HEADER}<a>`), Buffer.from([byte])])).toEqual([
        START,
        'error not-well-formed',
      ]);
  });

  test('a limit that falls into a character is the same however that is cut', () => {
    const limits = { ...STREAM_LIMITS, maxStanzaBytes: 200 };
    const begin = Buffer.from(`${HEADER}<a>${'x'.repeat(195)}`);
    const character = Buffer.from('😀');
    const rest = [character.subarray(3), Buffer.from('\u0001')];
    const chunks = [begin, character.subarray(0, 3), Buffer.concat(rest)];
    expect(parse([Buffer.concat(chunks)], limits)).toEqual([START, 'error policy-violation']);
    expect(parse(chunks, limits)).toEqual([START, 'error policy-violation']);
  });

  test('a character may be cut at each of its bytes', () => {
    const bytes = Buffer.from(`${HEADER}<a b='é€😀'>é€😀</a>`);
    const whole = parse([bytes]);
    expect(whole).toEqual([START, 'element <a b="é€😀">é€😀</a>']);
    for (let at = 0; at <= bytes.length; at++) expect(parse(cut(bytes, [at]))).toEqual(whole);
    expect(parse(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole);
  });

  const fragment = fc.constantFrom(
    ...[
      '<a>',
      '</a>',
      '<b c="1">',
      '</b>',
      '<a/>',
      "<x:a xmlns:x='u'/>",
      ' ',
      '\r',
      '\n',
      '\r\n',
      'text',
      '&amp;',
    ],
    ...[
      '&#32;',
      '&x;',
      ']]>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '-->',
      '<?x ?>',
      'é',
      '€',
      '😀',
      '\u0001',
      '\ufffd',
      '\ufeff',
    ],
    ...['<!DOCTYPE x>', '</stream:stream>', '"', "'", '<', '>', '=', '<iq id="&lt;é">', '</iq>', HEADER],
  );
  const text = fc.array(fragment, { maxLength: 30 }).map((parts) => Buffer.from(HEADER + parts.join('')));
  const stanzas = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 8 }).map((texts) => {
    const elements = texts.map((content) => new Element('m', { a: content }).t(content).toString());
    return Buffer.from(`${HEADER}${elements.join(' ')}</stream:stream>`);
  });
  const noise = fc
    .uint8Array({ maxLength: 8 })
    .map((bytes) => Buffer.concat([Buffer.from(`${HEADER}<a/><a>`), bytes]));
  const cuts = fc.array(fc.nat(2000), { maxLength: 40 });

  test('the same bytes give the same events however they are cut', () => {
    const limits = { ...STREAM_LIMITS, maxStanzaBytes: 150, maxDepth: 4 };
    fc.assert(
      fc.property(fc.oneof(text, stanzas, noise), cuts, (bytes, at) => {
        const whole = parse([bytes], limits);
        expect(parse(cut(bytes, at), limits)).toEqual(whole);
        expect(
          parse(
            Array.from(bytes, (byte) => Buffer.from([byte])),
            limits,
          ),
        ).toEqual(whole);
        expect(whole.filter((event) => event.startsWith('error')).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1000 },
    );
  });

  test('what was serialised comes back', () => {
    const legal = fc
      .string({ unit: 'grapheme', maxLength: 30 })
      .filter((content) => !/[\r\ufffe\uffff]|[^\t\n -\u{10ffff}]/u.test(content));
    fc.assert(
      fc.property(legal, legal, cuts, (attribute, content, at) => {
        const element = new Element('m', { a: attribute.replaceAll(/[\t\n]/g, ' ') }).t(content);
        const bytes = Buffer.from(`${HEADER}${element}`);
        const expected = content === '' ? element.toString().replace('></m>', '/>') : element.toString();
        expect(parse(cut(bytes, at))).toEqual([START, `element ${expected}`]);
      }),
    );
  });
});
