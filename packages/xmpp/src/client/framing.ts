// How a stream is written and read on its wire. Pure.
import type { EventEmitter } from 'node:events';
import { type Element, escapeXML } from 'ltx';
import { NS_CLIENT, NS_STREAM } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { STREAM_END, streamErrorText } from '../stanza.ts';
import { type StreamLimits, StreamParser } from '../stream-parser.ts';

export interface Framing {
  header(domain: string): string;
  isHeader(element: Element): boolean;
  /** One element of ours as it is written. */
  element(element: Element): string;
  /** The end of the stream, after a stream error where a condition is given. */
  end(condition?: string): readonly string[];
  /** Of one stream, from its header on: `start`, `element`, `end` and `error` as StreamParser has them. */
  parser(limits: StreamLimits, readers: readonly SubtreeReader[]): new () => FramingParser;
}

/** What @xmpp/connection takes for a parser. */
interface FramingParser extends EventEmitter {
  write(bytes: Uint8Array): void;
}

/** One XML document a direction (RFC 6120 section 4). */
export const documentFraming: Framing = {
  header: (domain) =>
    `<?xml version='1.0'?><stream:stream xmlns="${NS_CLIENT}" xmlns:stream="${NS_STREAM}" ` +
    `version="1.0" to="${escapeXML(domain)}">`,
  isHeader: (element) => element.is('stream', NS_STREAM) && element.findNS() === NS_CLIENT,
  element: (element) => element.toString(),
  end: (condition) => [condition === undefined ? STREAM_END : streamErrorText(condition)],
  parser: (limits, readers) =>
    class extends StreamParser {
      constructor() {
        super(limits, { readers });
      }
    },
};
