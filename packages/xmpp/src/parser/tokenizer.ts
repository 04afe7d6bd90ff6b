// The bytes of an XMPP stream to start tags, end tags and texts: well-formed, within the limits, and nothing of what RFC 6120
// section 11.1 forbids. A machine that goes from byte to byte and can stop behind each: so the same bytes give the same tokens,
// and the same error at the same byte, however they are cut. Never makes trees, never looks at namespaces.
import { CharacterData } from './character-data.ts';
import { BEGINS_NAME, isSpace, PLAIN } from './characters.ts';
import type { StreamLimits } from './limits.ts';
import type { Name } from './name.ts';
import { ELSEWHERE, OpenElements, type TokenSink } from './open-elements.ts';
import { readPlainContent } from './plain-content.ts';
import { refuse, refuseByte } from './refuse.ts';
import { RepeatedElements } from './repeated-element.ts';
import type { Run } from './run.ts';
import { SpecialMarkup } from './special-markup.ts';

// Where the machine is. First those that are in the middle of a run of characters.
const TEXT = 0;
const CDATA = 1;
const VALUE = 2;
const ELEMENT_NAME = 3;
const ATTRIBUTE_NAME = 4;
const LAST_RUN = ATTRIBUTE_NAME;
const BEGIN = 5;
const BETWEEN = 6;
const MARKUP = 7;
const SPECIAL = 8;
const TAG = 9;
const ATTRIBUTE_EQUALS = 10;
const ATTRIBUTE_QUOTE = 11;
const VALUE_END = 12;
const EMPTY_TAG = 13;
const END_TAG = 14;
const END_TAG_SPACE = 15;
const FILLER = 16;
const END = 17;

const EXCLAMATION_MARK = 0x21;
const DOUBLE_QUOTE = 0x22;
const QUOTE = 0x27;
const SLASH = 0x2f;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;
const QUESTION_MARK = 0x3f;
/** U+0200, which Contrail writes between stanzas. */
const FILLER_BYTES = [0xc8, 0x80] as const;

/** Beyond all limits and chunks; no Infinity, for V8 keeps such numbers in another way than small ones. */
const UNBOUND = 2 ** 30;

export class Tokenizer {
  readonly #limits: StreamLimits;
  readonly #contrail: boolean;
  readonly #data: CharacterData;
  readonly #run: Run;
  readonly #elements: OpenElements;
  readonly #repeated: RepeatedElements;
  readonly #special = new SpecialMarkup();
  #state = BEGIN;
  /** The name that a value belongs to. */
  #attribute: Name | undefined;
  /** That began the value. */
  #quote = 0;
  /** Bytes of an end tag's name that were read. */
  #matched = 0;
  /** An XML declaration may come here. */
  #declarable = true;
  /** Where in the chunk, or behind it, the stanza's limit is reached; UNBOUND between stanzas. */
  #bound: number;

  /** @param contrail whether what Contrail writes between stanzas is passed over: XML declarations and U+0200. */
  constructor(sink: TokenSink, limits: StreamLimits, contrail: boolean) {
    this.#limits = limits;
    this.#contrail = contrail;
    this.#data = new CharacterData(limits.maxNameBytes);
    this.#run = this.#data.run;
    this.#elements = new OpenElements(sink, limits);
    this.#repeated = new RepeatedElements(this.#elements);
    this.#bound = limits.maxStanzaBytes;
  }

  /** Whether the root is closed: what follows is nobody's. */
  get ended(): boolean {
    return this.#state === END;
  }

  /**
   * Takes the next bytes.
   * @param mayStop whether it may stop before an element that looks like one before as far as the chunk goes.
   * @returns how many it took; all, if it does not stop.
   * @throws XmppError where the stream breaks the rules; nothing may be written after it.
   */
  write(chunk: Buffer, mayStop: boolean): number {
    this.#run.enter(chunk);
    this.#repeated.enterChunk(mayStop);
    let at = 0;
    while (at < chunk.length && this.#state !== END && !this.#repeated.isCut) {
      at = this.#step(at, Math.min(chunk.length, this.#bound));
      if (at === this.#bound)
        refuse('policy-violation', `stanza longer than ${this.#limits.maxStanzaBytes} bytes`);
    }
    const isStopped = this.#repeated.isCut;
    const taken = isStopped ? at : chunk.length;
    if (this.#bound !== UNBOUND) this.#bound -= taken;
    this.#run.leave(this.#state <= LAST_RUN && !isStopped);
    this.#elements.leaveChunk();
    return taken;
  }

  /** Goes on at `at`, which is before `end`. @returns where it stopped, at the latest at `end`. */
  #step(at: number, end: number): number {
    switch (this.#state) {
      case TEXT:
        return this.#text(at, end);
      case CDATA:
        return this.#cdata(at, end);
      case VALUE:
        return this.#value(at, end);
      case ELEMENT_NAME:
        return this.#elementName(at, end);
      case ATTRIBUTE_NAME:
        return this.#attributeName(at, end);
      case END_TAG:
        return this.#endTag(at, end);
      default:
        return this.#takeByte(this.#run.bytes[at] as number, at);
    }
  }

  /** @returns `at` itself where the byte begins a run. */
  #takeByte(byte: number, at: number): number {
    switch (this.#state) {
      case BEGIN:
        this.#declarable = byte === LESS;
        this.#between(byte, at);
        return at + 1;
      case BETWEEN:
        this.#between(byte, at);
        return at + 1;
      case MARKUP:
        return this.#markup(byte, at);
      case TAG:
      case VALUE_END:
        return this.#tag(byte, at);
      case ATTRIBUTE_EQUALS:
        if (byte === EQUALS) this.#state = ATTRIBUTE_QUOTE;
        else if (!isSpace(byte)) refuseByte(byte, "an attribute's =");
        return at + 1;
      case ATTRIBUTE_QUOTE:
        this.#beginValue(byte, at);
        return at + 1;
      case EMPTY_TAG:
        if (byte !== GREATER) refuseByte(byte, 'the > of an empty tag');
        this.#open(at);
        this.#close(at);
        return at + 1;
      case END_TAG_SPACE:
        if (byte === GREATER) this.#close(at);
        else if (!isSpace(byte)) refuseByte(byte, 'the > of an end tag');
        return at + 1;
      case SPECIAL:
        this.#takeSpecial(byte, at);
        return at + 1;
      default:
        if (byte !== FILLER_BYTES[1]) refuseByte(byte, 'whitespace between stanzas');
        this.#state = BETWEEN;
        return at + 1;
    }
  }

  #beginRun(state: number, start: number): void {
    this.#state = state;
    this.#run.start = start;
  }

  #text(from: number, end: number): number {
    let at = from;
    if (this.#data.isAtBegin(at)) {
      at = readPlainContent(this.#run, this.#elements, this.#repeated, at, end, this.#limits.maxNameBytes);
      if (this.#elements.depth === 1) this.#endStanza();
      if (this.#elements.depth === 1 || at === end || this.#repeated.isCut) return at;
    }
    at = this.#data.text(at, end);
    if (at === end) return at;
    const next = at + 1;
    // An element's text ends with the next tag; a CDATA section is a part of it.
    if (next < end) {
      const byte = this.#run.bytes[next] as number;
      if (byte === SLASH) {
        this.#endText(at);
        this.#state = END_TAG;
        this.#matched = 0;
        return this.#endTag(next + 1, end);
      }
      if (((PLAIN[byte] as number) & BEGINS_NAME) !== 0) {
        this.#endText(at);
        this.#elements.start = at;
        this.#beginRun(ELEMENT_NAME, next);
        return this.#elementName(next, end);
      }
    }
    this.#run.holdTo(at, next);
    this.#state = MARKUP;
    return next;
  }

  #endText(at: number): void {
    if (this.#run.lengthTo(at) > 0) this.#elements.text(this.#run.take(at));
  }

  #cdata(from: number, end: number): number {
    const at = this.#data.cdata(from, end);
    if (at === end) return at;
    this.#run.holdWithout(2, at);
    this.#beginRun(TEXT, at + 1);
    return at + 1;
  }

  #value(from: number, end: number): number {
    const at = this.#data.value(this.#quote, from, end);
    if (at === end) return at;
    const declaration = this.#attribute?.declares !== undefined;
    this.#elements.attributes.addValue(declaration ? this.#run.takeNamespace(at) : this.#run.take(at));
    this.#state = VALUE_END;
    return at + 1;
  }

  #elementName(from: number, end: number): number {
    const at = this.#data.name(from, end);
    if (at === end) return at;
    const byte = this.#run.bytes[at] as number;
    this.#elements.name = this.#run.takeName(at);
    if (byte === GREATER) this.#open(at);
    else if (byte === SLASH) this.#state = EMPTY_TAG;
    else if (isSpace(byte)) this.#state = TAG;
    else refuseByte(byte, "the end of an element's name");
    return at + 1;
  }

  #attributeName(from: number, end: number): number {
    const at = this.#data.name(from, end);
    if (at === end) return at;
    const byte = this.#run.bytes[at] as number;
    this.#attribute = this.#run.takeName(at);
    this.#elements.attributes.addName(this.#attribute);
    if (byte === EQUALS) this.#state = ATTRIBUTE_QUOTE;
    else if (isSpace(byte)) this.#state = ATTRIBUTE_EQUALS;
    else refuseByte(byte, "the end of an attribute's name");
    return at + 1;
  }

  #endTag(from: number, end: number): number {
    const { bytes } = this.#run;
    const expected = this.#elements.innermost.bytes;
    let at = from;
    let matched = this.#matched;
    while (at < end && matched < expected.length) {
      if (bytes[at] !== expected[matched]) refuse('not-well-formed', 'an end tag of another element');
      at += 1;
      matched += 1;
    }
    this.#matched = matched;
    if (at === end) return at;
    const byte = bytes[at] as number;
    if (byte === GREATER) this.#close(at);
    else if (isSpace(byte)) this.#state = END_TAG_SPACE;
    else refuse('not-well-formed', 'an end tag of another element');
    return at + 1;
  }

  /** In a start tag, behind its name or behind a value. */
  #tag(byte: number, at: number): number {
    if (byte === GREATER) this.#open(at);
    else if (byte === SLASH) this.#state = EMPTY_TAG;
    else if (isSpace(byte)) this.#state = TAG;
    else if (this.#state === VALUE_END) refuseByte(byte, 'the space before an attribute');
    else return this.#beginName(ATTRIBUTE_NAME, byte, at);
    return at + 1;
  }

  #beginName(state: number, byte: number, at: number): number {
    if (byte < 0x80 && ((PLAIN[byte] as number) & BEGINS_NAME) === 0) refuseByte(byte, 'a name');
    this.#beginRun(state, at);
    return at;
  }

  #beginValue(byte: number, at: number): void {
    if (byte === QUOTE || byte === DOUBLE_QUOTE) {
      this.#quote = byte;
      this.#beginRun(VALUE, at + 1);
    } else if (!isSpace(byte)) refuseByte(byte, "a value's quote");
  }

  /** Before the root and between stanzas. */
  #between(byte: number, at: number): void {
    if (byte === LESS) {
      this.#state = MARKUP;
      this.#run.start = at + 1;
      if (this.#elements.depth > 0) this.#bound = at + this.#limits.maxStanzaBytes;
    } else if (this.#contrail && this.#elements.depth > 0 && byte === FILLER_BYTES[0]) this.#state = FILLER;
    else if (isSpace(byte)) this.#state = BETWEEN;
    else refuseByte(byte, 'the < of a stanza');
  }

  /** Behind a `<`. */
  #markup(byte: number, at: number): number {
    if (byte === EXCLAMATION_MARK || byte === QUESTION_MARK) {
      const place = {
        root: this.#elements.depth > 0,
        stanza: this.#elements.depth > 1,
        declarable: this.#declarable,
      };
      this.#special.begin(byte === QUESTION_MARK ? 'question' : 'bang', place);
      this.#state = SPECIAL;
      return at + 1;
    }
    this.#elements.start = ELSEWHERE;
    // What was held before the `<` is the text that a tag ends.
    this.#run.start = at;
    this.#endText(at);
    if (byte !== SLASH) return this.#beginName(ELEMENT_NAME, byte, at);
    if (this.#elements.depth === 0) refuse('not-well-formed', 'an end tag before the root');
    this.#state = END_TAG;
    this.#matched = 0;
    return at + 1;
  }

  #takeSpecial(byte: number, at: number): void {
    const special = this.#special.take(byte);
    if (special === 'cdata') this.#beginRun(CDATA, at + 1);
    else if (special === 'declaration') {
      this.#declarable = false;
      this.#state = BETWEEN;
      if (this.#elements.depth > 0) this.#bound = UNBOUND;
    }
  }

  /** The `>` at `at` ends a start tag. */
  #open(at: number): void {
    this.#elements.open(this.#elements.name as Name);
    this.#declarable = false;
    if (this.#elements.depth === 1) this.#endStanza();
    else this.#beginRun(TEXT, at + 1);
  }

  /** The `>` at `at` ends an end tag, or an empty one. */
  #close(at: number): void {
    const start = this.#elements.close();
    if (start >= 0) this.#repeated.learn(this.#run.bytes, start, at + 1);
    if (this.#elements.depth === 0) this.#state = END;
    else if (this.#elements.depth === 1) this.#endStanza();
    else this.#beginRun(TEXT, at + 1);
  }

  #endStanza(): void {
    this.#state = BETWEEN;
    this.#bound = UNBOUND;
    this.#declarable = this.#contrail;
  }
}
