// A stream as the messages of a WebSocket (RFC 7395 section 3). Pure.
import { Element } from 'ltx';
import { NS_CLIENT, NS_FRAMING, NS_STREAM, NS_STREAM_ERRORS } from '../namespaces.ts';
import { FrameParser } from './frame-parser.ts';
import type { Framing } from './framing.ts';

export const websocketFraming: Framing = {
  header: (domain) => new Element('open', { xmlns: NS_FRAMING, to: domain, version: '1.0' }).toString(),
  isHeader: (element) => element.is('open', NS_FRAMING),
  // No message inherits a namespace from another; ours are stanzas where they name none.
  element: (element) => {
    element.attrs['xmlns'] ??= NS_CLIENT;
    return element.toString();
  },
  end: (condition) => {
    const close = new Element('close', { xmlns: NS_FRAMING }).toString();
    if (condition === undefined) return [close];
    const error = new Element('stream:error', { 'xmlns:stream': NS_STREAM });
    error.c(condition, { xmlns: NS_STREAM_ERRORS });
    return [error.toString(), close];
  },
  parser: (limits, readers) =>
    class extends FrameParser {
      constructor() {
        super(limits, readers);
      }
    },
};
