// The elements that are open, and the tag that is being read: each start tag has its end tag, none is too deep. Tells the tokens to who
// takes them.
import { AttributeList } from './attribute-list.ts';
import type { StreamLimits } from './limits.ts';
import type { Name } from './name.ts';
import { refuse } from './refuse.ts';

/** Who takes the tokens. A start tag's attributes are there for the call only. */
export interface TokenSink {
  open(name: Name, attributes: AttributeList): void;
  /** @returns whether the element that ends may be the form of others: `repeatedForm` would say which. */
  close(): boolean;
  /** Never '', and never two in a row. */
  text(text: string): void;
  /** That of the element that was closed last; undefined where it is none after all. */
  repeatedForm(): RepeatedForm | undefined;
  /** Whether it would take an element of this form now. */
  mayRepeat(form: RepeatedForm): boolean;
  /**
   * Takes an element of this form: the same tokens in the same place, but for its fields.
   * @param fields the begin and the end of each in `bytes`; printable ASCII without markup, never empty.
   * @returns whether it did; else nothing has changed, and the tokens come one by one.
   */
  repeat(form: RepeatedForm, bytes: Buffer, fields: Uint32Array): boolean;
}

/** What a sink knows of an element whose like may come again. */
export interface RepeatedForm {
  /** How many it has: attributes of its start tag that declare no namespace, then texts, in their order. */
  readonly fields: number;
}

/** Where a tag begins that does not begin in the chunk that is being read. */
export const ELSEWHERE = -1;

export class OpenElements {
  /** How many are open, the root among them. */
  depth = 0;
  /** Of the start tag that is being read, or was read last. */
  name: Name | undefined;
  /** Of that tag. */
  readonly attributes: AttributeList;
  /** Where in the chunk that tag begins, or ELSEWHERE. */
  start = ELSEWHERE;
  readonly #sink: TokenSink;
  readonly #maxDepth: number;
  /** By depth; what is beyond means nothing. */
  readonly #names: Name[] = [];
  readonly #starts: number[] = [];

  constructor(sink: TokenSink, limits: StreamLimits) {
    this.attributes = new AttributeList(limits.maxAttributes);
    this.#sink = sink;
    this.#maxDepth = limits.maxDepth;
  }

  /** Of the innermost one; there is one. */
  get innermost(): Name {
    return this.#names[this.depth] as Name;
  }

  /** The chunk is used up. */
  leaveChunk(): void {
    this.start = ELSEWHERE;
    this.#starts.fill(ELSEWHERE, 0, this.depth + 1);
  }

  /** The start tag is read. */
  open(name: Name): void {
    if (this.depth === this.#maxDepth) refuse('policy-violation', `elements deeper than ${this.#maxDepth}`);
    this.depth += 1;
    this.name = name;
    this.#names[this.depth] = name;
    this.#starts[this.depth] = this.start;
    this.#sink.open(name, this.attributes);
    this.attributes.clear();
  }

  /** The innermost one ends. @returns where in the chunk it began, if it began there and may be the form of others; else -1. */
  close(): number {
    const mayRepeat = this.#sink.close();
    this.depth -= 1;
    return mayRepeat ? (this.#starts[this.depth + 1] as number) : ELSEWHERE;
  }

  /** Text of the innermost one, up to a tag. */
  text(text: string): void {
    this.#sink.text(text);
  }

  /** As the sink has it. */
  repeatedForm(): RepeatedForm | undefined {
    return this.#sink.repeatedForm();
  }

  /** As the sink has it. */
  mayRepeat(form: RepeatedForm): boolean {
    return this.#sink.mayRepeat(form);
  }

  /** As the sink has it. */
  repeat(form: RepeatedForm, bytes: Buffer, fields: Uint32Array): boolean {
    return this.#sink.repeat(form, bytes, fields);
  }
}
