/**
 * Runs one command in the lab kernel: boots it, talks to its process 1, copies output, ends it. Every way out of here
 * leaves no QEMU behind. Times are in ms.
 */
import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { LabError } from '../error.ts';
import { LineTail } from './line-tail.ts';
import { EndMark, type GuestCommand, guestMessage, parseGuestLine } from './protocol.ts';
import { type QemuOptions, startQemu } from './qemu.ts';

export interface BootOptions extends QemuOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Until the command starts. */
  readonly bootLimit: number;
  /** From then on. */
  readonly timeout: number;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal?: AbortSignal;
}

export type Outcome =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' };

/** LabError `boot` where the kernel does not come up or dies, with the last lines of its console. */
export async function boot(options: BootOptions): Promise<Outcome> {
  const end = randomBytes(16).toString('hex');
  const qemu = await startQemu(options);
  const closed = new Promise<void>((resolve) => qemu.process.once('close', () => resolve()));
  // A channel that QEMU's death closes in the middle of a write is no news of its own: the outcome tells.
  for (const channel of [qemu.control, qemu.stdout, qemu.stderr, qemu.console])
    channel.on('error', () => undefined);
  const console_ = new LineTail(qemu.console, 60);
  const complaints = new LineTail(qemu.complaints, 5);
  const died = (what: string) =>
    new LabError('boot', [`the lab kernel ${what}`, ...complaints.lines, ...console_.lines].join('\n  '));

  try {
    return await new Promise<Outcome>((resolve, reject) => {
      let exit: number | undefined;
      let timer = setTimeout(
        () => reject(died(`did not come up within ${options.bootLimit / 1000} s; its console said last:`)),
        options.bootLimit,
      );
      void closed.then(() => {
        clearTimeout(timer);
        reject(died('stopped before the command ended; its console said last:'));
      });
      options.signal?.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true });
      if (options.signal?.aborted === true) resolve({ kind: 'aborted' });

      const copies = options.terminal
        ? []
        : [copyToMark(qemu.stdout, options.stdout, end), copyToMark(qemu.stderr, options.stderr, end)];
      new LineTail(qemu.control, 1, (line) => {
        const event = parseGuestLine(line);
        if (event?.kind === 'ready') {
          clearTimeout(timer);
          timer = setTimeout(() => resolve({ kind: 'timeout' }), options.timeout);
        } else if (event?.kind === 'failed') reject(died(`gave up: ${event.reason}`));
        else if (event?.kind === 'exit') {
          exit = event.code;
          Promise.all(copies).then(() => resolve({ kind: 'exit', code: exit ?? 125 }), reject);
        }
      });
      const guest: GuestCommand = { ...options, end };
      qemu.control.write(guestMessage(guest));
    });
  } finally {
    qemu.process.kill('SIGKILL');
    await closed;
  }
}

/** Resolves once the mark came and all before it was taken by `to`. */
function copyToMark(from: Readable, to: Writable, end: string): Promise<void> {
  const mark = new EndMark(end);
  return new Promise((resolve, reject) => {
    to.on('error', reject); // our reader went away
    from.on('data', (chunk: Buffer) => {
      const output = mark.push(chunk);
      if (output.length > 0 && !to.write(output)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (mark.reached) to.write('', () => resolve());
    });
  });
}
