// Cuts our own stream, as it is on TCP, into the messages of a WebSocket (RFC 7395 section 3.3): one element each, with the namespaces
// that on TCP its stream declares. Reads nothing of a peer's: what comes is what this server writes.
import { NS_CLIENT, NS_FRAMING, NS_STREAM } from '../namespaces.ts';

const LESS = 0x3c;
const GREATER = 0x3e;
const SLASH = 0x2f;
const QUESTION = 0x3f;
const QUOTES: readonly (number | undefined)[] = [0x22, 0x27];

export class MessageFramer {
  /** Of the element that is open. */
  #pending: Buffer[] = [];
  /** Elements that are open, the stream itself not among them. */
  #depth = 0;
  #inTag = false;
  /** The byte behind `<`. */
  #first: number | undefined;
  #last: number | undefined;
  #quote: number | undefined;

  /** Takes the next bytes, any number; returns the messages that they complete. */
  take(bytes: Buffer): string[] {
    const messages: string[] = [];
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (!this.#inTag) {
        at = bytes.indexOf(LESS, at);
        if (at < 0) break;
        this.#inTag = true;
        this.#first = undefined;
      } else if (this.#endsTag(bytes[at])) {
        this.#inTag = false;
        this.#pending.push(bytes.subarray(start, at + 1));
        start = at + 1;
        if (this.#isWhole()) messages.push(...this.#message());
      }
    }
    if (start < bytes.length) this.#pending.push(bytes.subarray(start));
    return messages;
  }

  #endsTag(byte: number | undefined): boolean {
    this.#first ??= byte;
    if (this.#quote !== undefined) {
      if (byte === this.#quote) this.#quote = undefined;
    } else if (byte === GREATER) return true;
    else if (QUOTES.includes(byte)) this.#quote = byte;
    this.#last = byte;
    return false;
  }

  /** Whether the tag that has just ended is the last of a message; the tags of the stream itself are one each. */
  #isWhole(): boolean {
    if (this.#first === QUESTION) return true;
    if (this.#first === SLASH) this.#depth = Math.max(0, this.#depth - 1);
    else if (this.#last !== SLASH && (this.#depth > 0 || !this.#isHeader())) this.#depth += 1;
    return this.#depth === 0;
  }

  #isHeader(): boolean {
    return Buffer.concat(this.#pending).toString().startsWith('<stream:stream');
  }

  #message(): string[] {
    const text = Buffer.concat(this.#pending).toString();
    this.#pending = [];
    if (text.startsWith('<?')) return [];
    if (text.startsWith('</')) return [`<close xmlns='${NS_FRAMING}'/>`];
    const [tag = '', name = ''] = /^<([^\s/>]+)(?:[^"'>]|"[^"]*"|'[^']*')*>/.exec(text) ?? [];
    if (name === 'stream:stream') {
      const attributes = tag.match(/ (?:from|id|version|xml:lang)=(?:"[^"]*"|'[^']*')/g) ?? [];
      return [`<open xmlns='${NS_FRAMING}'${attributes.join('')}/>`];
    }
    const rest = text.slice(1 + name.length);
    if (name.startsWith('stream:')) return [`<${name} xmlns:stream='${NS_STREAM}'${rest}`];
    return [/\sxmlns=/.test(tag) ? text : `<${name} xmlns='${NS_CLIENT}'${rest}`];
  }
}
