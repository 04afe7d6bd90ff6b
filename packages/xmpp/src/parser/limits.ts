// How much one stream may ask of us: what bounds the parser's memory and work. Sizes in bytes.

export interface StreamLimits {
  /** Of one stanza, from its `<` to its `>`; the stream's header counts as one, with all that comes before it. */
  readonly maxStanzaBytes: number;
  /** Elements within each other, the stream's root included. */
  readonly maxDepth: number;
  /** Of one stanza that become a tree: a byte of markup makes 40 of memory. What a reader makes a value of counts as one, and may have as many inside. */
  readonly maxElements: number;
  /** Of one element, namespace declarations included. */
  readonly maxAttributes: number;
  /** Of the name of an element or attribute, prefix included. */
  readonly maxNameBytes: number;
}

export const STREAM_LIMITS: StreamLimits = {
  maxStanzaBytes: 1024 * 1024,
  maxDepth: 32,
  maxElements: 16_384,
  maxAttributes: 32,
  maxNameBytes: 256,
};

/** Before authentication nobody needs long stanzas. */
export const NEGOTIATION_LIMITS: StreamLimits = {
  maxStanzaBytes: 64 * 1024,
  maxDepth: 16,
  maxElements: 256,
  maxAttributes: 16,
  maxNameBytes: 64,
};
