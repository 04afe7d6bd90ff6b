// XML for tests: parsed by ltx, in one line.
import { type Element, parse } from 'ltx';

/** The text without the white space between its tags, parsed. */
export function xml(text: string): Element {
  return parse(text.replace(/>\s+</g, '><').trim()) as Element;
}

/** The element as it would be sent and received again. */
export function overTheWire(element: Element): Element {
  return parse(element.toString()) as Element;
}
