// The daemons' log: one JSON object a line on stdout, for the journal.
import {
  type DestinationStream,
  destination,
  type Logger,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';

/** What code that logs needs: facts for programs, a message for operators. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface LogOptions {
  readonly name: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Instead of stdout. */
  readonly destination?: DestinationStream;
}

/** Facts of these names are never written, at the top or one level down. */
const secrets = ['password', 'secret'].flatMap((name) => [name, `*.${name}`]);

/**
 * Written synchronously: what was logged before a crash is there. `err`, `error` and `cause` may be Errors and come with their
 * stack.
 */
export function createLog({ name, level, destination: stream }: LogOptions): Logger {
  return pino(
    {
      level,
      base: { name, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      redact: { paths: secrets, censor: 'hidden' },
      serializers: { err: stdSerializers.err, error: stdSerializers.err, cause: stdSerializers.err },
    },
    stream ?? destination({ dest: 1, sync: true }),
  );
}
