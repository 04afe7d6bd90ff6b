// Elements out of tags and texts: ltx trees, and values of readers where one knows the element. Never looks at bytes.
import { Element } from 'ltx';
import type { AttributeList } from './attribute-list.ts';
import type { Name } from './name.ts';
import { NamespaceScope } from './namespaces.ts';
import type { RepeatedForm, TokenSink } from './open-elements.ts';
import { refuse } from './refuse.ts';
import { type SubtreeReader, TypedElement } from './subtree-reader.ts';
import { TypedChild } from './typed-child.ts';

export type StreamEvent = { readonly name: 'start' | 'element' | 'end'; readonly element: Element };

export class TreeBuilder implements TokenSink {
  readonly #readers = new Map<string, SubtreeReader[]>();
  readonly #scope = new NamespaceScope();
  #events: StreamEvent[] = [];
  #root: Element | undefined;
  /** The innermost open element; undefined between stanzas. */
  #current: Element | undefined;
  #reader: SubtreeReader | undefined;
  /** Elements that are open within the current one, that one included, and read by the reader. */
  #unread = 0;
  readonly #maxElements: number;
  /** Of the current stanza, in trees. */
  #elements = 0;
  /** Within the element that a reader takes. */
  #read = 0;
  /** That ended last, with its reader, and has a value; of this stanza. */
  #typed: TypedElement | undefined;
  #typedBy: SubtreeReader | undefined;

  /** @param maxElements of one stanza. */
  constructor(readers: readonly SubtreeReader[], maxElements: number) {
    this.#maxElements = maxElements;
    for (const reader of readers) {
      const others = this.#readers.get(reader.name) ?? [];
      this.#readers.set(reader.name, [...others, reader]);
    }
  }

  /** What happened since it was asked last. */
  takeEvents(): readonly StreamEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** A start tag, empty or not. @throws XmppError where the stanza has too many. */
  open(name: Name, attributes: AttributeList): void {
    this.#scope.enter();
    if (attributes.count > 0) this.#scope.declare(attributes);
    const namespace = this.#scope.namespaceOf(name);
    if (this.#reader !== undefined) {
      this.#unread += 1;
      this.#read += 1;
      if (this.#read > this.#maxElements) this.#refuse();
      this.#reader.open(name.text, namespace, attributes.count === 0 ? null : attributes.toObject());
      return;
    }
    if (this.#current === undefined) this.#elements = 0;
    else if (this.#elements === this.#maxElements) this.#refuse();
    this.#elements += 1;
    const reader = this.#root && this.#readerOf(name, namespace);
    const element = reader === undefined ? new Element(name.text) : new TypedElement(name.text);
    if (attributes.count > 0) element.attrs = attributes.toObject();
    if (this.#root === undefined) {
      this.#root = element;
      this.#events.push({ name: 'start', element });
      return;
    }
    if (this.#current === undefined) element.parent = this.#root;
    else this.#current.cnode(element);
    this.#current = element;
    if (reader === undefined) return;
    this.#reader = reader;
    this.#unread = 1;
    this.#read = 0;
    reader.open(name.text, namespace, attributes.count === 0 ? null : element.attrs);
  }

  text(text: string): void {
    if (this.#reader !== undefined) this.#reader.text(text);
    else this.#current?.t(text);
  }

  /** An end tag, or that half of an empty one. @throws XmppError where a reader gave back too many elements. */
  close(): boolean {
    this.#scope.leave();
    const element = this.#current;
    if (this.#reader !== undefined) {
      this.#reader.close();
      this.#unread -= 1;
      if (this.#unread > 0) return false;
      if (element instanceof TypedElement) this.#endTyped(element, this.#reader);
      this.#reader = undefined;
      if (this.#elements > this.#maxElements) this.#refuse();
    }
    if (element === undefined) {
      if (this.#root) this.#events.push({ name: 'end', element: this.#root });
    } else if (element.parent === this.#root) {
      this.#current = undefined;
      this.#typed = undefined;
      this.#events.push({ name: 'element', element });
    } else {
      this.#current = element.parent ?? undefined;
      return element.children.length === 1 && element.children[0] === this.#typed;
    }
    return false;
  }

  #endTyped(element: TypedElement, reader: SubtreeReader): void {
    element.value = reader.end(element);
    this.#typed = undefined;
    if (element.value === undefined) {
      // It gave the tree back.
      this.#elements += this.#read;
    } else {
      this.#typed = element;
      this.#typedBy = reader;
    }
  }

  /** An element of the tree that has nothing but one with a value. */
  repeatedForm(): RepeatedForm | undefined {
    const form = this.#typedBy?.form?.();
    return form && this.#typed && TypedChild.of(this.#typed, form, this.#scope.defaultNamespace);
  }

  mayRepeat(form: RepeatedForm): form is TypedChild {
    if (!(form instanceof TypedChild) || this.#current === undefined || this.#reader !== undefined)
      return false;
    return form.namespace === this.#scope.defaultNamespace && this.#elements + 2 <= this.#maxElements;
  }

  repeat(form: RepeatedForm, bytes: Buffer, fields: Uint32Array): boolean {
    if (!this.mayRepeat(form)) return false;
    const element = form.read(bytes, fields);
    if (element === undefined) return false;
    this.#elements += 2;
    this.#current?.cnode(element);
    return true;
  }

  #refuse(): never {
    refuse('policy-violation', `a stanza of more than ${this.#maxElements} elements`);
  }

  #readerOf(name: Name, namespace: string): SubtreeReader | undefined {
    if (this.#readers.size === 0) return undefined;
    return this.#readers.get(name.local)?.find((reader) => reader.namespaces.includes(namespace));
  }
}
