/**
 * Whether QEMU may use KVM. A machine can have /dev/kvm and yet hang or die at boot, so one short boot decides; its
 * verdict is kept in the cache until the machine itself boots again.
 */
import { constants } from 'node:fs';
import { access, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { LabError } from '../error.ts';
import { boot } from './boot.ts';
import type { Kernel } from './cache.ts';

const TRIAL_LIMIT = 10_000; // ms

export async function accelerator(cache: string, kernel: Kernel, initramfs: string): Promise<'kvm' | 'tcg'> {
  const usable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!usable) return 'tcg';
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const file = join(cache, 'kvm.json');
  const known = await readVerdict(file);
  if (known !== undefined && known.bootId === bootId && known.kernel === kernel.name)
    return known.works ? 'kvm' : 'tcg';

  const works = await trial(kernel, initramfs);
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, JSON.stringify({ bootId, kernel: kernel.name, works }));
  await rename(temporary, file);
  return works ? 'kvm' : 'tcg';
}

interface Verdict {
  readonly bootId: unknown;
  readonly kernel: unknown;
  readonly works: unknown;
}

async function readVerdict(file: string): Promise<Verdict | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Verdict) : undefined;
  } catch {
    return undefined;
  }
}

async function trial(kernel: Kernel, initramfs: string): Promise<boolean> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    const outcome = await boot({
      kernel,
      initramfs,
      accelerator: 'kvm',
      memory: 512,
      output: undefined,
      terminal: false,
      command: ['true'],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      bootLimit: TRIAL_LIMIT,
      timeout: TRIAL_LIMIT,
      stdout: nowhere,
      stderr: nowhere,
    });
    return outcome.kind === 'exit' && outcome.code === 0;
  } catch (error) {
    if (error instanceof LabError) return false;
    throw error;
  }
}
