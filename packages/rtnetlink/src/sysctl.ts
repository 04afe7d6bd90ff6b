// Sysctls as files below /proc/sys, in the network namespace of this process. Owns no knowledge of what they mean.
import { readFile, writeFile } from 'node:fs/promises';
import { RtnetlinkError } from './errors.ts';
import type { Sysctl } from './kernel.ts';
import type { SysctlKey } from './sysctl-keys.ts';
import { formatSysctl, parseSysctl } from './sysctl-keys.ts';

const root = '/proc/sys';

/** What lies under /proc/sys/net belongs to the network namespace of the thread that opens it: here, of the process. */
export function openSysctl(): Sysctl {
  return {
    async get(key) {
      const file = fileOf(key);
      let text: string;
      try {
        text = await readFile(file, 'utf8');
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw sysctlError(key, 'read', error);
      }
      return parseSysctl(key, text);
    },
    async set(key, value) {
      const file = fileOf(key);
      const text = formatSysctl(key, value);
      try {
        await writeFile(file, text, { flag: 'r+' });
      } catch (error) {
        throw sysctlError(key, `set to ${text}`, error);
      }
    },
  };
}

function fileOf({ path }: SysctlKey): string {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new RtnetlinkError('invalid', `sysctl ${path}: not a path below ${root}`);
  }
  return `${root}/${path}`;
}

function sysctlError({ path }: SysctlKey, verb: string, cause: unknown): RtnetlinkError {
  const errno = errnoOf(cause);
  return new RtnetlinkError('sysctl', `sysctl ${path} cannot be ${verb}: ${errno ?? String(cause)}`, {
    ...(errno === undefined ? {} : { errno }),
    cause,
  });
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
