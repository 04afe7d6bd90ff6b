// The two ways to read the entries of VPN routes: with forms for those that are like one before, and tag by tag.
import { EntryReader } from '@hostpe/signaling';
import type { Element } from 'ltx';
import type { SubtreeReader } from '../src/parser/subtree-reader.ts';

export { EntryReader } from '@hostpe/signaling';

/** Has no form to tell. */
export class TagReader implements SubtreeReader {
  readonly #entries = new EntryReader();
  readonly name = this.#entries.name;
  readonly namespaces = this.#entries.namespaces;

  open(...told: Parameters<SubtreeReader['open']>): void {
    this.#entries.open(...told);
  }

  text(text: string): void {
    this.#entries.text(text);
  }

  close(): void {
    this.#entries.close();
  }

  end(element: Element): unknown {
    return this.#entries.end(element);
  }
}
