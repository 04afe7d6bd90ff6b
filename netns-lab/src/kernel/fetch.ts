/**
 * Gets a stock Debian kernel into the cache: the package that linux-image-amd64 depends on, downloaded by apt and
 * unpacked, never installed. Needs no privilege. A run that is killed leaves only a temporary folder.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecaError, execa } from 'execa';
import { LabError } from '../error.ts';
import { type Kernel, newestKernel, readKernel, temporaryFolder } from './cache.ts';
import { unpackImage } from './image.ts';

const META_PACKAGE = 'linux-image-amd64';

export interface Fetched {
  readonly kernel: Kernel;
  /** `offline`: no newer one could be looked for, for `reason`. */
  readonly how: 'fetched' | 'present' | 'offline';
  readonly reason?: string;
}

/** Fetches the newest kernel that apt knows. Falls back to the newest one in the cache; LabError `fetch` if there is none. */
export async function fetchKernel(cache: string): Promise<Fetched> {
  try {
    const { name, version } = await resolvePackage();
    const folder = `${name}_${version.replaceAll(':', '%3a')}`;
    const present = await readKernel(cache, folder);
    if (present !== undefined) return { kernel: present, how: 'present' };
    return { kernel: await download(cache, folder, name, version), how: 'fetched' };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    const kernel = await newestKernel(cache);
    if (kernel === undefined) throw error;
    return { kernel, how: 'offline', reason: error.message };
  }
}

/** The package that the meta package depends on, at its exact version. */
async function resolvePackage(): Promise<{ name: string; version: string }> {
  const shown = await tool('apt-cache', ['show', '--no-all-versions', META_PACKAGE]).catch(
    (error: unknown) => {
      if (error instanceof LabError && error.facts['missing'] === true) throw error;
      throw new LabError(
        'fetch',
        `apt knows no ${META_PACKAGE}: run 'apt-get update' as root, then fetch again`,
        {
          cause: error,
        },
      );
    },
  );
  const depends = /^Depends:.*?(linux-image-[^\s,]+) \(= ([^)]+)\)/m.exec(shown);
  if (depends?.[1] === undefined || depends[2] === undefined)
    throw new LabError(
      'fetch',
      `apt's ${META_PACKAGE} does not say which kernel it stands for: run 'apt-get update' as root`,
    );
  return { name: depends[1], version: depends[2] };
}

async function download(cache: string, folder: string, name: string, version: string): Promise<Kernel> {
  const temporary = await temporaryFolder(cache);
  try {
    // apt's own user cannot write here; the download is checked against the signed lists all the same.
    await tool(
      'apt-get',
      ['-q', '-o', 'APT::Sandbox::User=root', 'download', `${name}=${version}`],
      temporary,
    );
    const archive = (await readdir(temporary)).find((file) => file.endsWith('.deb'));
    if (archive === undefined)
      throw new LabError('fetch', `apt-get downloaded nothing for ${name}=${version}`);
    const unpacked = join(temporary, 'unpacked');
    await tool('dpkg-deb', ['-x', join(temporary, archive), unpacked]);

    const image = (await readdir(join(unpacked, 'boot'))).find((file) => file.startsWith('vmlinuz-'));
    if (image === undefined) throw new LabError('fetch', `${archive} holds no kernel image`);
    const release = image.slice('vmlinuz-'.length);
    // Debian moved /lib/modules to /usr/lib/modules in release 13; depmod knows the former only.
    const usr = join(unpacked, 'usr/lib/modules', release);
    const modules = join(unpacked, 'lib/modules', release);
    await rename(usr, modules).catch(() => undefined);
    await tool('depmod', ['-b', unpacked, release]);

    const made = join(temporary, 'kernel');
    await mkdir(made);
    const packed = join(unpacked, 'boot', image);
    const elf = await unpackImage(await readFile(packed));
    if (elf === undefined) await rename(packed, join(made, 'image'));
    else await writeFile(join(made, 'image'), elf);
    await rename(modules, join(made, 'modules'));
    await writeFile(join(made, 'release'), `${release}\n`);
    await rename(made, join(cache, folder)).catch((error: NodeJS.ErrnoException) => {
      // Another fetch was quicker: its kernel is the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const kernel = await readKernel(cache, folder);
  if (kernel === undefined)
    throw new LabError('fetch', `${join(cache, folder)} is not complete: remove it and fetch again`);
  return kernel;
}

async function tool(command: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    // depmod lives in /sbin, which is not on everyone's PATH.
    const env = { LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
    const { stdout } = await execa(command, args, { env, ...(cwd === undefined ? {} : { cwd }) });
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT')
      throw new LabError(
        'fetch',
        `${command} is not installed: install apt, dpkg and kmod (this needs Debian or a derivative)`,
        {
          facts: { missing: true },
          cause: error,
        },
      );
    const reason = String(error.stderr).trim() || error.shortMessage;
    throw new LabError('fetch', `${command} failed: ${reason}`, { cause: error });
  }
}
