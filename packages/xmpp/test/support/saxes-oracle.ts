// What a stream is by saxes, another strict parser. Where the rules of XMPP or of namespaces are stricter than saxes, the oracle adds them
// by their sections.
import { SaxesParser, type SaxesTagNS } from 'saxes';

/** Each stanza that was whole, and at the end whether the stream was. */
export type Outcome = readonly string[];

/** One element as its tags and texts: `namespace` null where the notation leaves it out. */
export function openTag(
  name: string,
  namespace: string | null,
  attributes: Readonly<Record<string, string>>,
): string {
  const list = Object.entries(attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `<${[name, namespace === null ? [] : `{${namespace}}`, list].flat(2).join(' ')}>`;
}

class Refused extends Error {}
class Ended extends Error {}

/** What `ourTrees` should be; with a name, what `ourReading` should be. */
export function saxesOutcome(bytes: Uint8Array, name?: string): Outcome {
  const oracle = new Oracle(name);
  try {
    const { text, valid } = decode(bytes);
    oracle.read(text);
    if (!valid) throw new Refused('bytes are not UTF-8');
    oracle.finish();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    return [...oracle.events, error instanceof Ended ? 'end' : 'refused'];
  }
  return oracle.events;
}

/** All characters before the first byte that is not UTF-8. */
function decode(bytes: Uint8Array): { readonly text: string; readonly valid: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), valid: true };
  } catch {
    // What comes before it can hold whole stanzas.
    const text = Buffer.from(bytes).toString();
    let length = 0;
    let at = 0;
    for (const character of text) {
      const encoded = Buffer.from(character);
      if (!encoded.equals(bytes.subarray(at, at + encoded.length))) break;
      at += encoded.length;
      length += character.length;
    }
    return { text: text.slice(0, length), valid: false };
  }
}

class Oracle {
  readonly events: string[] = [];
  readonly #saxes = new SaxesParser({ xmlns: true, position: false });
  readonly #name: string | undefined;
  #all = '';
  #depth = 0;
  /** Where the latest stanza ended. */
  #stanzaEnd = 0;
  #stanza = '';
  #text = '';
  #isRead = false;

  constructor(name: string | undefined) {
    this.#name = name;
    const refused = (what: string) => (): never => {
      throw new Refused(what);
    };
    const saxes = this.#saxes;
    // RFC 6120 section 11.1.
    saxes.on('doctype', refused('document type'));
    saxes.on('comment', refused('comment'));
    saxes.on('processinginstruction', refused('processing instruction'));
    // RFC 6120 sections 11.6 and 11.8.
    saxes.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0' || (encoding ?? 'UTF-8').toUpperCase() !== 'UTF-8')
        throw new Refused('declaration');
    });
    saxes.on('opentag', (tag) => this.#open(tag));
    saxes.on('closetag', ({ name }) => this.#close(name));
    saxes.on('text', (text) => {
      if (this.#depth >= 2) this.#text += text;
      else this.#checkBetween();
    });
    saxes.on('cdata', (text) => {
      if (this.#depth < 2) throw new Refused('CDATA between stanzas');
      this.#text += text;
    });
  }

  read(text: string): void {
    // RFC 6120 section 11.6: it is no mark but a character, and there may be none.
    if (text.startsWith('\ufeff')) throw new Refused('byte order mark');
    this.#all = text;
    this.#saxes.write(text);
  }

  finish(): void {
    this.#saxes.close();
    throw new Refused('no end');
  }

  #open(tag: SaxesTagNS): void {
    const attributes: Record<string, string> = Object.create(null);
    for (const attribute of Object.values(tag.attributes)) {
      attributes[attribute.name] = attribute.value;
      checkLocal(attribute.local);
      const declares = attribute.prefix === 'xmlns' || attribute.name === 'xmlns';
      if (declares && attribute.value !== attribute.value.trim()) throw new Refused('namespace name');
    }
    checkLocal(tag.local);
    this.#depth += 1;
    if (this.#depth === 1) this.#stanzaEnd = this.#saxes.position;
    if (this.#depth < 2) return;
    if (this.#depth === 2) {
      this.#stanza = '';
      this.#text = '';
      this.#isRead = tag.local === this.#name && tag.uri === 'jabber:client';
    }
    this.#endText();
    this.#stanza += openTag(tag.name, this.#name === undefined ? null : tag.uri, attributes);
  }

  #close(name: string): void {
    // saxes tells of an end before it has compared the names.
    const tag = this.#all.slice(this.#all.lastIndexOf('<', this.#saxes.position - 1), this.#saxes.position);
    if (tag.startsWith('</') && tag.slice(2, -1).replace(/[ \t\r\n]+$/, '') !== name)
      throw new Refused('another end tag');
    this.#depth -= 1;
    if (this.#depth === 0) throw new Ended();
    this.#endText();
    this.#stanza += '</>';
    if (this.#depth > 1) return;
    this.#stanzaEnd = this.#saxes.position;
    this.events.push(this.#name === undefined || this.#isRead ? this.#stanza : this.#otherStanza());
  }

  #otherStanza(): string {
    const local = /^<(?:[^ >]*:)?([^ >:]*)/.exec(this.#stanza)?.[1];
    return local === this.#name ? 'of another namespace' : 'other';
  }

  #endText(): void {
    if (this.#text !== '') this.#stanza += JSON.stringify(this.#text);
    this.#text = '';
  }

  /** RFC 6120 section 11.7: whitespace as such, for a reference is no separator. */
  #checkBetween(): void {
    const raw = this.#all.slice(this.#stanzaEnd, this.#saxes.position - 1);
    if (this.#depth === 1 && !/^[ \t\r\n]*$/.test(raw)) throw new Refused('text between stanzas');
  }
}

/** Namespaces in XML 1.0 section 4: the part behind a colon is a name too, which saxes does not check. */
function checkLocal(local: string): void {
  const first = local.codePointAt(0) ?? 0;
  const combines = first >= 0x300 && first <= 0x36f;
  if (combines || /^[-.0-9\u00b7\u203f\u2040]/.test(local)) throw new Refused('local part');
}
