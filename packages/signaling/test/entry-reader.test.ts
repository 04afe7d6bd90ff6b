import fc from 'fast-check';
import { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import { decodeItem, decodeItemPrefix, type EntryForm } from '../src/decode-route.ts';
import { encodeEvent } from '../src/encode-draft.ts';
import { EntryReader } from '../src/entry-reader.ts';
import { EntryValue } from '../src/entry-value.ts';
import type { VpnRoute } from '../src/messages.ts';
import { event } from './arbitraries.ts';
import { xml } from './xml.ts';

const ENTRY = 'urn:ietf:params:xml:ns:bgp:l3vpn:unicast';

/** Tells a reader what a parser would. */
function tell(reader: EntryReader, element: Element): void {
  const attributes = Object.keys(element.attrs).length === 0 ? null : element.attrs;
  reader.open(element.name, element.getNS() ?? '', attributes);
  // Texts in a row are one to a parser.
  let text = '';
  const tellText = (): void => {
    if (text !== '') reader.text(text);
    text = '';
  };
  for (const child of element.children) {
    if (!(child instanceof Element)) {
      text += child;
      continue;
    }
    tellText();
    tell(reader, child);
  }
  tellText();
  reader.close();
}

/** The item as a parser would give it: its entries read. */
function asRead(item: Element, reader: EntryReader): { item: Element; values: number } {
  const read = new Element(item.name, item.attrs);
  read.parent = item.parent;
  let values = 0;
  for (const child of item.children) {
    const isRead = child instanceof Element && child.getName() === 'entry';
    const known: readonly string[] = reader.namespaces;
    if (!isRead || !known.includes(child.getNS() ?? '')) {
      read.append(child instanceof Element ? copy(child) : child);
      continue;
    }
    const entry = new Element(child.name, child.attrs);
    tell(reader, child);
    const value = reader.end(entry);
    if (value !== undefined) values += 1;
    read.append(Object.assign(entry, { value }));
  }
  return { item: read, values };
}

function copy(element: Element): Element {
  const result = new Element(element.name, element.attrs);
  for (const child of element.children) result.append(child instanceof Element ? copy(child) : child);
  return result;
}

const FORMS: readonly EntryForm[] = [
  { nexthops: 'one', contrail: false },
  { nexthops: 'many', contrail: false },
  { nexthops: 'many', contrail: true },
];

function prefixOf(item: Element): string {
  try {
    return decodeItemPrefix(item);
  } catch (error) {
    return String(error);
  }
}

/** That the read item means what its tree means. @returns whether a value was made. */
function check(item: Element, reader = new EntryReader()): boolean {
  const read = asRead(item, reader);
  for (const form of FORMS) expect(decodeItem(read.item, 1, form)).toEqual(decodeItem(item, 1, form));
  expect(prefixOf(read.item)).toEqual(prefixOf(item));
  return read.values > 0;
}

const items = event.map((message) => {
  if (message.kind !== 'items' || message.routes.length === 0) return [];
  return encodeEvent(message).getChild('items')?.getChildren('item') ?? [];
});

/** Texts and names that are right somewhere, or nearly right. */
const text = fc.oneof(
  fc.constantFrom(
    '1',
    '2',
    '128',
    '',
    ' 1',
    '1 ',
    '01',
    '0',
    '16',
    '15',
    '1048575',
    '4294967295',
    '4294967296',
    'x',
  ),
  fc.constantFrom(
    '10.1.2.3/32',
    '10.1.2.3',
    '10.1.2.3/24',
    '10.1.2.0/24',
    '10.01.2.3',
    '0.0.0.0',
    '0.0.0.0/0',
  ),
  fc.constantFrom(
    '2001:db8::1',
    '2001:db8::1/128',
    '2001:DB8::/32',
    '2001:db8:0::/48',
    '::',
    '::/0',
    'fe80::1%eth0',
  ),
  fc.constantFrom('gre', 'udp', 'vxlan', 'GRE', ' gre', '\u00a01', '1e3', '-1', '+1', '0x10', '99999999999'),
);
/** As forms have them: not empty, and nothing but printable ASCII. */
const plainText = fc
  .oneof(text, fc.constantFrom('00000000007', 'x'.repeat(65), `1${'0'.repeat(64)}`))
  .filter((words) => /^[!-~]+$/.test(words));
const name = fc.constantFrom(
  ...[
    'nlri',
    'next-hops',
    'next-hop',
    'af',
    'safi',
    'address',
    'label',
    'sequence-number',
    'version',
    'entry',
  ],
  ...[
    'local-preference',
    'tunnel-encapsulation-list',
    'tunnel-encapsulation',
    'mobility',
    'x',
    'p:af',
    'p:label',
  ],
);
const attributes = fc.constantFrom<Record<string, string>>(
  ...[{ af: '1' }, { af: '2' }, { id: '7' }, { seqno: '3' }, { xmlns: 'urn:x' }, { 'xmlns:p': 'urn:p' }, {}],
);

const change = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('drop', 'twice', 'text', 'rename', 'attributes', 'child', 'around', 'before', 'swap'),
  text,
  name,
  attributes,
});

/** Changes one element of the item. */
function apply(
  item: Element,
  {
    at,
    how,
    text: words,
    name: tag,
    attributes: attrs,
  }: typeof change extends fc.Arbitrary<infer T> ? T : never,
): void {
  const all = descendants(item);
  const element = all[at % Math.max(1, all.length)];
  const parent = element?.parent;
  if (element === undefined || parent == null) return;
  const place = parent.children.indexOf(element);
  if (how === 'drop') parent.children.splice(place, 1);
  else if (how === 'twice') parent.children.splice(place, 0, adopted(copy(element), parent));
  else if (how === 'text') element.children = [words];
  else if (how === 'rename') element.name = tag;
  else if (how === 'attributes') element.attrs = { ...element.attrs, ...attrs };
  else if (how === 'child') element.cnode(new Element(tag, attrs).t(words));
  else if (how === 'around') element.t(words);
  else if (how === 'before') element.children.unshift(words);
  else parent.children.reverse();
}

function adopted(element: Element, parent: Element): Element {
  element.parent = parent;
  return element;
}

function descendants(element: Element): Element[] {
  return element.getChildElements().flatMap((child) => [child, ...descendants(child)]);
}

describe('EntryReader', () => {
  test('makes a value of all entries that we write, and the same as of their trees', () => {
    fc.assert(
      fc.property(items, (written) => {
        const reader = new EntryReader();
        for (const item of written) expect(check(item, reader)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('makes of any other entry what its tree means, mistakes too', () => {
    const route = fc.tuple(items, fc.array(change, { minLength: 1, maxLength: 4 }));
    let values = 0;
    let rejected = 0;
    fc.assert(
      fc.property(route, ([written, changes]) => {
        const reader = new EntryReader();
        for (const item of written.slice(0, 2)) {
          for (const one of changes) apply(item, one);
          if (check(item, reader)) values += 1;
          else if ('rejected' in decodeItem(item, 1, { nexthops: 'many', contrail: false })) rejected += 1;
        }
      }),
      { numRuns: 1500 },
    );
    expect(values).toBeGreaterThan(50);
    expect(rejected).toBeGreaterThan(50);
  });

  test('makes of an entry by the form of another what its tags say', () => {
    const changes = fc.array(fc.record({ at: fc.nat(), text: plainText }), { maxLength: 2 });
    let values = 0;
    fc.assert(
      fc.property(items, changes, ([item], changed) => {
        const entry = item?.getChild('entry');
        if (entry === undefined) return;
        const reader = new EntryReader();
        tell(reader, entry);
        expect(reader.end(new Element('entry'))).toBeInstanceOf(EntryValue);
        const form = reader.form();
        const leaves = descendants(entry).filter((element) => element.getChildElements().length === 0);
        for (const { at, text: words } of changed) {
          const leaf = leaves[at % leaves.length];
          if (leaf !== undefined) leaf.children = [words];
        }
        tell(reader, entry);
        const byTags = reader.end(new Element('entry'));
        const texts = leaves.map((leaf) => leaf.getText());
        expect(form?.texts).toBe(texts.length);
        const places: number[] = [0, 0];
        for (const one of texts) places.push(places.at(-1) ?? 0, (places.at(-1) ?? 0) + one.length);
        const byForm = form?.read(Buffer.from(texts.join('')), Uint32Array.from(places), 2);
        expect(byForm).toEqual(byTags);
        if (byForm !== undefined) values += 1;
      }),
      { numRuns: 1000 },
    );
    expect(values).toBeGreaterThan(100);
  });

  test('has no form of an entry that it gave back', () => {
    const reader = new EntryReader();
    tell(reader, xml('<entry><x/></entry>'));
    expect(reader.end(new Element('entry'))).toBeUndefined();
    expect(reader.form()).toBeUndefined();
  });

  const nexthop = '<next-hop><af>1</af><address>192.0.2.1</address><label>16</label></next-hop>';
  const nlri = '<nlri><af>1</af><address>10.0.0.1/32</address></nlri>';
  const item = (content: string): Element =>
    xml(`<item id="a"><entry xmlns="${ENTRY}">${content}</entry></item>`);

  const nexthopsTo = (count: number): string =>
    Array.from({ length: count }, (_, at) => nexthop.replace('>16<', `>${16 + at}<`)).join('');

  test('makes a value of as many next-hops as an ECMP has', () => {
    expect(check(item(`${nlri}<next-hops>${nexthopsTo(32)}</next-hops>`))).toBe(true);
  });

  test('makes a value of what is laid out for people', () => {
    const reader = new EntryReader();
    const entry = new Element('entry', { xmlns: ENTRY });
    for (const child of [nlri, `<next-hops>${nexthop}</next-hops>`]) entry.append('\n  ', xml(child));
    tell(reader, entry);
    expect(reader.end(new Element('entry'))).toBeInstanceOf(EntryValue);
  });

  test.each([
    ['two nlri', `${nlri}${nlri}<next-hops>${nexthop}</next-hops>`],
    ['no nlri', `<next-hops>${nexthop}</next-hops>`],
    ['no next-hop', `${nlri}<next-hops/>`],
    ['next-hops of their own', `${nlri}${nexthop}`],
    ['the same next-hop twice', `${nlri}<next-hops>${nexthop}${nexthop}</next-hops>`],
    ['more than 32 next-hops', `${nlri}<next-hops>${nexthopsTo(33)}</next-hops>`],
    ['a label for all next-hops', `${nlri}<label>17</label><next-hops>${nexthop}</next-hops>`],
    ['an af that is an attribute', `<nlri af="1">10.0.0.1/32</nlri><next-hops>${nexthop}</next-hops>`],
    ['an element that nobody knows', `${nlri}<next-hops>${nexthop}</next-hops><x><y>1</y></x>`],
    ['a reserved label', `${nlri}<next-hops>${nexthop.replace('>16<', '>3<')}</next-hops>`],
    ['an unspecified next-hop', `${nlri}<next-hops>${nexthop.replace('192.0.2.1', '0.0.0.0')}</next-hops>`],
    [
      'a number beyond 32 bits',
      `${nlri}<next-hops>${nexthop}</next-hops><sequence-number>4294967296</sequence-number>`,
    ],
    ['a text that is too long for a value', `${nlri}<next-hops>${nexthop}</next-hops>${'x'.repeat(65)}`],
    ['another family', `${nlri.replace('>1<', '>2<')}<next-hops>${nexthop}</next-hops>`],
    ['space around a value', `${nlri.replace('>1<', '> 1 <')}<next-hops>${nexthop}</next-hops>`],
  ])('gives the tree back for %s', (_what, content) => {
    expect(check(item(content))).toBe(false);
  });

  test('gives a tree back whole: names, attributes and texts in their places', () => {
    const reader = new EntryReader();
    const entry = xml('<p:entry xmlns:p="urn:x" a="1">t<b c="d">e<f/></b><p:g/>h</p:entry>');
    const given = new Element(entry.name, entry.attrs);
    tell(reader, entry);
    expect(reader.end(given)).toBeUndefined();
    expect(String(given)).toBe(String(entry));
  });

  test('an entry leaves nothing behind for the next', () => {
    const reader = new EntryReader();
    const full = `${nlri}<next-hops>${nexthop}</next-hops><sequence-number>7</sequence-number><local-preference>8</local-preference>`;
    const routes = [full, `${nlri}<next-hops>${nexthop}</next-hops>`, '<nlri/>', '', full].map((content) =>
      decodeItem(asRead(item(content), reader).item, 1, { nexthops: 'one', contrail: false }),
    );
    const route: VpnRoute = expect.objectContaining({ prefix: '10.0.0.1/32' });
    expect(routes).toEqual([
      { route: expect.objectContaining({ sequenceNumber: 7, localPreference: 8 }) },
      { route },
      { rejected: expect.anything() },
      { rejected: expect.anything() },
      { route: expect.objectContaining({ sequenceNumber: 7, localPreference: 8 }) },
    ]);
    expect(routes[1]).not.toHaveProperty('route.sequenceNumber');
  });
});
