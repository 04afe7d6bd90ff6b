// What carries the streams of one connection: elements in, the bytes of a stream out. A transport with a framing of its own
// translates both ways, so that whoever negotiates and serves need not know of it.
import type { Duplex } from 'node:stream';
import type { Element } from 'ltx';
import type { XmppError } from '../errors.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import type { StreamLimits } from '../stream-parser.ts';

/** Of one stream; after `end` or `error` no other comes. */
export interface StreamEvents {
  /** Something came, whole or not: the peer is there. */
  received(): void;
  start(header: Element): void;
  element(element: Element): void;
  end(): void;
  error(error: XmppError): void;
}

export interface ServerWire {
  /** Takes a stream as it is on TCP, from its header to its end; can be paused, ended and destroyed. Its `data` is the wire's. */
  readonly socket: Duplex;
  readonly remoteAddress: string;
  /** What comes next is a new stream: the events of the former one end. */
  open(limits: StreamLimits, readers: readonly SubtreeReader[], events: StreamEvents): void;
}
