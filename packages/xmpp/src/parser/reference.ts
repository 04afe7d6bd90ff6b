// What follows an `&`, up to its `;`: one of the five entities that need no declaration, or a character (XML 1.0 section 4.1).
// Refused at the first byte that makes it anything else, so that nothing piles up and nothing is swallowed.
import { isXmlCharacter } from './characters.ts';
import { refuse } from './refuse.ts';

/** That no reference can have as its code. */
export const UNFINISHED = -1;

const ENTITIES: ReadonlyMap<string, number> = new Map([
  ['amp', 0x26],
  ['lt', 0x3c],
  ['gt', 0x3e],
  ['quot', 0x22],
  ['apos', 0x27],
]);
const LONGEST_ENTITY = 4;

const SEMICOLON = 0x3b;
const NUMBER_SIGN = 0x23;
const X = 0x78;

export class Reference {
  #kind: 'unknown' | 'entity' | 'number' | 'decimal' | 'hexadecimal' = 'unknown';
  #name = '';
  #code = 0;

  begin(): void {
    this.#kind = 'unknown';
    this.#name = '';
    this.#code = 0;
  }

  /** @returns the code point when `byte` ends the reference, else UNFINISHED. */
  take(byte: number): number {
    switch (this.#kind) {
      case 'unknown':
        this.#kind = byte === NUMBER_SIGN ? 'number' : 'entity';
        return byte === NUMBER_SIGN ? UNFINISHED : this.#takeLetter(byte);
      case 'entity':
        return byte === SEMICOLON ? this.#entity() : this.#takeLetter(byte);
      case 'number':
        this.#kind = byte === X ? 'hexadecimal' : 'decimal';
        return byte === X ? UNFINISHED : this.#takeDigit(byte, 10);
      default:
        // Without a digit it is 0, which is no character.
        if (byte === SEMICOLON) return this.#character();
        return this.#takeDigit(byte, this.#kind === 'decimal' ? 10 : 16);
    }
  }

  #takeLetter(byte: number): number {
    if (byte < 0x61 || byte > 0x7a || this.#name.length === LONGEST_ENTITY) refuseReference();
    this.#name += String.fromCharCode(byte);
    return UNFINISHED;
  }

  #takeDigit(byte: number, radix: number): number {
    const letter = byte | 0x20;
    const digit =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : 16;
    if (digit >= radix) refuseReference();
    this.#code = this.#code * radix + digit;
    if (this.#code > 0x10ffff) refuseReference();
    return UNFINISHED;
  }

  #entity(): number {
    return ENTITIES.get(this.#name) ?? refuseReference();
  }

  #character(): number {
    return isXmlCharacter(this.#code) ? this.#code : refuseReference();
  }
}

function refuseReference(): never {
  refuse(
    'not-well-formed',
    'an ampersand that begins no reference to a character or to one of the five entities',
  );
}
