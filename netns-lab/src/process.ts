/**
 * Commands and daemons in a network namespace. `ip netns exec` prepares /sys and /etc for the namespace and becomes
 * the command, so a daemon's pid is its own. Times are in ms.
 */
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { LabError } from './error.ts';
import { waitFor } from './wait.ts';

export interface RunOptions {
  readonly input?: string;
  /** Default 60 000. */
  readonly timeout?: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default true: an exit code other than 0 throws. */
  readonly reject?: boolean;
}

export interface RunResult {
  /** Without its last newline, as is stderr. */
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + N for a command that signal N ended. */
  readonly exitCode: number;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Told each line of stdout and stderr until it says yes. */
  readonly ready?: (line: string) => boolean;
  /** Default 60 000. */
  readonly readyTimeout?: number;
}

export interface Exit {
  readonly exitCode?: number;
  readonly signal?: string;
}

export interface Daemon {
  readonly name: string;
  /** Of the command itself, not of something around it. */
  readonly pid: number;
  /** All of stdout and stderr so far, by lines. */
  readonly lines: readonly string[];
  readonly exited: Promise<Exit>;
  /**
   * Sends SIGTERM or another signal and resolves when the daemon is gone. One that is there after 10 s is killed, and
   * LabError `timeout` tells.
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** The first line, of those so far or to come, that fits. LabError `timeout`, or `command` if the daemon ends without it. */
  waitForLine(predicate: (line: string) => boolean, options?: { readonly timeout?: number }): Promise<string>;
}

const DEFAULT_TIMEOUT = 60_000;
const KILL_LIMIT = 10_000;

const inNamespace = (namespace: string, command: string, args: readonly string[]) => [
  'netns',
  'exec',
  namespace,
  command,
  ...args,
];

/** LabError `command` where it fails or cannot start, `timeout` where it takes too long (it is killed then). */
export async function runIn(
  namespace: string,
  command: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<RunResult> {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT;
  const shown = [command, ...args].join(' ');
  const result = await execa('ip', inNamespace(namespace, command, args), {
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
    timeout,
    forceKillAfterDelay: 1000,
    reject: false,
  });
  const { stdout, stderr } = result;
  if (result.timedOut)
    throw new LabError(
      'timeout',
      `${namespace}: '${shown}' took longer than ${timeout / 1000} s and was ended`,
      {
        facts: { namespace, command: shown, stdout, stderr },
      },
    );
  const exitCode =
    result.exitCode ??
    (result.signal === undefined ? undefined : 128 + constants.signals[result.signal as NodeJS.Signals]);
  if (exitCode === undefined || (exitCode !== 0 && options.reject !== false))
    throw new LabError(
      'command',
      `${namespace}: '${shown}' ended with exit code ${exitCode ?? 'none'}: ${stderr.trim() || stdout.trim() || result.shortMessage || 'it said nothing'}`,
      { facts: { namespace, command: shown, exitCode, stdout, stderr } },
    );
  return { stdout, stderr, exitCode };
}

/** Starts a daemon; with `ready`, resolves once a line fits. LabError `command` if it ends before, `timeout` if no line comes. */
export async function startIn(
  namespace: string,
  name: string,
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Daemon> {
  const child = execa('ip', inNamespace(namespace, command, args), {
    stdin: 'ignore',
    buffer: false,
    reject: false,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const { pid } = child;
  if (pid === undefined)
    throw new LabError('command', `${namespace}: ${name} cannot be started`, { cause: (await child).cause });
  const lines: string[] = [];
  let gone: Exit | undefined;
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  const exited = child.then((result): Exit => {
    gone = {
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ...(result.signal === undefined ? {} : { signal: result.signal }),
    };
    return gone;
  });

  const kill = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (gone === undefined) child.kill(signal);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, KILL_LIMIT);
    await exited;
    clearTimeout(timer);
    if (late)
      throw new LabError(
        'timeout',
        `${namespace}: ${name} was there ${KILL_LIMIT / 1000} s after ${signal}, and was killed`,
      );
  };

  const waitForLine: Daemon['waitForLine'] = async (predicate, { timeout = DEFAULT_TIMEOUT } = {}) => {
    let next = 0;
    const found = await waitFor<string | Exit>(
      `${namespace}: the expected line of ${name}`,
      async () => {
        const ended = gone;
        for (; next < lines.length; next++) {
          const line = lines[next];
          if (line !== undefined && predicate(line)) return line;
        }
        return ended;
      },
      { timeout, interval: 20 },
    );
    if (typeof found === 'string') return found;
    const last = lines.slice(-10).map((line) => `\n  ${line}`);
    throw new LabError(
      'command',
      `${namespace}: ${name} ended (${found.signal ?? `exit code ${found.exitCode}`}) without the expected line; it said last:${last.join('')}`,
      { facts: { namespace, name, ...found } },
    );
  };

  const daemon: Daemon = { name, pid, lines, exited, kill, waitForLine };
  if (options.ready !== undefined) {
    try {
      await waitForLine(options.ready, { timeout: options.readyTimeout ?? DEFAULT_TIMEOUT });
    } catch (error) {
      await kill('SIGKILL');
      throw error;
    }
  }
  return daemon;
}
