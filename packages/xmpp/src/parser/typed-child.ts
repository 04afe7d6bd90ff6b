// An element of the tree with attributes and one child that a reader read, as the form of others. Never looks at markup.
import { Element } from 'ltx';
import type { Attributes } from './attribute-list.ts';
import type { RepeatedForm } from './open-elements.ts';
import { type SubtreeForm, TypedElement } from './subtree-reader.ts';

export class TypedChild implements RepeatedForm {
  readonly fields: number;
  /** That was the default one around it: what its names without prefixes mean follows from it. */
  readonly namespace: string;
  // Not the elements themselves, which would keep their stanza.
  readonly #name: string;
  readonly #attributes: Readonly<Attributes>;
  /** Names of the attributes that differ. */
  readonly #differing: readonly string[];
  readonly #childName: string;
  readonly #childAttributes: Readonly<Attributes>;
  readonly #form: SubtreeForm;

  /** @param child the only one of its parent, which was closed last. */
  static of(child: TypedElement, form: SubtreeForm, namespace: string): TypedChild | undefined {
    const { parent } = child;
    return parent === null ? undefined : new TypedChild(parent, child, form, namespace);
  }

  constructor(element: Element, child: TypedElement, form: SubtreeForm, namespace: string) {
    this.#name = element.name;
    this.#attributes = { ...element.attrs };
    this.#differing = Object.keys(element.attrs).filter((name) => name !== 'xmlns');
    this.#childName = child.name;
    this.#childAttributes = { ...child.attrs };
    this.#form = form;
    this.namespace = namespace;
    this.fields = this.#differing.length + form.texts;
  }

  /** @returns the element and its child; undefined where the reader wants to see the tags. */
  read(bytes: Buffer, fields: Uint32Array): Element | undefined {
    const names = this.#differing;
    const value = this.#form.read(bytes, fields, names.length * 2);
    if (value === undefined) return undefined;
    const element = new Element(this.#name);
    const attributes = { ...this.#attributes };
    for (let index = 0; index < names.length; index++) {
      attributes[names[index] as string] = bytes.toString('latin1', fields[index * 2], fields[index * 2 + 1]);
    }
    element.attrs = attributes;
    const child = new TypedElement(this.#childName);
    child.attrs = { ...this.#childAttributes };
    child.value = value;
    child.parent = element;
    element.children = [child];
    return element;
  }
}
