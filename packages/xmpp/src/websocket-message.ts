// One message of a WebSocket (RFC 7395 section 3.3): exactly one element, by itself well-formed and namespace-complete. As strict and bounded as
// on TCP, since the same parser reads it. Pure.
import type { Element } from 'ltx';
import { XmppError } from './errors.ts';
import type { SubtreeReader } from './parser/subtree-reader.ts';
import { type StreamLimits, StreamParser } from './stream-parser.ts';

/** Around each message. It declares no namespace: what a message does not declare is not bound. */
const ROOT = Buffer.from('<message>');
const ROOT_END = Buffer.from('</message>');

/** @returns the element, or why the message is none, with the condition of RFC 6120 section 4.9.3. */
export function readMessage(
  message: Uint8Array,
  limits: StreamLimits,
  readers: readonly SubtreeReader[],
): Element | XmppError {
  const parser = new StreamParser(limits, { readers });
  const elements: Element[] = [];
  let over = false;
  let refusal: XmppError | undefined;
  parser.on('element', (element) => elements.push(element));
  parser.on('end', () => {
    over = true;
  });
  parser.on('error', (error) => {
    refusal = error;
  });
  parser.write(ROOT);
  parser.write(message);
  // The end tag around it is not the message's to write.
  if (over) return broken('a message ends what it did not begin');
  parser.write(ROOT_END);
  const [element, other] = elements;
  if (refusal !== undefined) return refusal;
  return element === undefined || other !== undefined
    ? broken('a message is not exactly one element')
    : element;
}

export function broken(message: string): XmppError {
  return new XmppError('stream', message, { condition: 'not-well-formed' });
}
