// The life of a daemon's process: start, signals, orderly stop, exit code. Never ends the process on the good path: that is
// the caller's.
import { ConfigError } from './errors.ts';
import { createLog, type Log } from './log.ts';

/** Exit codes of every hostpe command. */
export const ExitCode = { ok: 0, failure: 1, configuration: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface Daemon {
  stop(): Promise<void>;
  /** On SIGHUP, where there is anything to read anew. Reports by itself what is wrong with that. */
  reload?(): Promise<void>;
}

export interface DaemonOptions {
  /** For the log. */
  readonly name: string;
  readonly start: () => Promise<Daemon>;
  /** Milliseconds that an orderly stop may take. */
  readonly stopPatience?: number;
}

/**
 * Runs a daemon until SIGTERM or SIGINT has stopped it. SIGHUP makes it read anew what it can.
 *
 * A problem of the configuration is printed, exit code 2; another one at start is printed and logged, exit code 1. An error that
 * nobody caught ends the process at once, exit code 1, as do a second signal and a stop that takes too long: to be started again
 * is safe for both daemons.
 * @returns the exit code, with which the caller ends the process.
 */
export async function runDaemon({ name, start, stopPatience = 10_000 }: DaemonOptions): Promise<ExitCode> {
  const log = createLog({ name, level: 'info' });
  process.on('uncaughtException', (error) => {
    giveUp(log, { error }, `an error that nobody expected: ${error.message}; to be started again is safe`);
  });
  const signalled = signalOf(log);
  let running: Daemon | undefined;
  process.on('SIGHUP', () => {
    if (running?.reload) void running.reload();
    else log.info({ signal: 'SIGHUP' }, 'SIGHUP: there is nothing to read anew');
  });
  const outcome = await start().then(
    (daemon) => daemon,
    (error: unknown) => reportStart(error, log),
  );
  if (typeof outcome === 'number') return outcome;
  running = outcome;

  const signal = await signalled;
  log.info({ signal }, `${signal}: stopping`);
  const timer = setTimeout(
    () => giveUp(log, { signal }, `not stopped after ${stopPatience / 1000} s; ending without order`),
    stopPatience,
  );
  await outcome.stop();
  clearTimeout(timer);
  return ExitCode.ok;
}

/** Resolves with the first signal; the second one ends the process. */
function signalOf(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) giveUp(log, { signal }, `${signal} again: ending without order`);
      asked = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function reportStart(error: unknown, log: Log): ExitCode {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof ConfigError) return ExitCode.configuration;
  log.error({ error }, 'not started');
  return ExitCode.failure;
}

function giveUp(log: Log, facts: object, message: string): never {
  log.error(facts, message);
  process.exit(ExitCode.failure);
}
