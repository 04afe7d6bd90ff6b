// Child processes that do not outlive the benchmark, however it ends.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Where it cannot be started, it closes with a status that is not 0. */
export function startChild(file: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
  const child = spawn(file, args, { stdio });
  running.add(child);
  child.on('error', () => {});
  child.once('close', () => running.delete(child));
  return child;
}

export async function endChild(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || !running.has(child)) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** @returns what it printed. @throws Error with what it complained of. */
export async function runChild(file: string, args: readonly string[]): Promise<string> {
  const child = startChild(file, args, ['ignore', 'pipe', 'pipe']);
  const printed: Buffer[] = [];
  const complaint: Buffer[] = [];
  child.stdout?.on('data', (bytes) => printed.push(bytes));
  child.stderr?.on('data', (bytes) => complaint.push(bytes));
  const [status] = await once(child, 'close');
  if (status === 0) return Buffer.concat(printed).toString();
  throw new Error(`${file} ended: ${Buffer.concat(complaint).toString().trim() || status}`);
}
