// Streams to try a parser on: most are right, or nearly right.
import fc from 'fast-check';

export const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
export const FOOTER = '</stream:stream>';

const name = fc.constantFrom(
  'a',
  'b',
  's',
  'p:a',
  'q:b',
  'p:s',
  'xml:lang',
  'é',
  'a-b.c',
  'p:1',
  'xmlns',
  'x:y:z',
  'a\u00d7',
  '\u0300a',
);
const namespace = fc.constantFrom(
  'u',
  'v',
  '',
  ' ',
  'u ',
  'jabber:client',
  'http://www.w3.org/XML/1998/namespace',
  'http://www.w3.org/2000/xmlns/',
);
const space = fc.constantFrom('', '', '', ' ', '\t', '\r\n', ' \n ');
const piece = fc.oneof(
  fc.constantFrom(
    'text',
    ' ',
    '\n',
    '\r',
    '\r\n',
    '\t',
    'é',
    '€',
    '😀',
    ']',
    ']]',
    ']]>',
    '>',
    '"',
    "'",
    '\u0085',
  ),
  fc.constantFrom(
    '&amp;',
    '&lt;',
    '&gt;',
    '&quot;',
    '&apos;',
    '&#65;',
    '&#x1F600;',
    '&#13;',
    '&#10;',
    '&#x9;',
  ),
  fc.constantFrom('&#0;', '&#xD800;', '&#xFFFE;', '&#x110000;', '&#X41;', '&foo;', '&;', '&#;', '&', '&#x;'),
  fc.constantFrom(
    '\ufffe',
    '\ufeff',
    '\u0001',
    '\u007f',
    '\u2028',
    '\u{10ffff}',
    '<',
    '<![CDATA[x]]>',
    '<![CDATA[]]]]>',
  ),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
);
/** Mostly what is right, or nothing would get far. */
const cleanPiece = fc.constantFrom(
  'text',
  'é',
  '😀',
  ' ',
  '\r\n',
  '&amp;',
  '&#x20AC;',
  ']',
  '\n',
  '\t',
  '&#13;',
);
const text = fc
  .array(fc.oneof({ weight: 12, arbitrary: cleanPiece }, { weight: 1, arbitrary: piece }), { maxLength: 5 })
  .map((pieces) => pieces.join(''));
const cdata = text.map((content) => `<![CDATA[${content}]]>`);

const declaration = fc
  .tuple(fc.constantFrom('xmlns', 'xmlns:p', 'xmlns:q', 'xmlns:xml', 'xmlns:xmlns'), namespace)
  .map(([key, value]) => `${key}="${value}"`);
const goodDeclaration = fc.constantFrom('xmlns:p="u"', "xmlns:q='v'", 'xmlns=""', 'xmlns="u"', 'xmlns:q="u"');
const attribute = fc.oneof(
  { weight: 8, arbitrary: goodDeclaration },
  { weight: 1, arbitrary: declaration },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('k', 'l', 'p:k', 'q:k', 'xml:lang', '__proto__'), space, text)
      .map(([key, gap, value]) => `${key}${gap}=${gap}"${value.replaceAll(/["<]/g, '')}"`),
  },
  { weight: 1, arbitrary: fc.tuple(name, text).map(([key, value]) => `${key}='${value}'`) },
);

interface Node {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly gap: string;
  readonly children: readonly string[];
}

function write({ name: tag, attributes, gap, children }: Node): string {
  const start = `<${[tag, ...attributes].join(' ')}${gap}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join('')}</${tag}${gap}>`;
}

const goodName = fc.constantFrom('a', 'b', 's', 'é', 'a-b.c');
const { element } = fc.letrec<{ element: string; child: string }>((tie) => ({
  child: fc.oneof({ depthSize: 'small' }, text, cdata, tie('element')),
  element: fc
    .record({
      name: fc.oneof({ weight: 8, arbitrary: goodName }, { weight: 1, arbitrary: name }),
      attributes: fc.array(attribute, { maxLength: 4 }),
      gap: space,
      children: fc.array(tie('child'), { maxLength: 4 }),
    })
    .map(write),
}));

const stanza = fc.tuple(element, space).map(([written, gap]) => `${written}${gap}`);
const header = fc.oneof(
  { weight: 9, arbitrary: fc.constant(HEADER) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      HEADER.slice(21),
      `\n${HEADER.slice(21)}`,
      `\ufeff${HEADER}`,
      HEADER.replace('?>', " encoding='utf-8' standalone='yes' ?>\n"),
      HEADER.replace('1.0', '1.1'),
      HEADER.replace('?>', "encoding='utf-8'?>"),
    ),
  },
);

/** Streams of which most are right, and others nearly. */
export const written = fc
  .tuple(header, fc.array(stanza, { maxLength: 4 }))
  .map(([begin, stanzas]) => Buffer.from(begin + stanzas.join('') + FOOTER));

const fragment = fc.oneof(
  piece.map((content) => Buffer.from(content)),
  element.map((content) => Buffer.from(content)),
  fc
    .constantFrom(
      '<',
      '>',
      '/',
      '=',
      '"',
      "'",
      '<!--',
      '-->',
      '<?x ?>',
      '<!DOCTYPE a>',
      '<a',
      '</a>',
      '</',
      '<s>',
      ':',
      '?>',
    )
    .map((content) => Buffer.from(content)),
  fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
);

const mutation = fc.record({ at: fc.nat(), removed: fc.nat({ max: 6 }), inserted: fc.option(fragment) });

/** The same, with up to four places changed. */
export const mutated = fc
  .tuple(written, fc.array(mutation, { minLength: 1, maxLength: 4 }))
  .map(([bytes, mutations]) => {
    let result: Buffer = bytes;
    for (const { at, removed, inserted } of mutations) {
      const begin = at % (result.length + 1);
      result = Buffer.concat([
        result.subarray(0, begin),
        inserted ?? Buffer.alloc(0),
        result.subarray(begin + removed),
      ]);
    }
    return result;
  });

export const cuts = fc.array(fc.nat(), { maxLength: 8 });
