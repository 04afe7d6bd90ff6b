import type { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import { type SubtreeReader, TypedElement } from '../src/parser/subtree-reader.ts';
import { STREAM_LIMITS, StreamParser } from '../src/stream-parser.ts';

const HEADER = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

class Recorder implements SubtreeReader {
  readonly name = 'entry';
  readonly namespaces = ['urn:routes', 'jabber:client'];
  #calls: string[] = [];

  open(name: string, namespace: string, attributes: Readonly<Record<string, string>> | null): void {
    this.#calls.push(`open ${name} of ${namespace} ${JSON.stringify(attributes)}`);
  }

  text(text: string): void {
    this.#calls.push(`text ${text}`);
  }

  close(): void {
    this.#calls.push('close');
  }

  end(element: Element): unknown {
    const calls = this.#calls;
    this.#calls = [];
    if (element.attrs['as'] !== 'tree') return calls;
    element.c('given').t('back');
    return undefined;
  }
}

function read(text: string, limits = STREAM_LIMITS): { stanzas: Element[]; errors: string[] } {
  const parser = new StreamParser(limits, { readers: [new Recorder()] });
  const stanzas: Element[] = [];
  const errors: string[] = [];
  parser.on('element', (element) => stanzas.push(element));
  parser.on('error', (error) => errors.push(`${error.condition}`));
  parser.write(Buffer.from(HEADER + text));
  return { stanzas, errors };
}

describe('a reader of an element', () => {
  test('gets what is in the element, and its value is where the element was', () => {
    const { stanzas } = read(
      "<m><item id='1'><entry xmlns='urn:routes' n='&lt;'>a<![CDATA[<]]><b/> <p:c xmlns:p='u' p:d='e'>f</p:c></entry></item></m>",
    );
    const entry = stanzas[0]?.getChild('item')?.children[0];
    expect(entry).toBeInstanceOf(TypedElement);
    expect(entry).toMatchObject({ name: 'entry', attrs: { xmlns: 'urn:routes', n: '<' }, children: [] });
    expect((entry as TypedElement).value).toEqual([
      'open entry of urn:routes {"xmlns":"urn:routes","n":"<"}',
      'text a<',
      'open b of urn:routes null',
      'close',
      'text  ',
      'open p:c of u {"xmlns:p":"u","p:d":"e"}',
      'text f',
      'close',
      'close',
    ]);
  });

  test('is asked for that name in its namespaces only, with any prefix', () => {
    const { stanzas } = read(
      "<m xmlns:p='urn:routes'><entry/><p:entry/><entry xmlns='urn:other'/><entries/><p:item><entry/></p:item></m>",
    );
    const kinds = stanzas[0]?.getChildElements().map((child) => child instanceof TypedElement);
    expect(kinds).toEqual([true, true, false, false, false]);
    expect(stanzas[0]?.getChildElements()[4]?.children[0]).toBeInstanceOf(TypedElement);
  });

  test('takes an element of its own name within it for a part of it', () => {
    const { stanzas } = read('<m><entry><entry/></entry><entry/></m>');
    const values = stanzas[0]?.getChildElements().map((child) => (child as TypedElement).value);
    expect(values).toEqual([
      ['open entry of jabber:client null', 'open entry of jabber:client null', 'close', 'close'],
      ['open entry of jabber:client null', 'close'],
    ]);
  });

  test('may give the tree back', () => {
    const { stanzas } = read("<m><entry as='tree'><x/></entry></m>");
    expect(String(stanzas[0])).toBe('<m><entry as="tree"><given>back</given></entry></m>');
    expect(stanzas[0]?.children[0]).toMatchObject({ name: 'entry', value: undefined });
  });

  test('may have a stanza of its own, and never the root', () => {
    expect(read('<entry/>').stanzas[0]).toBeInstanceOf(TypedElement);
    const parser = new StreamParser(STREAM_LIMITS, { readers: [new Recorder()] });
    const roots: Element[] = [];
    parser.on('start', (root) => roots.push(root));
    parser.write(Buffer.from("<entry xmlns='urn:routes'><a/>"));
    expect(roots[0]).not.toBeInstanceOf(TypedElement);
  });

  test.each([
    ['an unbound prefix', '<p:a/>', 'not-well-formed'],
    ['a prefix that is bound only before', "<b xmlns:p='u'/><p:a/>", 'not-well-formed'],
    ['the same attribute twice', "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", 'not-well-formed'],
    ['another end', '<a></b>', 'not-well-formed'],
    ['a comment', '<!-- -->', 'restricted-xml'],
    ['a character that XML has not', '&#1;', 'not-well-formed'],
    ['too deep elements', '<a>'.repeat(40), 'policy-violation'],
    ['too long names', `<${'a'.repeat(300)}/>`, 'policy-violation'],
  ])('never sees the end of what has %s', (_what, text, condition) => {
    expect(read(`<m/><m><entry>${text}</entry></m>`)).toMatchObject({
      stanzas: [{ name: 'm', children: [] }],
      errors: [condition],
    });
  });
});
