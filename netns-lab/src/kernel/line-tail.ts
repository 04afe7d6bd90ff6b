/** Reads a stream by lines and keeps the last ones. Drops carriage returns, cuts lines at 4096 characters. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const LONGEST = 4096;

export class LineTail {
  readonly #lines: string[] = [];
  #open = '';

  constructor(from: Readable, keep: number, onLine?: (line: string) => void) {
    const decoder = new StringDecoder('utf8');
    from.on('data', (chunk: Buffer) => {
      const parts = (this.#open + decoder.write(chunk)).replaceAll('\r', '').split('\n');
      this.#open = (parts.pop() ?? '').slice(-LONGEST);
      for (const part of parts) {
        const line = part.slice(0, LONGEST);
        this.#lines.push(line);
        onLine?.(line);
      }
      this.#lines.splice(0, this.#lines.length - keep);
    });
  }

  /** The last lines, the open one included. */
  get lines(): readonly string[] {
    return this.#open === '' ? this.#lines : [...this.#lines, this.#open];
  }
}
