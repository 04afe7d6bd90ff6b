// What begins with `<!` or `<?`. XMPP allows two of them, a CDATA section in a stanza and the XML declaration before the root (RFC
// 6120 sections 11.1 and 11.5); all others are refused when it is clear which they are.
import { isNameStart, isSpace } from './characters.ts';
import { checkDeclaration } from './declaration.ts';
import { refuse, refuseByte } from './refuse.ts';

/** Where it stands in the stream. */
export interface Place {
  readonly root: boolean;
  readonly stanza: boolean;
  readonly declarable: boolean;
}

export type Special = 'unfinished' | 'cdata' | 'declaration';

/** The longest that says anything has some 70. */
const LONGEST_DECLARATION = 256;

const BEGINS: readonly string[] = ['[CDATA[', '--', 'DOCTYPE'];
const XML = 'xml';

const GREATER = 0x3e;
const QUESTION_MARK = 0x3f;

export class SpecialMarkup {
  #kind: 'bang' | 'question' | 'declaration' = 'bang';
  #text = '';
  #place: Place = { root: false, stanza: false, declarable: false };

  /** @param kind by the second character. */
  begin(kind: 'bang' | 'question', place: Place): void {
    this.#kind = kind;
    this.#text = '';
    this.#place = place;
  }

  /** @returns what has been read up to and with `byte`: the begin of a CDATA section, or a whole declaration. */
  take(byte: number): Special {
    if (this.#kind === 'bang') return this.#takeOfBang(byte);
    if (this.#kind === 'declaration') return this.#takeOfDeclaration(byte);
    this.#takeOfQuestion(byte);
    return 'unfinished';
  }

  #takeOfBang(byte: number): Special {
    this.#text += String.fromCharCode(byte);
    const found = BEGINS.find((begin) => begin.startsWith(this.#text));
    if (found === undefined) refuseByte(byte, 'what may follow <!');
    if (found.length > this.#text.length) return 'unfinished';
    if (found === '--') refuse('restricted-xml', 'comment');
    if (found === 'DOCTYPE') this.#refuseDoctype();
    if (!this.#place.stanza) refuse('not-well-formed', 'text outside of stanzas');
    return 'cdata';
  }

  #refuseDoctype(): never {
    if (this.#place.root) refuse('not-well-formed', 'document type declaration behind the root');
    refuse('restricted-xml', 'document type declaration');
  }

  #takeOfQuestion(byte: number): void {
    if (this.#text === XML && (isSpace(byte) || byte === QUESTION_MARK)) {
      if (!this.#place.declarable) refuse('not-well-formed', 'XML declaration that is not at the begin');
      this.#kind = 'declaration';
      this.#text = String.fromCharCode(byte);
      return;
    }
    this.#text += String.fromCharCode(byte);
    if (XML.startsWith(this.#text)) return;
    // To read the rest of a name that is refused anyway would be to hold it.
    if (this.#text.length > 1 || isNameStart(byte)) refuse('restricted-xml', 'processing instruction');
    refuseByte(byte, 'the name of a processing instruction');
  }

  #takeOfDeclaration(byte: number): Special {
    if (byte === GREATER) {
      checkDeclaration(this.#text);
      return 'declaration';
    }
    if (this.#text.length === LONGEST_DECLARATION)
      refuse('policy-violation', `XML declaration longer than ${LONGEST_DECLARATION} bytes`);
    this.#text += String.fromCharCode(byte);
    return 'unfinished';
  }
}
