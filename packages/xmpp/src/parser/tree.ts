// Elements out of tags and texts: ltx trees, and values of readers where one knows the element. Never looks at bytes.
import { Element } from 'ltx';
import type { AttributeList } from './attribute-list.ts';
import type { Name } from './name.ts';
import { NamespaceScope } from './namespaces.ts';
import { refuse } from './refuse.ts';
import { type SubtreeReader, TypedElement } from './subtree-reader.ts';

export type StreamEvent = { readonly name: 'start' | 'element' | 'end'; readonly element: Element };

export class TreeBuilder {
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
  close(): void {
    this.#scope.leave();
    const element = this.#current;
    if (this.#reader !== undefined) {
      this.#reader.close();
      this.#unread -= 1;
      if (this.#unread > 0) return;
      if (element instanceof TypedElement) element.value = this.#reader.end(element);
      this.#reader = undefined;
      // It gave the tree back.
      if (element instanceof TypedElement && element.value === undefined) this.#elements += this.#read;
      if (this.#elements > this.#maxElements) this.#refuse();
    }
    if (element === undefined) {
      if (this.#root) this.#events.push({ name: 'end', element: this.#root });
    } else if (element.parent === this.#root) {
      this.#current = undefined;
      this.#events.push({ name: 'element', element });
    } else this.#current = element.parent ?? undefined;
  }

  #refuse(): never {
    refuse('policy-violation', `a stanza of more than ${this.#maxElements} elements`);
  }

  #readerOf(name: Name, namespace: string): SubtreeReader | undefined {
    if (this.#readers.size === 0) return undefined;
    return this.#readers.get(name.local)?.find((reader) => reader.namespaces.includes(namespace));
  }
}
