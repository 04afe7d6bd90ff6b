// Turns the bytes of one XMPP stream into stanzas. Strict (well-formed, namespaces bound, UTF-8; RFC 6120 section 11)
// and bounded; the same bytes give the same events however they are cut into chunks. Never does I/O; after its first
// error it is silent. Sizes in bytes.
import { EventEmitter } from 'node:events';
import type { Element } from 'ltx';
import { XmppError } from './errors.ts';
import { JoinedChunks } from './parser/joined-chunks.ts';
import { STREAM_LIMITS, type StreamLimits } from './parser/limits.ts';
import type { SubtreeReader } from './parser/subtree-reader.ts';
import { Tokenizer } from './parser/tokenizer.ts';
import { TreeBuilder } from './parser/tree.ts';

export { NEGOTIATION_LIMITS, STREAM_LIMITS, type StreamLimits } from './parser/limits.ts';

export interface StreamParserOptions {
  /** Of the elements that become values in place of trees; none by default. */
  readonly readers?: readonly SubtreeReader[];
  /** Whether what Contrail's peers write between stanzas is passed over: one XML declaration a stanza, and U+0200. */
  readonly contrail?: boolean;
}

interface StreamEvents {
  /** The stream's header: its root, without children for ever. */
  start: [root: Element];
  /** A child of the root; its parent is the root, which does not keep it. */
  element: [element: Element];
  end: [root: Element];
  error: [error: XmppError];
}

export class StreamParser extends EventEmitter<StreamEvents> {
  readonly #tree: TreeBuilder;
  readonly #tokenizer: Tokenizer;
  readonly #chunks: JoinedChunks;
  #done = false;

  constructor(limits: StreamLimits = STREAM_LIMITS, options: StreamParserOptions = {}) {
    super();
    this.#tree = new TreeBuilder(options.readers ?? [], limits.maxElements);
    this.#tokenizer = new Tokenizer(this.#tree, limits, options.contrail ?? false);
    this.#chunks = new JoinedChunks(this.#tokenizer);
  }

  /** Takes the next bytes, any number. Errors of the peer are the `error` event; throws only what a listener or reader throws. */
  write(bytes: Uint8Array): void {
    if (this.#done) return;
    let failure: XmppError | undefined;
    try {
      this.#chunks.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (error) {
      this.#done = true;
      if (!(error instanceof XmppError)) throw error;
      failure = error;
    }
    this.#done ||= this.#tokenizer.ended;
    // Told now, so that a listener's own errors are not taken for the peer's.
    for (const { name, element } of this.#tree.takeEvents()) this.emit(name, element);
    // Without a listener the stream was given up meanwhile.
    if (failure !== undefined && this.listenerCount('error') > 0) this.emit('error', failure);
  }
}
