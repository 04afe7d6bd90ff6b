// Where in a YAML document a value stands: paths as zod says them, to lines and to keys as an operator reads them.
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from 'yaml';

export interface Position {
  /** From 1. Of the key, or of the item of a list; where there is none, of what it should be in. */
  readonly line: number;
  /** Whether all of the path is there. */
  readonly found: boolean;
}

/** Where `path` stands in the document. */
export function positionOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Position {
  const lineAt = (node: Node) => lines.linePos(node.range?.[0] ?? 0).line;
  let node = document.contents as unknown;
  let line = isNode(node) ? lineAt(node) : 1;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => String(isScalar(key) ? (key.value ?? '') : key) === String(step),
      );
      if (pair === undefined) return { line, found: false };
      if (isNode(pair.key)) line = lineAt(pair.key);
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step];
      if (item === undefined) return { line, found: false };
      if (isNode(item)) line = lineAt(item);
      node = item;
    } else return { line, found: false };
  }
  return { line, found: true };
}

/** `['attachments', 0, 'addresses']` as `attachments[0].addresses`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const key = String(step);
      if (!/^[\w-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}
