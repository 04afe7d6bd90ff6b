// BGP daemons of others as processes for tests, unpacked from Debian's packages and never installed.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';

export interface RunningDaemon {
  output(): string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** Ends it and removes its folder. */
  end(): Promise<void>;
}

const unpacked = resolve(import.meta.dirname, '../../../../.cache/peers/root');
const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/frr'].map((path) =>
  join(unpacked, path),
);

/** What its programs need to find their libraries. */
export const peerEnvironment = { ...process.env, LD_LIBRARY_PATH: libraries.join(':') };

/** The file of a program. @throws Error where it is not there, with the command that gets it */
export function peerProgram(program: string): string {
  const file = join(unpacked, program);
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`sh .ci/fetch-peers.sh\``);
  return file;
}

/** @param environment beside what the test has @throws Error where the program is not there */
export function runDaemon(
  program: string,
  options: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): RunningDaemon {
  const file = peerProgram(program);
  const child: ChildProcess = spawn(file, options, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...peerEnvironment, ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    output: () => output,
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
    async end() {
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}
