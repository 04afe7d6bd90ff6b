import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseIpPrefix } from '@hostpe/net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attachment } from '../src/attachments.ts';
import { StateFile } from '../src/state-file.ts';

describe('the state file', () => {
  let directory: string;
  let file: StateFile;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hostpe-state-'));
    file = new StateFile(join(directory, 'lib', 'attachments.json'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const one: Attachment = {
    interface: 'v-red1',
    vpn: 'red',
    addresses: [parseIpPrefix('10.1.0.1')],
    sequenceNumber: 4,
  };
  const other: Attachment = { interface: 'v-red2', vpn: 'red', addresses: [parseIpPrefix('10.1.0.2')] };

  test('that is not there yet keeps nothing', async () => {
    expect(await file.read()).toEqual({ attachments: [], problems: [] });
  });

  test('gives back what was written, and the last of several writes wins', async () => {
    await Promise.all([file.write([one]), file.write([other]), file.write([one, other])]);
    expect(await file.read()).toEqual({ attachments: [one, other], problems: [] });
    expect(await readdir(join(directory, 'lib'))).toEqual(['attachments.json']);
  });

  test('loses only the entry that is not valid', async () => {
    await file.write([one, other]);
    await writeFile(file.path, (await readFile(file.path, 'utf8')).replace('10.1.0.1/32', '10.1.0.0/24'));
    const { attachments, problems } = await file.read();
    expect(attachments).toEqual([other]);
    expect(problems).toEqual([
      `${file.path}: attachments[0].addresses.0: 10.1.0.0/24 is not the address of one machine: give 10.1.0.0 or 10.1.0.0/32`,
    ]);
  });

  test.each(['{ "version": 1', '{ "version": 2, "attachments": [] }', '[]'])(
    'that holds %s stops the start',
    async (text) => {
      await file.write([]);
      await writeFile(file.path, text);
      await expect(file.read()).rejects.toMatchObject({
        code: 'state-file',
        message: expect.stringMatching(
          /^\/.*attachments\.json: cannot be read.*mend the file, or move it away/s,
        ),
      });
    },
  );

  test('says where it cannot be written', async () => {
    await writeFile(join(directory, 'lib'), '');
    await expect(file.write([one])).rejects.toMatchObject({ code: 'state-file' });
    // A failed write does not stop the next.
    await rm(join(directory, 'lib'));
    await file.write([one]);
    expect((await file.read()).attachments).toEqual([one]);
  });
});
