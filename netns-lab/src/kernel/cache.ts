/**
 * The folder of fetched kernels: one folder each, complete or absent (they arrive by rename). Owns the layout;
 * fetches nothing.
 *
 *   CACHE/linux-image-6.1.0-56-amd64_6.1.192-2/   image, release, modules/ (the tree of /lib/modules/RELEASE), boot-HASH.cpio
 *   CACHE/.tmp-PID-xxxxxx/                        being made; of a process that is gone: rubbish
 *   CACHE/kvm.json                                whether KVM boots here
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export interface Kernel {
  readonly name: string;
  readonly folder: string;
  readonly image: string;
  /** What `uname -r` says in it. */
  readonly release: string;
  readonly modules: string;
}

/** `NETNS_LAB_CACHE`, or `.cache/netns-lab` of the repository. */
export function cacheFolder(): string {
  return resolve(process.env['NETNS_LAB_CACHE'] ?? join(import.meta.dirname, '../../../.cache/netns-lab'));
}

export async function readKernel(cache: string, name: string): Promise<Kernel | undefined> {
  const folder = join(cache, name);
  try {
    const release = (await readFile(join(folder, 'release'), 'utf8')).trim();
    return { name, folder, image: join(folder, 'image'), release, modules: join(folder, 'modules') };
  } catch {
    return undefined;
  }
}

/** The kernel that was fetched last. */
export async function newestKernel(cache: string): Promise<Kernel | undefined> {
  const names = (await readdir(cache).catch(() => [])).filter((name) => name.startsWith('linux-image-'));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, time: (await stat(join(cache, name))).mtimeMs })),
  );
  dated.sort((a, b) => b.time - a.time);
  for (const { name } of dated) {
    const kernel = await readKernel(cache, name);
    if (kernel !== undefined) return kernel;
  }
  return undefined;
}

/** A folder for what is being made, on the cache's file system. Removes those that a killed process left. */
export async function temporaryFolder(cache: string): Promise<string> {
  await mkdir(cache, { recursive: true });
  for (const name of await readdir(cache)) {
    const pid = /^\.tmp-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(cache, name), { recursive: true, force: true });
  }
  return mkdtemp(join(cache, `.tmp-${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
