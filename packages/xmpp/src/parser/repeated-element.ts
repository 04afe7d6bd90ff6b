// Elements that come again and again with the same markup: a child whose only content is an element that a reader reads. The first is read
// by the machine, token by token, and becomes a pattern; of those that match it only the fields are read. What does not match, or is cut,
// or of which the reader makes no value, the machine reads from its begin: nothing has changed by then. So both ways say the same.
import { LONGEST_WAITING } from './joined-chunks.ts';
import { CUT, type MarkupTemplate, templateOf } from './markup-template.ts';
import type { OpenElements, RepeatedForm } from './open-elements.ts';

interface Pattern {
  readonly template: MarkupTemplate;
  readonly form: RepeatedForm;
  /** Of the parent: the elements within it are as deep as they were. */
  readonly depth: number;
}

/** The forms that a stream mixes: with one next-hop or two, with a number or without. */
const MOST_PATTERNS = 4;
/** After so many patterns of which none has matched, only each 64th element becomes one. */
const PATIENCE = 16;
const SELDOM = 64;

export class RepeatedElements {
  readonly #elements: OpenElements;
  /** That which matched last, or is the newest, first. */
  #patterns: Pattern[] = [];
  /** Elements that could have become patterns since one has matched. */
  #unmatched = 0;
  /** Of the chunk that is being read, when something of it was compared. */
  #view: DataView | undefined;
  #mayStop = false;
  #isCut = false;

  constructor(elements: OpenElements) {
    this.#elements = elements;
  }

  /** Takes the element that begins with the `<` at `at`, if it is whole before `end` and like one before. @returns what comes behind it, or `at`. */
  take(bytes: Buffer, at: number, end: number): number {
    const patterns = this.#patterns;
    let isCut = false;
    for (let index = 0; index < patterns.length; index++) {
      const pattern = patterns[index] as Pattern;
      if (pattern.depth !== this.#elements.depth) continue;
      this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const behind = pattern.template.match(bytes, this.#view, at, end);
      if (behind === CUT) isCut ||= this.#elements.mayRepeat(pattern.form);
      if (behind < 0 || !this.#elements.repeat(pattern.form, bytes, pattern.template.fields)) continue;
      this.#unmatched = 0;
      if (index > 0) this.#prefer(pattern, index);
      return behind;
    }
    this.#isCut = isCut && this.#mayStop && end === bytes.length && end - at <= LONGEST_WAITING;
    return at;
  }

  /** @param mayStop whether an element may be left for the next chunk. */
  enterChunk(mayStop: boolean): void {
    this.#view = undefined;
    this.#mayStop = mayStop;
    this.#isCut = false;
  }

  /** Whether that which was to be taken last goes on behind the chunk, and is like one before so far. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The element `bytes[start, end)` was read by the machine, and the next may be like it. */
  learn(bytes: Buffer, start: number, end: number): void {
    this.#unmatched += 1;
    if (this.#unmatched > PATIENCE && this.#unmatched % SELDOM !== 0) return;
    const template = templateOf(bytes, start, end);
    if (template === undefined) return;
    const form = this.#elements.repeatedForm();
    if (form === undefined || template.fields.length !== form.fields * 2) return;
    this.#prefer({ template, form, depth: this.#elements.depth }, this.#patterns.length);
  }

  /** Puts it first, in place of that at `index`. */
  #prefer(pattern: Pattern, index: number): void {
    this.#patterns.splice(index, 1);
    this.#patterns.unshift(pattern);
    if (this.#patterns.length > MOST_PATTERNS) this.#patterns.pop();
  }
}
