// The door to nftables: the nft command with JSON, one process and one transaction a call. Knows no rules.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Nft } from './doors.ts';
import { ReconcilerError } from './errors.ts';

/** Longer than any transaction of ours takes; a hung nft must not hold up the reconciler for ever. Milliseconds. */
const timeout = 30_000;

/** @returns the door to nftables of this process's network namespace. */
export function openNft(): Nft {
  return {
    async apply(ruleset) {
      // A file, not standard input: nft opens /dev/stdin anew, and what Node gives a child as such is a socket, which has no open().
      const directory = await onDisk(mkdtemp(join(tmpdir(), 'hostpe-nft-')));
      try {
        const file = join(directory, 'ruleset.json');
        await onDisk(writeFile(file, JSON.stringify(ruleset)));
        await run('transaction', ['-f', file]);
      } finally {
        await onDisk(rm(directory, { recursive: true, force: true }));
      }
    },
    async list(table) {
      const listing = await run(`list table ${table}`, ['list', 'table', ...table.split(' ')], isMissing);
      return listing === undefined ? undefined : parse(listing, table);
    },
  };
}

/** A full disk is a failed transaction, to be tried again. The reason leaves out the path, which is another at each try. */
async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    throw new ReconcilerError('nft', `nft transaction: no file for it in ${tmpdir()}: ${syscall}: ${code}`, {
      cause,
    });
  }
}

/**
 * @param what for the error; the same at each try, unlike the arguments
 * @returns standard output; undefined where `expected` knows the failure
 */
async function run(
  what: string,
  args: readonly string[],
  expected: (stderr: string) => boolean = () => false,
): Promise<string | undefined> {
  const result = await execa('nft', ['-j', ...args], {
    reject: false,
    timeout,
    stdin: 'ignore',
    env: { LC_ALL: 'C' },
  });
  if (!result.failed) return result.stdout;
  if (result.exitCode !== undefined && expected(result.stderr)) return undefined;
  // Without an exit code it never ran or did not end by itself: execa's own words say which.
  const reason = result.exitCode === undefined ? result.shortMessage : result.stderr.trim();
  throw new ReconcilerError('nft', `nft ${what}: ${reason}`, { cause: result.cause });
}

function isMissing(stderr: string): boolean {
  return stderr.includes('No such file or directory');
}

function parse(listing: string, table: string): object {
  let value: unknown;
  try {
    value = JSON.parse(listing);
  } catch (cause) {
    throw new ReconcilerError('nft', `nft list table ${table}: the answer is no JSON`, { cause });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new ReconcilerError('nft', `nft list table ${table}: the answer is no JSON object`);
}
