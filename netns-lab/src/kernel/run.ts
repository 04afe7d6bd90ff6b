/** Runs a command where the kernel has what labs need: here if the running one has, else in the lab kernel. */
import { spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { LabError } from '../error.ts';
import { accelerator } from './accelerator.ts';
import { boot, type Outcome } from './boot.ts';
import { newestKernel } from './cache.ts';
import { fetchKernel } from './fetch.ts';
import { initramfsOf } from './initramfs.ts';
import { probeKernel } from './probe.ts';

const BOOT_LIMIT = 180_000; // ms: a boot takes 10 s, on a machine with much else to do a minute

export interface RunOptions {
  readonly command: readonly string[];
  /** `auto`: native where the running kernel has all features and we are root. */
  readonly where: 'auto' | 'native' | 'qemu';
  readonly cache: string;
  readonly timeout: number; // ms
  readonly memory: number; // MiB
  readonly output: string | undefined;
  /** Names of environment variables that go into the lab kernel; PATH always does. */
  readonly env: readonly string[];
  readonly terminal: boolean;
  readonly signal: AbortSignal;
}

/** LabError `boot` or `fetch` where there is no lab kernel to run in, `command` where a native command cannot start. */
export async function run(options: RunOptions): Promise<Outcome> {
  const native = options.where === 'native' || (options.where === 'auto' && (await canRunHere()));
  return native ? runHere(options) : runInLabKernel(options);
}

async function canRunHere(): Promise<boolean> {
  return process.getuid?.() === 0 && (await probeKernel()).every((feature) => feature.present);
}

async function runInLabKernel(options: RunOptions): Promise<Outcome> {
  const { cache } = options;
  const kernel = (await newestKernel(cache)) ?? (await fetchKernel(cache)).kernel;
  const initramfs = await initramfsOf(cache, kernel);
  const environment: Record<string, string> = { HOME: '/root', LANG: 'C.UTF-8' };
  for (const name of ['PATH', ...(options.terminal ? ['TERM'] : []), ...options.env]) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return boot({
    kernel,
    initramfs,
    accelerator: await accelerator(cache, kernel, initramfs),
    memory: options.memory,
    output: options.output === undefined ? undefined : await realpath(options.output),
    terminal: options.terminal,
    command: options.command,
    cwd: process.cwd(),
    env: environment,
    bootLimit: BOOT_LIMIT,
    timeout: options.timeout,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: options.signal,
  });
}

/** The command gets our own stdout and stderr; it is ended with all that it started in its process group. */
async function runHere(options: RunOptions): Promise<Outcome> {
  const [command = '', ...args] = options.command;
  const child = spawn(command, args, {
    stdio: [options.terminal ? 'inherit' : 'ignore', 'inherit', 'inherit'],
    detached: !options.terminal,
  });
  const end = (outcome: Outcome) => {
    ended ??= outcome;
    if (child.pid === undefined) return;
    try {
      process.kill(options.terminal ? child.pid : -child.pid, 'SIGKILL');
    } catch {
      // it is gone already
    }
  };
  let ended: Outcome | undefined;
  const timer = setTimeout(() => end({ kind: 'timeout' }), options.timeout);
  const abort = () => end({ kind: 'aborted' });
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort();
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new LabError('command', `${command} cannot be started: ${cause.message}`, { cause })),
      );
      child.once('exit', (status) => resolve(status ?? 128 + 9));
    });
    return ended ?? { kind: 'exit', code };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', abort);
  }
}
