// The runs of characters of a stream, each up to the byte that ends it: texts, CDATA sections, attributes' values, names. Checks each
// character (UTF-8, XML 1.0 section 2.2), resolves references, normalises line ends (section 2.11) and values (section 3.3.3). Goes on
// behind any byte; what it is asked for next, after an end that was the chunk's, must be the same.
import {
  IN_CDATA,
  IN_NAME,
  IN_TEXT,
  IN_VALUE,
  isNameCharacter,
  isXmlCharacter,
  PLAIN,
} from './characters.ts';
import { Reference, UNFINISHED } from './reference.ts';
import { refuse, refuseByte } from './refuse.ts';
import { Run } from './run.ts';
import { Utf8Character } from './utf8-character.ts';

// What was begun, and goes on with the next byte.
const NOTHING = 0;
const CHARACTER = 1;
const REFERENCE = 2;
/** A carriage return was read: a line feed behind it is a part of that line end. */
const LINE_END = 3;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const AMPERSAND = 0x26;
const QUOTE = 0x27;
const LESS = 0x3c;
const GREATER = 0x3e;

export class CharacterData {
  readonly run = new Run();
  readonly #maxNameBytes: number;
  readonly #character = new Utf8Character();
  readonly #reference = new Reference();
  #begun = NOTHING;

  constructor(maxNameBytes: number) {
    this.#maxNameBytes = maxNameBytes;
  }

  /** Whether nothing of the run was read before `at`. */
  isAtBegin(at: number): boolean {
    return this.#begun === NOTHING && this.run.lengthTo(at) === 0;
  }

  /** @returns where the `<` is, or `end`. */
  text(from: number, end: number): number {
    let at = this.#begun === NOTHING ? from : this.#goOn(from, end);
    const { bytes } = this.run;
    for (;;) {
      while (at < end && ((PLAIN[bytes[at] as number] as number) & IN_TEXT) !== 0) at++;
      if (at >= end) return end;
      const byte = bytes[at] as number;
      if (byte === LESS) return at;
      if (byte === AMPERSAND) at = this.#beginReference(at, end);
      else if (byte !== GREATER) at = this.#longer(byte, at, end, LF);
      else if (!this.run.closesBrackets(at)) at += 1;
      else refuse('not-well-formed', ']]> in text');
    }
  }

  /** @returns where the `>` of `]]>` is, or `end`. */
  cdata(from: number, end: number): number {
    let at = this.#begun === NOTHING ? from : this.#goOn(from, end);
    const { bytes } = this.run;
    for (;;) {
      while (at < end && ((PLAIN[bytes[at] as number] as number) & IN_CDATA) !== 0) at++;
      if (at >= end) return end;
      const byte = bytes[at] as number;
      if (byte !== GREATER) at = this.#longer(byte, at, end, LF);
      else if (this.run.closesBrackets(at)) return at;
      else at += 1;
    }
  }

  /** @param quote the one that the value began with. @returns where it comes again, or `end`. */
  value(quote: number, from: number, end: number): number {
    let at = this.#begun === NOTHING ? from : this.#goOn(from, end);
    const { bytes } = this.run;
    for (;;) {
      while (at < end && ((PLAIN[bytes[at] as number] as number) & IN_VALUE) !== 0) at++;
      if (at >= end) return end;
      const byte = bytes[at] as number;
      if (byte === quote) return at;
      if (byte === DOUBLE_QUOTE || byte === QUOTE || byte === GREATER) at += 1;
      else if (byte === AMPERSAND) at = this.#beginReference(at, end);
      else if (byte === TAB || byte === LF) {
        this.run.holdTo(at, at + 1);
        this.run.addCharacter(SPACE);
        at += 1;
      } else at = this.#longer(byte, at, end, SPACE);
    }
  }

  /** @returns where the first byte is that belongs to no name, or `end`. */
  name(from: number, end: number): number {
    let at = this.#begun === NOTHING ? from : this.#goOn(from, end, true);
    const { bytes } = this.run;
    // Never reads on without looking at the limit, or what it finds would depend on how the bytes were cut.
    const tooMuch = at + this.#maxNameBytes - this.run.lengthTo(at);
    const stop = Math.min(end, tooMuch);
    for (;;) {
      while (at < stop && ((PLAIN[bytes[at] as number] as number) & IN_NAME) !== 0) at++;
      if (at >= end) return end;
      const byte = bytes[at] as number;
      if (byte < 0x80 && ((PLAIN[byte] as number) & IN_NAME) === 0) return at;
      if (at + bytesOf(byte) > tooMuch)
        refuse('policy-violation', `name longer than ${this.#maxNameBytes} bytes`);
      at = this.#beginCharacter(byte, at, end, true);
    }
  }

  /** A byte that is no plain character: of a longer one, of a line end, or of none. */
  #longer(byte: number, at: number, end: number, lineEnd: number): number {
    if (byte >= 0x80) return this.#beginCharacter(byte, at, end, false);
    if (byte !== CR) refuseByte(byte, 'a character that XML allows there');
    this.run.holdTo(at, at + 1);
    this.run.addCharacter(lineEnd);
    this.#begun = LINE_END;
    return this.#goOn(at + 1, end);
  }

  #beginCharacter(byte: number, at: number, end: number, inName: boolean): number {
    this.run.ascii = false;
    this.#character.begin(byte);
    this.#begun = CHARACTER;
    return this.#goOn(at + 1, end, inName);
  }

  #beginReference(at: number, end: number): number {
    this.run.holdTo(at, at + 1);
    this.#reference.begin();
    this.#begun = REFERENCE;
    return this.#goOn(at + 1, end);
  }

  /** @returns behind what was begun, or `end`. */
  #goOn(from: number, end: number, inName = false): number {
    const { bytes } = this.run;
    let at = from;
    while (at < end && this.#begun !== NOTHING) {
      const byte = bytes[at] as number;
      at += 1;
      if (this.#begun === CHARACTER) this.#takeOfCharacter(byte, inName);
      else if (this.#begun === REFERENCE) {
        this.run.start = at;
        const code = this.#reference.take(byte);
        if (code === UNFINISHED) continue;
        this.run.addCharacter(code);
        this.#begun = NOTHING;
      } else {
        this.#begun = NOTHING;
        if (byte !== LF) return at - 1;
        this.run.start = at;
      }
    }
    return at;
  }

  #takeOfCharacter(byte: number, inName: boolean): void {
    this.#character.take(byte);
    if (this.#character.missing > 0) return;
    this.#begun = NOTHING;
    const { code } = this.#character;
    if (inName ? isNameCharacter(code) : isXmlCharacter(code)) return;
    refuse('not-well-formed', `the character U+${code.toString(16)} cannot stand there`);
  }
}

/** Of a character, by its first byte. */
function bytesOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
