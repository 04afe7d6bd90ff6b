// Sysctls as files below /proc/sys, in the network namespace of this process. Owns no knowledge of what they mean.
import { readFile, writeFile } from 'node:fs/promises';
import { RtnetlinkError } from './errors.ts';
import type { Sysctl } from './kernel.ts';

const root = '/proc/sys';

/** What lies under /proc/sys/net belongs to the network namespace of the thread that opens it: here, of the process. */
export function openSysctl(): Sysctl {
  return {
    async read(path) {
      try {
        return (await readFile(fileOf(path), 'utf8')).trimEnd();
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw sysctlError(path, 'read', error);
      }
    },
    async write(path, value) {
      try {
        await writeFile(fileOf(path), value);
      } catch (error) {
        throw sysctlError(path, `set to ${value}`, error);
      }
    },
  };
}

function fileOf(path: string): string {
  if (path.startsWith('/') || path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new RtnetlinkError('sysctl', `sysctl ${path}: not a path below ${root}`);
  }
  return `${root}/${path}`;
}

function sysctlError(path: string, verb: string, cause: unknown): RtnetlinkError {
  if (cause instanceof RtnetlinkError) return cause;
  const errno = errnoOf(cause);
  return new RtnetlinkError('sysctl', `sysctl ${path} cannot be ${verb}: ${errno ?? String(cause)}`, {
    ...(errno === undefined ? {} : { errno }),
    cause,
  });
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
