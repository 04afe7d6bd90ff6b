// The attachments made by command, on disk, so that a restart finds them: STATE-DIRECTORY/attachments.json.
// Written by rename: a crash leaves the old list or the new one, never half of one.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Attachment } from './attachments.ts';
import { attachmentSchema } from './attachments.ts';
import { ForwarderError } from './errors.ts';

const fileSchema = z.object({ version: z.literal(1), attachments: z.array(z.unknown()) });

export interface KeptAttachments {
  readonly attachments: readonly Attachment[];
  /** One line for each entry that is not valid. */
  readonly problems: readonly string[];
}

export class StateFile {
  readonly path: string;
  /** The write under way; the next waits for it, for both would use the same temporary file. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /**
   * @returns nothing kept where there is no file yet; an entry that is not valid does not take the others with it.
   * @throws ForwarderError `state-file` where the file as a whole cannot be read: to go on without it would cut off what it attached.
   */
  async read(): Promise<KeptAttachments> {
    let kept: z.infer<typeof fileSchema>;
    try {
      kept = fileSchema.parse(JSON.parse(await readFile(this.path, 'utf8')));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return { attachments: [], problems: [] };
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
      throw new ForwarderError(
        'state-file',
        `${this.path}: cannot be read, so the attachments made by command are unknown: ${reason}; mend the file, or move it away to start without them`,
        { cause: error },
      );
    }
    const attachments: Attachment[] = [];
    const problems: string[] = [];
    for (const [index, entry] of kept.attachments.entries()) {
      const read = attachmentSchema.safeParse(entry);
      if (read.success) attachments.push(read.data);
      else
        for (const issue of read.error.issues)
          problems.push(`${this.path}: attachments[${index}].${issue.path.join('.')}: ${issue.message}`);
    }
    return { attachments, problems };
  }

  /** Replaces the list; on disk when the promise resolves. @throws ForwarderError `state-file` */
  async write(attachments: readonly Attachment[]): Promise<void> {
    const text = `${JSON.stringify({ version: 1, attachments }, undefined, 2)}\n`;
    const write = this.#last.then(() => this.#replace(text));
    this.#last = write.catch(() => {});
    try {
      await write;
    } catch (error) {
      throw new ForwarderError('state-file', `${this.path}: cannot be written: ${messageOf(error)}`, {
        cause: error,
      });
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

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
