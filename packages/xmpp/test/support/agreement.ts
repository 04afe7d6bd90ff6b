// Whether our parser and saxes agree on a stream, in one notation of what it is.
import { Element } from 'ltx';
import type { StreamLimits } from '../../src/parser/limits.ts';
import type { SubtreeReader } from '../../src/parser/subtree-reader.ts';
import { StreamParser } from '../../src/stream-parser.ts';
import { type Outcome, openTag, saxesOutcome } from './saxes-oracle.ts';

const ROOMY: StreamLimits = {
  maxStanzaBytes: 2 ** 24,
  maxDepth: 1000,
  maxElements: 2 ** 24,
  maxAttributes: 1000,
  maxNameBytes: 1000,
};

/** @param cuts where the bytes are cut into chunks. */
function ourTrees(bytes: Uint8Array, cuts: readonly number[] = []): Outcome {
  return outcome(bytes, cuts, new StreamParser(ROOMY), notation);
}

function notation(node: Element | string): string {
  if (!(node instanceof Element)) return JSON.stringify(node);
  return `${openTag(node.name, null, node.attrs)}${node.children.map(notation).join('')}</>`;
}

/** As `ourTrees`, by a reader of the stanzas that are named so: it is told the namespaces. */
function ourReading(bytes: Uint8Array, name: string, cuts: readonly number[] = []): Outcome {
  const reader = new NotingReader(name);
  const stanza = (element: Element): string =>
    'value' in element
      ? String(element.value)
      : element.getName() === name
        ? 'of another namespace'
        : 'other';
  return outcome(bytes, cuts, new StreamParser(ROOMY, { readers: [reader] }), stanza);
}

class NotingReader implements SubtreeReader {
  readonly name: string;
  readonly namespaces = ['jabber:client'];
  #noted = '';

  constructor(name: string) {
    this.name = name;
  }

  open(name: string, namespace: string, attributes: Readonly<Record<string, string>> | null): void {
    this.#noted += openTag(name, namespace, attributes ?? {});
  }

  text(text: string): void {
    this.#noted += JSON.stringify(text);
  }

  close(): void {
    this.#noted += '</>';
  }

  end(): string {
    const noted = this.#noted;
    this.#noted = '';
    return noted;
  }
}

function outcome(
  bytes: Uint8Array,
  cuts: readonly number[],
  parser: StreamParser,
  stanza: (element: Element) => string,
): Outcome {
  const events: string[] = [];
  parser.on('element', (element) => events.push(stanza(element)));
  parser.on('end', () => events.push('end'));
  // The words of refusals differ; that one refuses must not.
  parser.on('error', () => events.push('refused'));
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  edges.sort((a, b) => a - b);
  for (let at = 1; at < edges.length; at++) parser.write(bytes.subarray(edges[at - 1], edges[at]));
  if (!['end', 'refused'].includes(events.at(-1) ?? '')) events.push('refused');
  return events;
}

/** Both ways through our parser do what saxes does, however the bytes are cut. @throws where one does not. */
export function checkAgreement(bytes: Uint8Array, at: readonly number[]): void {
  const trees = saxesOutcome(bytes);
  assertSame('tree', bytes, trees, ourTrees(bytes, at));
  assertSame('tree, uncut', bytes, trees, ourTrees(bytes));
  const reading = saxesOutcome(bytes, 's');
  assertSame('reading', bytes, reading, ourReading(bytes, 's', at));
  assertSame('reading, uncut', bytes, reading, ourReading(bytes, 's'));
}

function assertSame(what: string, bytes: Uint8Array, expected: Outcome, found: Outcome): void {
  if (JSON.stringify(expected) === JSON.stringify(found)) return;
  const stream = JSON.stringify(Buffer.from(bytes).toString('latin1'));
  throw new Error(`${what} of ${stream}:\n  saxes ${expected.join(' | ')}\n  ours  ${found.join(' | ')}`);
}
