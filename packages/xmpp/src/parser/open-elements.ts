// The elements that are open, and the tag that is being read: each start tag has its end tag, none is too deep. Tells the tokens to who
// takes them.
import { AttributeList } from './attribute-list.ts';
import type { StreamLimits } from './limits.ts';
import type { Name } from './name.ts';
import { refuse } from './refuse.ts';

/** Who takes the tokens. A start tag's attributes are there for the call only. */
export interface TokenSink {
  open(name: Name, attributes: AttributeList): void;
  close(): void;
  /** Never '', and never two in a row. */
  text(text: string): void;
}

export class OpenElements {
  /** How many are open, the root among them. */
  depth = 0;
  /** Of the start tag that is being read, or was read last. */
  name: Name | undefined;
  /** Of that tag. */
  readonly attributes: AttributeList;
  readonly #sink: TokenSink;
  readonly #maxDepth: number;
  /** By depth; what is beyond means nothing. */
  readonly #names: Name[] = [];

  constructor(sink: TokenSink, limits: StreamLimits) {
    this.attributes = new AttributeList(limits.maxAttributes);
    this.#sink = sink;
    this.#maxDepth = limits.maxDepth;
  }

  /** Of the innermost one; there is one. */
  get innermost(): Name {
    return this.#names[this.depth] as Name;
  }

  /** The start tag is read. */
  open(name: Name): void {
    if (this.depth === this.#maxDepth) refuse('policy-violation', `elements deeper than ${this.#maxDepth}`);
    this.depth += 1;
    this.name = name;
    this.#names[this.depth] = name;
    this.#sink.open(name, this.attributes);
    this.attributes.clear();
  }

  /** The innermost one ends. */
  close(): void {
    this.#sink.close();
    this.depth -= 1;
  }

  /** Text of the innermost one, up to a tag. */
  text(text: string): void {
    this.#sink.text(text);
  }
}
