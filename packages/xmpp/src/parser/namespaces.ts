// Which prefix stands for which namespace, where the parser is. Sources: Namespaces in XML 1.0; RFC 6120 section 11.2.
import type { AttributeList } from './attribute-list.ts';
import type { Name } from './name.ts';
import { refuse } from './refuse.ts';

const XML = 'http://www.w3.org/XML/1998/namespace';
const XMLNS = 'http://www.w3.org/2000/xmlns/';

/** What an element with declarations changed, to be changed back. */
interface Change {
  /** Of the element. */
  readonly depth: number;
  readonly defaultNamespace: string;
  readonly bound: { readonly prefix: string; readonly uri: string | undefined }[];
}

export class NamespaceScope {
  /** Of the elements that are open, the innermost last. */
  readonly #changes: Change[] = [];
  readonly #bound = new Map([
    ['xml', XML],
    ['xmlns', XMLNS],
  ]);
  #default = '';
  #depth = 0;

  /** What an element without a prefix is of, where the parser is; '' for none. */
  get defaultNamespace(): string {
    return this.#default;
  }

  enter(): void {
    this.#depth += 1;
  }

  /** Takes the declarations of the element that was entered, and sees that its other attributes are bound and unique. */
  declare(attributes: AttributeList): void {
    let prefixed = 0;
    for (let at = 0; at < attributes.count; at++) {
      const name = attributes.name(at);
      if (name.declares !== undefined) this.#bind(name.declares, attributes.value(at));
      else if (name.prefix !== '') prefixed += 1;
    }
    if (prefixed > 0) this.#checkPrefixed(attributes);
  }

  leave(): void {
    const { length } = this.#changes;
    if (length > 0 && this.#changes[length - 1]?.depth === this.#depth) this.#undo();
    this.#depth -= 1;
  }

  /** The namespace of the element that was entered, its own declarations being taken; '' where it has none. */
  namespaceOf(name: Name): string {
    if (name.prefix === '') return this.#default;
    if (name.prefix === 'xmlns') refuse('not-well-formed', 'an element has the prefix xmlns');
    return this.#resolve(name.prefix);
  }

  #resolve(prefix: string): string {
    const uri = this.#bound.get(prefix);
    if (uri === undefined)
      refuse('not-well-formed', `the namespace prefix ${JSON.stringify(prefix.slice(0, 64))} is not bound`);
    return uri;
  }

  #bind(prefix: string, uri: string): void {
    // No URI has them, and to read over them would give one element two namespaces.
    if (uri !== uri.trim()) refuse('not-well-formed', 'a namespace name begins or ends with whitespace');
    if (uri === XMLNS || prefix === 'xmlns' || (uri === XML) !== (prefix === 'xml'))
      refuse('not-well-formed', 'the prefixes xml and xmlns and their namespaces cannot be bound otherwise');
    const change = this.#change();
    if (prefix === '') {
      this.#default = uri;
      return;
    }
    if (uri === '') refuse('not-well-formed', 'a namespace prefix cannot be bound to no namespace');
    change.bound.push({ prefix, uri: this.#bound.get(prefix) });
    this.#bound.set(prefix, uri);
  }

  /** That of the element that was entered. */
  #change(): Change {
    const latest = this.#changes.at(-1);
    if (latest?.depth === this.#depth) return latest;
    const change: Change = { depth: this.#depth, defaultNamespace: this.#default, bound: [] };
    this.#changes.push(change);
    return change;
  }

  #undo(): void {
    const change = this.#changes.pop();
    if (change === undefined) return;
    this.#default = change.defaultNamespace;
    for (const { prefix, uri } of change.bound) {
      if (uri === undefined) this.#bound.delete(prefix);
      else this.#bound.set(prefix, uri);
    }
  }

  #checkPrefixed(attributes: AttributeList): void {
    const seen = new Set<string>();
    for (let at = 0; at < attributes.count; at++) {
      const { prefix, local, declares } = attributes.name(at);
      if (prefix === '' || declares !== undefined) continue;
      const expanded = `${local}}${this.#resolve(prefix)}`;
      if (seen.has(expanded)) refuse('not-well-formed', 'an element has the same attribute twice');
      seen.add(expanded);
    }
  }
}
