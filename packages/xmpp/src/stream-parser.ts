// Turns the bytes of one XMPP stream into stanzas. Strict (well-formed, namespaces bound, UTF-8; RFC 6120 section 11)
// and bounded; the same bytes give the same events however they are cut into chunks. Never does I/O; after its first
// error it is silent. Sizes in bytes.
import { EventEmitter } from 'node:events';
import { Element } from 'ltx';
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { XmppError } from './errors.ts';
import { Utf8Decoder } from './utf8.ts';

export interface StreamLimits {
  /** Of one stanza, from its `<` to its `>`; the stream's header counts as one. */
  readonly maxStanzaBytes: number;
  /** Elements within each other, the stream's root included. */
  readonly maxDepth: number;
  /** Of one element, namespace declarations included. */
  readonly maxAttributes: number;
}

export const STREAM_LIMITS: StreamLimits = { maxStanzaBytes: 1024 * 1024, maxDepth: 32, maxAttributes: 32 };

/** Before authentication nobody needs long stanzas. */
export const NEGOTIATION_LIMITS: StreamLimits = { ...STREAM_LIMITS, maxStanzaBytes: 64 * 1024 };

interface StreamEvents {
  /** The stream's header: its root, without children for ever. */
  start: [root: Element];
  /** A child of the root; its parent is the root, which does not keep it. */
  element: [element: Element];
  end: [root: Element];
  error: [error: XmppError];
}

type StreamEvent = { readonly name: 'start' | 'element' | 'end'; readonly element: Element };

/** The longest that is needed is `#x10FFFF`; more leading zeros than this are nobody's honest writing. */
const MAX_REFERENCE = 64;

const WHITESPACE = /^[ \t\r\n]*$/;
const LEADING_WHITESPACE = /^[ \t\r\n]+/;

export class StreamParser extends EventEmitter<StreamEvents> {
  readonly #limits: StreamLimits;
  readonly #utf8 = new Utf8Decoder();
  readonly #saxes = new SaxesParser({ xmlns: true, position: false });
  #root: Element | undefined;
  #current: Element | undefined;
  #depth = 0;
  #done = false;
  /** Events of the piece being parsed: told after it, so that a listener's own errors are not taken for the peer's. */
  #events: StreamEvent[] = [];
  #piece = '';
  /** In characters since the stream's begin. */
  #pieceStart = 0;
  /** Where in the piece the latest stanza ended; 0 when none did. */
  #stanzaEnd = 0;
  #sawStanzaEnd = false;
  #stanzaBytes = 0;
  /** Nothing but whitespace since the latest stanza. */
  #idle = true;

  constructor(limits: StreamLimits = STREAM_LIMITS) {
    super();
    this.#limits = limits;
    this.#saxes.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0') refuse('not-well-formed', 'XML version is not 1.0');
      if (encoding !== undefined && encoding.toUpperCase() !== 'UTF-8')
        refuse('unsupported-encoding', 'encoding is not UTF-8');
    });
    this.#saxes.on('doctype', () => refuse('restricted-xml', 'document type declaration'));
    this.#saxes.on('comment', () => refuse('restricted-xml', 'comment'));
    this.#saxes.on('processinginstruction', () => refuse('restricted-xml', 'processing instruction'));
    this.#saxes.on('opentagstart', () => {
      this.#depth += 1;
      if (this.#depth > this.#limits.maxDepth)
        refuse('policy-violation', `elements deeper than ${this.#limits.maxDepth}`);
    });
    this.#saxes.on('opentag', (tag) => this.#open(tag));
    this.#saxes.on('closetag', () => this.#close());
    this.#saxes.on('text', (text) => this.#text(text));
    this.#saxes.on('cdata', (text) => {
      if (this.#depth < 2) refuse('not-well-formed', 'text between stanzas');
      this.#current?.t(text);
    });
  }

  /** Takes the next bytes, any number. Errors of the peer are the `error` event; throws only what a listener throws. */
  write(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length && !this.#done; ) {
      // Never parses past the limit, or what is found there would depend on how the bytes were cut.
      const room = this.#limits.maxStanzaBytes - this.#stanzaBytes - this.#utf8.heldBytes;
      const end = Math.min(bytes.length, offset + Math.max(1, room));
      this.#writePiece(bytes.subarray(offset, end));
      offset = end;
    }
  }

  #writePiece(bytes: Uint8Array): void {
    const decoded = this.#utf8.decode(bytes);
    let failure: XmppError | undefined;
    try {
      this.#parse(decoded.text);
      if (!decoded.valid && !this.#done) refuse('not-well-formed', 'bytes are not UTF-8');
    } catch (error) {
      // What follows the stream's end is nobody's.
      if (!this.#done) failure = error instanceof XmppError ? error : notWellFormed(error);
      this.#done = true;
    }
    const events = this.#events;
    this.#events = [];
    for (const { name, element } of events) this.emit(name, element);
    // Without a listener the stream was given up meanwhile.
    if (failure !== undefined && this.listenerCount('error') > 0) this.emit('error', failure);
  }

  #parse(decoded: string): void {
    // Whitespace keeps a stream alive; to hand it on would let it pile up in front of the next stanza.
    const text = this.#idle && this.#root ? decoded.replace(LEADING_WHITESPACE, '') : decoded;
    if (text === '') return;
    if (this.#idle && !text.startsWith('<')) refuse('not-well-formed', 'text outside of stanzas');
    this.#piece = text;
    this.#stanzaEnd = 0;
    this.#sawStanzaEnd = false;
    this.#saxes.write(text);
    this.#pieceStart += text.length;
    if (this.#done) return;
    const open = this.#sawStanzaEnd ? text.slice(this.#stanzaEnd).replace(LEADING_WHITESPACE, '') : text;
    this.#idle = open === '';
    this.#stanzaBytes = Buffer.byteLength(open) + (this.#sawStanzaEnd ? 0 : this.#stanzaBytes);
    if (this.#sawStanzaEnd && !this.#idle && !open.startsWith('<'))
      refuse('not-well-formed', 'text outside of stanzas');
    if (this.#inReference()) refuse('not-well-formed', 'an ampersand that begins no reference');
    if (this.#stanzaBytes >= this.#limits.maxStanzaBytes)
      refuse('policy-violation', `stanza longer than ${this.#limits.maxStanzaBytes} bytes`);
  }

  #open(tag: SaxesTagNS): void {
    const attributes: Record<string, string> = {};
    let count = 0;
    for (const name in tag.attributes) {
      count += 1;
      attributes[name] = tag.attributes[name]?.value ?? '';
    }
    if (count > this.#limits.maxAttributes)
      refuse('policy-violation', `more than ${this.#limits.maxAttributes} attributes`);
    const element = new Element(tag.name, attributes);
    if (this.#root === undefined) {
      this.#root = element;
      this.#endStanza();
      this.#events.push({ name: 'start', element });
      return;
    }
    if (this.#depth === 2) element.parent = this.#root;
    else this.#current?.cnode(element);
    this.#current = element;
  }

  #close(): void {
    this.#depth -= 1;
    const element = this.#current;
    if (this.#depth === 0) {
      this.#done = true;
      if (this.#root) this.#events.push({ name: 'end', element: this.#root });
    } else if (this.#depth === 1 && element) {
      this.#current = undefined;
      this.#endStanza();
      this.#events.push({ name: 'element', element });
    } else this.#current = element?.parent ?? undefined;
  }

  #text(text: string): void {
    if (this.#depth >= 2) this.#current?.t(text);
    // The raw characters, for a character reference is no whitespace.
    else if (!WHITESPACE.test(this.#piece.slice(this.#stanzaEnd, this.#position() - 1)))
      refuse('not-well-formed', 'text outside of stanzas');
  }

  /** saxes looks for the semicolon of a reference for ever, and swallows all stanzas on its way. */
  #inReference(): boolean {
    const name: unknown = Reflect.get(this.#saxes, 'entity');
    return typeof name === 'string' && name.length > MAX_REFERENCE;
  }

  #endStanza(): void {
    this.#sawStanzaEnd = true;
    this.#stanzaEnd = this.#position();
  }

  /** Characters of the piece that are consumed. */
  #position(): number {
    return this.#saxes.position - this.#pieceStart;
  }
}

function refuse(condition: string, what: string): never {
  throw new XmppError('stream', what, { condition });
}

function notWellFormed(cause: unknown): XmppError {
  const what = cause instanceof Error ? cause.message : String(cause);
  return new XmppError('stream', what.slice(0, 200), { condition: 'not-well-formed', cause });
}
