// The ways from the bytes of a stream to its routes: ours, and two that are made of what there is. All strict about UTF-8 between chunks,
// all to the same records.
import { decodeEvent, type VpnRoute } from '@hostpe/signaling';
import XmppTree from '@xmpp/xml/lib/Parser.js';
import { Element } from 'ltx';
import { SaxesParser } from 'saxes';
import type { SubtreeReader } from '../src/parser/subtree-reader.ts';
import { StreamParser } from '../src/stream-parser.ts';
import { EntryReader, TagReader } from './entry-readers.ts';

export type Side = (chunks: readonly Buffer[], take: (route: VpnRoute) => void) => void;

/** The parser with the typed fast path, and the codec. */
export const ours: Side = (chunks, take) => read(chunks, [new EntryReader()], take);

/** The same, but no item is taken by the form of one before. */
export const ourTags: Side = (chunks, take) => read(chunks, [new TagReader()], take);

/** The parser without it: a tree of each stanza, and the codec. */
export const ourTree: Side = (chunks, take) => read(chunks, [], take);

function read(
  chunks: readonly Buffer[],
  readers: readonly SubtreeReader[],
  take: (route: VpnRoute) => void,
): void {
  const parser = new StreamParser(undefined, { readers });
  parser.on('element', (stanza) => takeEvent(stanza, take));
  parser.on('error', raise);
  for (const chunk of chunks) parser.write(chunk);
}

/** What @xmpp/client parses with, and the codec. It checks next to nothing. */
export const xmppTree: Side = (chunks, take) => {
  const parser = new XmppTree();
  parser.on('element', (stanza) => takeEvent(stanza, take));
  parser.on('error', raise);
  for (const text of decoded(chunks)) parser.write(text);
};

/** saxes, which told our own reader of entries what it reads: the shortest way that it has. */
export function saxes(xmlns: boolean): Side {
  return (chunks, take) => {
    const parser = new SaxesParser({ xmlns, position: false });
    const reader = new EntryReader();
    const entry = new Element('entry');
    let depth = 0;
    let id = '';
    parser.on('opentag', ({ name, attributes, uri = '' }) => {
      if (depth > 0 || name === 'entry') {
        depth += 1;
        reader.open(name, uri, null);
      } else if (name === 'item') {
        const attribute = attributes['id'];
        id = (typeof attribute === 'string' ? attribute : attribute?.value) ?? '';
      }
    });
    parser.on('text', (text) => {
      if (depth > 0) reader.text(text);
    });
    parser.on('closetag', () => {
      if (depth === 0) return;
      depth -= 1;
      reader.close();
      const value = depth === 0 ? reader.end(entry) : undefined;
      if (value === undefined) return;
      const { prefix, nexthops, sequenceNumber = 0, localPreference = 0 } = value;
      take({ id, prefix, nexthops, sequenceNumber, localPreference });
    });
    for (const text of decoded(chunks)) parser.write(text);
  };
}

function* decoded(chunks: readonly Buffer[]): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
}

function takeEvent(stanza: Element, take: (route: VpnRoute) => void): void {
  const payload = stanza.getChildElements()[0];
  const event = payload && decodeEvent(payload);
  if (event?.kind !== 'items') throw new Error(`not an event: ${stanza}`);
  for (const route of event.routes) take(route);
}

function raise(error: Error): never {
  throw error;
}
