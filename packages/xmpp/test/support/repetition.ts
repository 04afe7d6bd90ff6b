// Whether elements that are taken by the form of one before say the same as when they are read tag by tag.
import type { Element } from 'ltx';
import { EntryReader, TagReader } from '../../bench/entry-readers.ts';
import type { StreamLimits } from '../../src/parser/limits.ts';
import type { SubtreeReader } from '../../src/parser/subtree-reader.ts';
import { StreamParser } from '../../src/stream-parser.ts';

class CountingReader extends EntryReader {
  /** Entries that were taken by a form. */
  taken = 0;

  override form(): ReturnType<EntryReader['form']> {
    const form = super.form();
    if (form === undefined) return undefined;
    const read = form.read.bind(form);
    form.read = (...places) => {
      const value = read(...places);
      if (value !== undefined) this.taken += 1;
      return value;
    };
    return form;
  }
}

/** What was told, and after which chunk. */
function outcome(chunks: readonly Uint8Array[], limits: StreamLimits, reader: SubtreeReader): string[] {
  const parser = new StreamParser(limits, { readers: [reader] });
  const events: string[] = [];
  parser.on('element', (element) => events.push(notation(element)));
  parser.on('end', () => events.push('end'));
  parser.on('error', ({ condition, message }) => events.push(`refused: ${condition} ${message}`));
  for (const chunk of chunks) {
    parser.write(chunk);
    events.push('chunk');
  }
  return events;
}

function notation(node: Element | string): string {
  if (typeof node === 'string') return JSON.stringify(node);
  const value = 'value' in node ? ` is ${JSON.stringify(node.value)}` : '';
  const parents = node.children.every((child) => typeof child === 'string' || child.parent === node);
  const kind = node.constructor.name;
  const attributes = JSON.stringify(Object.entries(node.attrs));
  return `(${kind} ${node.name} ${attributes}${value} ${parents} ${node.children.map(notation).join('')})`;
}

/** @returns how many entries were taken by a form. @throws where that says anything else, or tells it at another byte. */
export function checkRepetition(bytes: Uint8Array, cuts: readonly number[], limits: StreamLimits): number {
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  edges.sort((a, b) => a - b);
  const chunks = edges.slice(1).map((edge, at) => bytes.subarray(edges[at], edge));
  const reader = new CountingReader();
  const found = outcome(chunks, limits, reader);
  const expected = outcome(chunks, limits, new TagReader());
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    const stream = JSON.stringify(Buffer.from(bytes).toString('latin1'));
    throw new Error(`${stream}\n  by forms   ${found.join('\n  ')}\n  tag by tag ${expected.join('\n  ')}`);
  }
  return reader.taken;
}
