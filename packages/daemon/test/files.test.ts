import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, readSecret, readText } from '../src/index.ts';
import { folder } from './folder.ts';

async function secretFile(text: string, mode = 0o600): Promise<string> {
  const file = join(await folder(), 'h1.secret');
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

test.each([
  ['one\n', 'one'],
  ['one', 'one'],
  ['one\r\n', 'one'],
  [' one \n\n', ' one \n'],
])('the secret in %j is %j', async (text, secret) => {
  expect(await readSecret(await secretFile(text))).toBe(secret);
});

test('a group may read a secret, others may do nothing', async () => {
  expect(await readSecret(await secretFile('one', 0o640))).toBe('one');
  for (const mode of [0o644, 0o602, 0o601]) {
    const file = await secretFile('hunter2', mode);
    const error = await readSecret(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({
      message: `${file}: the secret in it is open to every user (mode 0${mode.toString(8)}): chmod o-rwx ${file}`,
    });
  }
});

test('a secret must be there', async () => {
  await expect(readSecret('/nowhere/h1.secret')).rejects.toThrow('/nowhere/h1.secret: not found');
  await expect(readSecret(await secretFile('\n'))).rejects.toThrow('is empty');
});

test('text is taken as it is', async () => {
  expect(await readText(await secretFile('a\n', 0o644))).toBe('a\n');
  await expect(readText('/nowhere/ca.pem')).rejects.toThrow(ConfigError);
});
