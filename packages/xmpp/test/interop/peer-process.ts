// Programs of others that a suite runs as peers: found where fetch-peers.sh unpacked them, started in the foreground with a
// folder of their own, and dead with the test run, however that ends. Knows no XMPP. Times in milliseconds.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { vi } from 'vitest';

const UNPACKED = resolve(import.meta.dirname, '../../../../.cache/peers/root');

/** Far more than anything takes on a busy machine. */
const DEADLINE = 30_000;

/** The place of an unpacked file. @throws where it is not there, with the command that gets it. */
export function unpacked(path: string): string {
  const file = join(UNPACKED, path);
  if (existsSync(file)) return file;
  throw new Error(`the peer ${file} is missing: run \`sh .ci/fetch-peers.sh\``);
}

/** An address that nothing else listens on: its ports are free, whatever other suites and runs of this one use. */
export function ownAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
}

/** A new folder for what a peer reads and writes. */
export function peerFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `hostpe-${name}-`));
}

export class PeerProcess {
  readonly #name: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = '';

  /** @param folder its working directory; removed when it has ended. */
  constructor(command: readonly string[], folder: string, environment: Readonly<Record<string, string>>) {
    const [program = ''] = command;
    this.#name = program;
    this.#folder = folder;
    const env = { PATH: process.env['PATH'], HOME: folder, LD_LIBRARY_PATH: libraries(), ...environment };
    // The kernel kills it with the thread that started it: also where that was killed itself and cannot end it in order.
    const line = ['--pdeathsig', 'KILL', '--', ...command];
    this.#child = spawn('setpriv', line, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
  }

  /** All that it has said so far, or since the last `forget`. */
  get output(): string {
    return this.#output;
  }

  forget(): void {
    this.#output = '';
  }

  /** Waits until it has said this. @throws with what it said instead. */
  async says(words: string | RegExp): Promise<void> {
    const said = () => (typeof words === 'string' ? this.#output.includes(words) : words.test(this.#output));
    const ended = () => this.#child.exitCode !== null || this.#child.signalCode !== null;
    await vi.waitUntil(() => said() || ended(), { timeout: DEADLINE, interval: 10 }).catch(() => {});
    if (said()) return;
    throw new Error(
      `${this.#name} ${ended() ? 'ended and never' : 'did not'} say ${words}:\n${this.#output.slice(-4000)}`,
    );
  }

  /** Waits for its end. @returns the exit code; undefined when a signal ended it. */
  async ended(): Promise<number | undefined> {
    await this.#closed;
    return this.#child.exitCode ?? undefined;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function libraries(): string {
  return unpacked('usr/lib/x86_64-linux-gnu');
}
