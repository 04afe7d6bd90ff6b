// Files that an operator wrote: text and secrets. What is wrong with one is a ConfigError that names it.
import { type FileHandle, open } from 'node:fs/promises';
import { getSystemErrorMessage } from 'node:util';
import { ConfigError, systemCode } from './errors.ts';

/** Permission bits of users who are neither the owner nor of the group. */
const others = 0o007;

/**
 * The text of a file that the configuration names, such as a certificate.
 * @throws ConfigError where there is none, it cannot be read, or it is not UTF-8.
 */
export function readText(file: string): Promise<string> {
  return withFile(file, (handle) => textOf(handle, file));
}

/**
 * A secret from a file of its own: the text without the line break at its end.
 * @throws ConfigError where the file cannot be read, is empty, or gives other users any permission.
 */
export function readSecret(file: string): Promise<string> {
  return withFile(file, async (handle) => {
    // Mode and text of one open file: nobody can exchange it in between.
    const { mode } = await handle.stat();
    if ((mode & others) !== 0) {
      const octal = (mode & 0o7777).toString(8).padStart(4, '0');
      throw new ConfigError([
        { file, message: `the secret in it is open to every user (mode ${octal}): chmod o-rwx ${file}` },
      ]);
    }
    const secret = (await textOf(handle, file)).replace(/\r?\n$/, '');
    if (secret === '') throw new ConfigError([{ file, message: 'is empty, there must be a secret in it' }]);
    return secret;
  });
}

async function withFile(file: string, read: (handle: FileHandle) => Promise<string>): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    return await read(handle);
  } catch (error) {
    const code = systemCode(error);
    if (error instanceof ConfigError || code === undefined) throw error;
    const message = code === 'ENOENT' ? 'not found' : `cannot be read: ${reasonOf(error)}`;
    throw new ConfigError([{ file, message }], { cause: error });
  } finally {
    await handle?.close();
  }
}

async function textOf(handle: FileHandle, file: string): Promise<string> {
  const bytes = await handle.readFile();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ConfigError([{ file, message: 'is not UTF-8 text' }], { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number'
    ? getSystemErrorMessage(error.errno)
    : String(error);
}
