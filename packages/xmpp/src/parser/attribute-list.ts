// The attributes of the element whose tag is being read. One list a parser, used again and again.
import type { Name } from './name.ts';
import { refuse } from './refuse.ts';

/** Raw attributes by qualified name, namespace declarations among them, as ltx has them. */
export type Attributes = Record<string, string>;

export class AttributeList {
  count = 0;
  readonly #limit: number;
  readonly #names: Name[] = [];
  readonly #values: string[] = [];

  /** @param limit how many an element may have. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  name(at: number): Name {
    return this.#names[at] as Name;
  }

  value(at: number): string {
    return this.#values[at] as string;
  }

  /** The name of the next attribute; its value follows. */
  addName(name: Name): void {
    if (this.count === this.#limit) refuse('policy-violation', `more than ${this.#limit} attributes`);
    for (let at = 0; at < this.count; at++)
      if (this.name(at).text === name.text)
        refuse('not-well-formed', 'an element has the same attribute twice');
    this.#names[this.count] = name;
  }

  addValue(value: string): void {
    this.#values[this.count] = value;
    this.count += 1;
  }

  clear(): void {
    this.count = 0;
  }

  toObject(): Attributes {
    const attributes: Attributes = {};
    for (let at = 0; at < this.count; at++) {
      const name = this.name(at).text;
      const value = this.value(at);
      // Assigned, it would be the object's prototype.
      if (name === '__proto__') Object.defineProperty(attributes, name, { value, enumerable: true });
      else attributes[name] = value;
    }
    return attributes;
  }
}
