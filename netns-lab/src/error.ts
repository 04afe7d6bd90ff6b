/** What went wrong in a lab; `code` is for programs, the message for people. Owns the package's one error class. */
export type LabErrorCode =
  | 'description' // a topology's description contradicts itself
  | 'unknown-host' // the lab has no host of that name
  | 'command' // a command in a host failed, or could not be started
  | 'timeout' // a condition, a line or a command did not come in time
  | 'arguments' // the command line is wrong
  | 'fetch' // the lab kernel cannot be got
  | 'boot'; // the lab kernel did not come up, or died

export class LabError extends Error {
  readonly code: LabErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(
    code: LabErrorCode,
    message: string,
    options: { readonly facts?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LabError';
    this.code = code;
    this.facts = options.facts ?? {};
  }
}
