// One stream over a WebSocket from its messages (RFC 7395 section 3.3), with the events of StreamParser. Never does I/O.
import { EventEmitter } from 'node:events';
import { XmppError } from '../errors.ts';
import { NS_FRAMING } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import type { StreamLimits } from '../stream-parser.ts';
import { broken, readMessage } from '../websocket-message.ts';

export class FrameParser extends EventEmitter {
  readonly #limits: StreamLimits;
  readonly #readers: readonly SubtreeReader[];
  #phase: 'header' | 'open' | 'over' = 'header';

  constructor(limits: StreamLimits, readers: readonly SubtreeReader[]) {
    super();
    this.#limits = limits;
    this.#readers = readers;
  }

  /** Takes one whole message. */
  write(message: Uint8Array): void {
    if (this.#phase === 'over') return;
    const element = readMessage(message, this.#limits, this.#readers);
    if (element instanceof XmppError) this.#fail(element);
    else if (element.is('close', NS_FRAMING)) {
      this.#phase = 'over';
      this.emit('end', element);
    } else if (this.#phase === 'header') {
      this.#phase = 'open';
      this.emit('start', element);
    } else if (element.is('open', NS_FRAMING)) this.#fail(broken('a stream is opened within a stream'));
    else this.emit('element', element);
  }

  #fail(reason: XmppError): void {
    this.#phase = 'over';
    this.emit('error', reason);
  }
}
