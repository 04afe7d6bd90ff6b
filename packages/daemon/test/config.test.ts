import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, loadConfig } from '../src/index.ts';
import { folder } from './folder.ts';

const schema = z
  .strictObject({
    name: z.string().default('h1'),
    underlay: z.strictObject({ address: z.string(), mtu: z.int().max(9000).default(1500) }),
    vpns: z
      .record(
        z.string().regex(/^[a-z.]+$/, 'is not a VPN name'),
        z.strictObject({ import: z.array(z.string()) }),
      )
      .default({}),
    attachments: z
      .array(
        z.strictObject({
          interface: z.string(),
          addresses: z.array(z.string().refine((a) => a.startsWith('10.'), 'is not in 10.0.0.0/8')).min(1),
          mode: z.enum(['routed', 'bridged']).default('routed'),
        }),
      )
      .default([]),
  })
  .superRefine(({ attachments }, context) => {
    attachments.forEach(({ interface: name }, index) => {
      if (name === 'lo') {
        context.addIssue({
          code: 'custom',
          path: ['attachments', index, 'interface'],
          message: 'lo cannot be attached',
        });
        context.addIssue({
          code: 'custom',
          path: ['attachments', index, 'label'],
          message: 'needs no label',
        });
      }
    });
  })
  .transform((written) => ({ ...written, checked: true }));

async function load(text: string) {
  const file = join(await folder(), 'h1.yaml');
  await writeFile(file, text);
  return loadConfig(file, schema);
}

/** The lines of the error's message, without the path of the file. */
async function messages(text: string): Promise<string[]> {
  const error = await load(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw error ?? new Error('loaded without an error');
  expect(error.message.split('\n')).toHaveLength(error.problems.length);
  return error.message.split('\n').map((line) => line.replace(/^.*\/h1\.yaml/, 'h1.yaml'));
}

describe('loadConfig', () => {
  test('values with their defaults, through the transforms of the schema', async () => {
    expect(await load('underlay: { address: 192.0.2.1 }\nvpns:\n  red: { import: [a] }\n')).toEqual({
      name: 'h1',
      underlay: { address: '192.0.2.1', mtu: 1500 },
      vpns: { red: { import: ['a'] } },
      attachments: [],
      checked: true,
    });
  });

  test('anchors and aliases', async () => {
    expect(
      await load('underlay: { address: 192.0.2.1 }\nvpns: { red: &v { import: [a] }, blue: *v }\n'),
    ).toMatchObject({
      vpns: { blue: { import: ['a'] } },
    });
  });

  test.each<[string, string, string[]]>([
    [
      'an unknown key: its line',
      'underlay:\n  address: 192.0.2.1\n  mut: 1500\n',
      ['h1.yaml:3: underlay.mut: unknown key'],
    ],
    [
      'two unknown keys: a problem each',
      'underlay: { address: 192.0.2.1 }\nlabels: 5\ntables: 6\n',
      ['h1.yaml:2: labels: unknown key', 'h1.yaml:3: tables: unknown key'],
    ],
    [
      'a missing key: the line of what it should be in',
      'name: h1\nunderlay:\n  mtu: 1500\n',
      ['h1.yaml:2: underlay.address: missing'],
    ],
    [
      'a missing key of a list item: the line of the item',
      'underlay: { address: 192.0.2.1 }\nattachments:\n  - interface: v1\n    addresses: [10.0.0.1]\n  - addresses: [10.0.0.2]\n',
      ['h1.yaml:5: attachments[1].interface: missing'],
    ],
    ['a missing key at the top', '# nothing yet\n\nname: h1\n', ['h1.yaml:3: underlay: missing']],
    ['an empty file', '', ['h1.yaml:1: underlay: missing']],
    [
      'a value: the line of its key',
      'underlay:\n  address: 192.0.2.1\n  mtu: big\n',
      ['h1.yaml:3: underlay.mtu: expected number, received string'],
    ],
    [
      'an item of a list: its line',
      'underlay: { address: 192.0.2.1 }\nattachments:\n- interface: v1\n  addresses:\n  - 10.0.0.1\n  - 172.16.0.1\n',
      ['h1.yaml:6: attachments[0].addresses[1]: is not in 10.0.0.0/8'],
    ],
    [
      'an option: what there is',
      'underlay: { address: 192.0.2.1 }\nattachments: [{ interface: v1, addresses: [10.0.0.1], mode: magic }]\n',
      ['h1.yaml:2: attachments[0].mode: expected one of "routed"|"bridged"'],
    ],
    [
      'the key of a record: the reason is of the key',
      'underlay: { address: 192.0.2.1 }\nvpns:\n  red: { import: [] }\n  RED: { import: [] }\n',
      ['h1.yaml:4: vpns.RED: is not a VPN name'],
    ],
    [
      'a key with a dot is quoted',
      'underlay: { address: 192.0.2.1 }\nvpns:\n  a.b: {}\n',
      ['h1.yaml:3: vpns["a.b"].import: missing'],
    ],
    [
      'behind an alias: the line of the anchor',
      'underlay: { address: 192.0.2.1 }\nvpns:\n  red: &v\n    import: [1]\n  blue: *v\n',
      [
        'h1.yaml:4: vpns.red.import[0]: expected string, received number',
        'h1.yaml:4: vpns.blue.import[0]: expected string, received number',
      ],
    ],
    [
      'of the schema as a whole, also at a key that is not there',
      'underlay: { address: 192.0.2.1 }\nattachments:\n  - addresses: [10.0.0.1]\n    interface: lo\n',
      [
        'h1.yaml:3: attachments[0].label: needs no label',
        'h1.yaml:4: attachments[0].interface: lo cannot be attached',
      ],
    ],
    [
      'all problems, in the order of the lines',
      'nmae: h1\nunderlay:\n  mtu: 10000\n',
      [
        'h1.yaml:1: nmae: unknown key',
        'h1.yaml:2: underlay.address: missing',
        'h1.yaml:3: underlay.mtu: Too big: expected number to be <=9000',
      ],
    ],
    ['another shape', '- a\n- b\n', ['h1.yaml:1: expected object, received array']],
    ['a key with a null', 'underlay:\n', ['h1.yaml:1: underlay: expected object, received null']],
    ['a key twice', 'name: h1\nname: h2\n', ['h1.yaml:2: Map keys must be unique']],
    [
      'YAML that is none',
      'underlay:\n  address: [192.0.2.1\nname: h1\n',
      [expect.stringMatching(/^h1\.yaml:3: /) as string],
    ],
    ['an unknown tag', 'name: !secret h1\n', ['h1.yaml:1: Unresolved tag: !secret']],
    [
      'an alias without an anchor',
      'name: *h\n',
      [expect.stringMatching(/^h1\.yaml(:1)?: .*anchor/) as string],
    ],
  ])('%s', async (_, text, expected) => {
    expect(await messages(text)).toEqual(expected);
  });

  test('aliases that multiply', async () => {
    const text = [
      'a0: &a0 [1]',
      ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`),
    ];
    expect(await messages(text.join('\n'))).toEqual([
      expect.stringContaining('h1.yaml: Excessive alias count'),
    ]);
  });

  test('facts for programs', async () => {
    await expect(load('underlay:\n  adress: 192.0.2.1\n')).rejects.toMatchObject({
      problems: [
        { line: 1, key: 'underlay.address', message: 'missing' },
        { file: expect.stringContaining('h1.yaml'), line: 2, key: 'underlay.adress', message: 'unknown key' },
      ],
    });
  });

  test('files that cannot be read', async () => {
    const path = await folder();
    await expect(loadConfig(join(path, 'none.yaml'), schema)).rejects.toThrow(`${path}/none.yaml: not found`);
    await expect(loadConfig(path, schema)).rejects.toThrow(
      `${path}: cannot be read: illegal operation on a directory`,
    );
    await writeFile(join(path, 'latin1.yaml'), Buffer.from('name: h\xe4\n', 'latin1'));
    await expect(loadConfig(join(path, 'latin1.yaml'), schema)).rejects.toThrow(
      'latin1.yaml: is not UTF-8 text',
    );
  });
});
