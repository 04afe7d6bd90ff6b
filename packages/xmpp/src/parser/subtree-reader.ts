// The way from an element straight to a value, without a tree: who knows an element's vocabulary reads it as it comes. What a
// reader gets has passed all checks of the stream.
import { Element } from 'ltx';
import type { Attributes } from './attribute-list.ts';

/**
 * Reads all elements of one name, one after the other; it belongs to one parser. None of its methods may throw: what is wrong
 * with an element is a value, or is said later by who decodes the tree that `end` gave back.
 */
export interface SubtreeReader {
  /** The name without a prefix, and the namespaces, of the elements that it reads. */
  readonly name: string;
  readonly namespaces: readonly string[];
  /**
   * An element within the one that is read, or that one itself.
   * @param name as written, with its prefix.
   * @param attributes raw, namespace declarations among them; null where it has none.
   */
  open(name: string, namespace: string, attributes: Readonly<Attributes> | null): void;
  /** Text between two tags, whole: references and CDATA sections are resolved. */
  text(text: string): void;
  /** The end of the element that was opened latest. */
  close(): void;
  /**
   * The element is read; the next `open` is of another one.
   * @param element has the name and the attributes, and no children; a reader that makes no value of it puts them there.
   * @returns the value; undefined for none.
   */
  end(element: Element): unknown;
  /**
   * Asked right after `end` gave a value: the form of that element, to read others by that have the same tags and attributes and as many
   * texts. Without it, or where it gives none, all elements are read tag by tag.
   */
  form?(): SubtreeForm | undefined;
}

/** Of an element that was read: what is known of all that differ from it by their texts alone. */
export interface SubtreeForm {
  /** How many texts it has. */
  readonly texts: number;
  /**
   * Reads another one at once.
   * @param places begin and end in `bytes` of each of its texts, from `first` on: printable ASCII without markup, never empty.
   * @returns what `end` would give; undefined where that has to be found out tag by tag. Whatever it gives, nothing of it is left behind.
   */
  read(bytes: Buffer, places: Uint32Array, first: number): unknown;
}

/** An element that a reader read: it has a value in place of its children. */
export class TypedElement extends Element {
  value: unknown = undefined;
}
