import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { StateFile, StateFileError } from '../src/index.ts';

const schema = z.strictObject({ name: z.string(), label: z.int().min(16) });
type Machine = z.infer<typeof schema>;

describe('the state file', () => {
  let directory: string;
  let file: StateFile<Machine>;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hostpe-state-'));
    file = opened();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const opened = () =>
    new StateFile({
      path: join(directory, 'lib', 'machines.json'),
      key: 'machines',
      what: 'the machines made by command',
      schema,
    });
  const one: Machine = { name: 'red1', label: 1000 };
  const other: Machine = { name: 'red2', label: 1001 };

  test('that is not there yet keeps nothing', async () => {
    expect(await file.read()).toEqual({ entries: [], problems: [] });
  });

  test('gives back what was written, and the last of several writes wins', async () => {
    await Promise.all([file.write([one]), file.write([other]), file.write([one, other])]);
    expect(await file.read()).toEqual({ entries: [one, other], problems: [] });
    expect(await readdir(join(directory, 'lib'))).toEqual(['machines.json']);
  });

  test('leaves out only the entry that is not valid, and keeps it in the file', async () => {
    await file.write([one, other]);
    await writeFile(file.path, (await readFile(file.path, 'utf8')).replace('1000', '3'));
    const { entries, problems } = await file.read();
    expect(entries).toEqual([other]);
    expect(problems).toEqual([expect.stringContaining(`${file.path}: machines[0].label: `)]);
    await file.write([]);
    const text = await readFile(file.path, 'utf8');
    expect(JSON.parse(text)).toEqual({ version: 1, machines: [{ name: 'red1', label: 3 }] });
    await writeFile(file.path, text.replace('3', '1000'));
    expect((await opened().read()).entries).toEqual([one]);
  });

  test.each(['{ "version": 1', '{ "version": 2, "machines": [] }', '[]'])(
    'that holds %s stops the start',
    async (text) => {
      await file.write([]);
      await writeFile(file.path, text);
      await expect(file.read()).rejects.toThrow(
        /^\/.*machines\.json: cannot be read.*mend the file, or move it away/s,
      );
    },
  );

  test('says where it cannot be written', async () => {
    await writeFile(join(directory, 'lib'), '');
    await expect(file.write([one])).rejects.toThrow(StateFileError);
    // A failed write does not stop the next.
    await rm(join(directory, 'lib'));
    await file.write([one]);
    expect((await file.read()).entries).toEqual([one]);
  });
});
