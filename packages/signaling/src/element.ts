// Reading of XML elements: what is missing is undefined, what is ambiguous is an error. Element names are compared without
// their namespaces, for these differ between the drafts.
import type { Element } from 'ltx';
import { quote, SignalingError } from './errors.ts';
import { greatestNumber } from './limits.ts';

/** The one child of this name. @throws SignalingError `malformed` where there are several. */
export function child(parent: Element, name: string): Element | undefined {
  const found = parent.getChildren(name);
  if (found.length > 1) throw malformed(`the ${parent.getName()} has more than one ${name}`);
  return found[0];
}

/** As `child`. @throws SignalingError `malformed` where there is none. */
export function requiredChild(parent: Element, name: string): Element {
  const element = child(parent, name);
  if (element === undefined) throw malformed(`the ${parent.getName()} has no ${name}`);
  return element;
}

export function attribute(element: Element, name: string): string | undefined {
  const value: unknown = element.attrs[name];
  return typeof value === 'string' ? value : undefined;
}

/** The first attribute that is not a namespace: where Contrail's agents look for an id, whatever its name. */
export function firstAttribute(element: Element): string | undefined {
  const name = Object.keys(element.attrs).find((candidate) => !candidate.startsWith('xmlns'));
  return name === undefined ? undefined : attribute(element, name);
}

export function textOf(element: Element): string {
  return element.getText().trim();
}

/** @throws SignalingError `malformed` where `text` is not a decimal number from 0 to `greatest`. */
export function parseNumber(text: string, what: string, greatest = greatestNumber): number {
  const number = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= greatest))
    throw malformed(`the ${what} ${quote(text)} is not a number from 0 to ${greatest}`);
  return number;
}

export function malformed(message: string): SignalingError {
  return new SignalingError('malformed', message);
}
