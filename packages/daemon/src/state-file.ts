// A list that operators made by command, on disk, so that a restart finds it. Written by rename: a crash leaves the old list or the new one, never half of one.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { StateFileError, systemCode } from './errors.ts';

export interface StateFileOptions<Entry> {
  readonly path: string;
  /** The list's name in the file. */
  readonly key: string;
  /** What is in it, for operators: `the attachments made by command`. */
  readonly what: string;
  readonly schema: z.ZodType<Entry>;
}

export interface Kept<Entry> {
  readonly entries: readonly Entry[];
  /** One line for each entry that is not valid. */
  readonly problems: readonly string[];
}

export class StateFile<Entry> {
  readonly path: string;
  readonly #options: StateFileOptions<Entry>;
  /** Entries that are not valid: they stay in the file until somebody mends them. */
  #invalid: readonly unknown[] = [];
  /** The write under way; the next waits for it, for both would use the same temporary file. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: StateFileOptions<Entry>) {
    this.path = options.path;
    this.#options = options;
  }

  /**
   * @returns nothing where there is no file yet; an entry that is not valid does not take the others with it.
   * @throws StateFileError where the file as a whole cannot be read: to go on without it would undo what is in it.
   */
  async read(): Promise<Kept<Entry>> {
    const { key, what, schema } = this.#options;
    const file = z.object({ version: z.literal(1), [key]: z.array(z.unknown()) });
    let list: readonly unknown[];
    try {
      list = file.parse(JSON.parse(await readFile(this.path, 'utf8')))[key] as readonly unknown[];
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return { entries: [], problems: [] };
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
      throw new StateFileError(
        `${this.path}: cannot be read, so ${what} are unknown: ${reason}; mend the file, or move it away to start without them`,
        { cause: error },
      );
    }
    const entries: Entry[] = [];
    const invalid: unknown[] = [];
    const problems: string[] = [];
    for (const [index, entry] of list.entries()) {
      const read = schema.safeParse(entry);
      if (read.success) {
        entries.push(read.data);
        continue;
      }
      invalid.push(entry);
      for (const issue of read.error.issues)
        problems.push(`${this.path}: ${key}[${index}].${issue.path.join('.')}: ${issue.message}`);
    }
    this.#invalid = invalid;
    return { entries, problems };
  }

  /** Replaces the valid entries; on disk when the promise resolves. @throws StateFileError */
  async write(entries: readonly unknown[]): Promise<void> {
    const list = { version: 1, [this.#options.key]: [...entries, ...this.#invalid] };
    const text = `${JSON.stringify(list, undefined, 2)}\n`;
    const write = this.#last.then(() => this.#replace(text));
    this.#last = write.catch(() => {});
    try {
      await write;
    } catch (error) {
      throw new StateFileError(`${this.path}: cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }

  async #replace(text: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true });
    const temporary = `${this.path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
