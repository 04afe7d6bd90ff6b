// What both daemons and the operator's commands fail with: configuration, control socket, and answers of the API.

/** One thing that is wrong with a file that the operator wrote. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1; absent where the file as a whole is at fault. */
  readonly line?: number;
  /** `attachments[0].addresses`; absent where the file as a whole is at fault. */
  readonly key?: string;
  readonly message: string;
}

/** The configuration cannot be used. The message has one line a problem: `FILE:LINE: KEY: MESSAGE`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: { readonly cause?: unknown }) {
    super(problems.map(formatProblem).join('\n'), options);
    this.problems = problems;
  }
}

function formatProblem({ file, line, key, message }: ConfigProblem): string {
  return [line === undefined ? file : `${file}:${line}`, ...(key === undefined ? [] : [key]), message].join(
    ': ',
  );
}

/** An answer of the API that is no success: thrown by a handler to give it, and by `callApi` that got it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status, 400 to 599. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * - `already-running`: a daemon answers on the control socket.
 * - `not-running`: none does.
 * - `not-permitted`: the user may not use the control socket.
 * - `no-socket`: there is something else at the control socket's path.
 * - `broken-answer`: what answered there is no daemon, or it ended in the middle of its answer.
 */
export type ControlSocketErrorCode =
  | 'already-running'
  | 'not-running'
  | 'not-permitted'
  | 'no-socket'
  | 'broken-answer';

/** The control socket cannot be served or reached. */
export class ControlSocketError extends Error {
  override readonly name = 'ControlSocketError';
  readonly code: ControlSocketErrorCode;
  readonly socket: string;

  constructor(
    code: ControlSocketErrorCode,
    socket: string,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.socket = socket;
  }
}

/** The `code` of a system error: ENOENT, ECONNREFUSED; undefined for any other. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The metrics cannot be served. */
export class MetricsError extends Error {
  override readonly name = 'MetricsError';
}

/** What operators made by command cannot be read or written; names the file, and what to do. */
export class StateFileError extends Error {
  override readonly name = 'StateFileError';
}
