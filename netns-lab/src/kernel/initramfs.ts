/**
 * The lab kernel's first file system: busybox, the modules that mount the real root, and the two scripts of guest/.
 * Built once per kernel and content; uncompressed, since unpacking under emulation costs more than reading.
 */
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { LabError } from '../error.ts';
import { type Kernel, temporaryFolder } from './cache.ts';
import { loadOrder } from './modules.ts';

/** What is needed before /lib/modules can be seen. */
const BOOT_MODULES = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay'];

/** Path of the archive for this kernel, built if need be. LabError `fetch` where busybox or cpio is missing. */
export async function initramfsOf(cache: string, kernel: Kernel): Promise<string> {
  const guest = join(import.meta.dirname, 'guest');
  const scripts = await Promise.all(['boot.sh', 'lab.sh'].map((file) => readFile(join(guest, file))));
  const busybox = await findBusybox();
  const hash = createHash('sha256');
  for (const content of [...scripts, await readFile(busybox), kernel.modules, ...BOOT_MODULES])
    hash.update(content);
  const archive = join(kernel.folder, `boot-${hash.digest('hex').slice(0, 16)}.cpio`);
  if ((await stat(archive).catch(() => undefined)) !== undefined) return archive;

  const temporary = await temporaryFolder(cache);
  try {
    const root = join(temporary, 'root');
    for (const folder of ['bin', 'modules']) await mkdir(join(root, folder), { recursive: true });
    await copyFile(busybox, join(root, 'bin/busybox'));
    await copyFile(join(guest, 'boot.sh'), join(root, 'init'));
    await copyFile(join(guest, 'lab.sh'), join(root, 'lab.sh'));
    for (const file of ['bin/busybox', 'init']) await chmod(join(root, file), 0o755);

    const order: string[] = [];
    for (const path of loadOrder(await readFile(join(kernel.modules, 'modules.dep'), 'utf8'), BOOT_MODULES)) {
      const name = basename(path).replace(/\.xz$/, '');
      order.push(name);
      if (path.endsWith('.xz'))
        await execa('xz', ['-dc', join(kernel.modules, path)], {
          stdout: { file: join(root, 'modules', name) },
        });
      else await copyFile(join(kernel.modules, path), join(root, 'modules', name));
    }
    await writeFile(join(root, 'modules/order'), `${order.join('\n')}\n`);
    await writeFile(join(root, 'modules/release'), `${kernel.release}\n`);
    await writeFile(join(root, 'modules/tree'), `${kernel.modules}\n`);

    const list = (await execa('find', ['.', '-mindepth', '1'], { cwd: root })).stdout;
    const made = join(temporary, 'boot.cpio');
    await execa('cpio', ['--quiet', '-o', '-H', 'newc', '-R', '0:0'], {
      cwd: root,
      input: list,
      stdout: { file: made },
    });
    await rename(made, archive);
    return archive;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new LabError(
        'fetch',
        'cpio and xz are needed for the lab kernel: apt-get install cpio xz-utils',
        { cause: error },
      );
    throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function findBusybox(): Promise<string> {
  // A dynamically linked one would need its libraries in the archive.
  for (const path of ['/bin/busybox', '/usr/bin/busybox']) {
    const content = await readFile(path).catch(() => undefined);
    if (content !== undefined && !content.includes('/lib64/ld-linux')) return path;
  }
  throw new LabError(
    'fetch',
    'a static busybox is needed for the lab kernel: apt-get install busybox-static',
  );
}
