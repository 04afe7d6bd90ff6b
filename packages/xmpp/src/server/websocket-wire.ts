// Streams on a WebSocket (RFC 7395): each message is one element, whole and by itself, as strict and bounded as on TCP.
import type { Duplex } from 'node:stream';
import { Element } from 'ltx';
import type { WebSocket } from 'ws';
import { XmppError } from '../errors.ts';
import { NS_CLIENT, NS_FRAMING, NS_STREAM } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import type { StreamLimits } from '../stream-parser.ts';
import { broken, readMessage } from '../websocket-message.ts';
import { WebSocketDuplex } from './websocket-duplex.ts';
import type { ServerWire, StreamEvents } from './wire.ts';

interface OpenStream {
  readonly limits: StreamLimits;
  readonly readers: readonly SubtreeReader[];
  readonly events: StreamEvents;
  started: boolean;
}

export class WebSocketWire implements ServerWire {
  readonly socket: Duplex;
  readonly remoteAddress: string;
  #stream: OpenStream | undefined;

  constructor(socket: WebSocket, remoteAddress: string) {
    this.socket = new WebSocketDuplex(socket);
    this.remoteAddress = remoteAddress;
    this.socket.on('data', (message: Buffer) => this.#take(message));
  }

  open(limits: StreamLimits, readers: readonly SubtreeReader[], events: StreamEvents): void {
    this.#stream = { limits, readers, events, started: false };
  }

  #take(message: Buffer): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.events.received();
    const element = readMessage(message, stream.limits, stream.readers);
    if (element instanceof XmppError) this.#fail(stream, element);
    else if (element.is('close', NS_FRAMING)) {
      this.#stream = undefined;
      stream.events.end();
    } else if (element.is('open', NS_FRAMING) === stream.started)
      this.#fail(stream, broken('a stream begins with an open, and only once'));
    else if (stream.started) stream.events.element(element);
    else {
      stream.started = true;
      stream.events.start(headerOf(element));
    }
  }

  #fail(stream: OpenStream, error: XmppError): void {
    this.#stream = undefined;
    stream.events.error(error);
  }
}

/** What the same stream would begin with on TCP. */
function headerOf({ attrs: { to, version } }: Element): Element {
  return new Element('stream:stream', { xmlns: NS_CLIENT, 'xmlns:stream': NS_STREAM, to, version });
}
