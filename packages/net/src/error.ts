// The package's one error: text, bytes or numbers from outside that are not the value they should be.

export type NetErrorCode =
  | 'invalid-address'
  | 'invalid-prefix'
  | 'invalid-mac'
  | 'invalid-label'
  | 'invalid-route-target'
  | 'invalid-route-distinguisher';

/** Longest piece of the input that a message repeats: a peer must not be able to fill the log. */
const shownInput = 64;

export class NetError extends Error {
  override readonly name = 'NetError';
  readonly code: NetErrorCode;
  /** What was given, whole. */
  readonly input: string;

  /** @param problem what is wrong, to follow the quoted input: `is not an IP address`. */
  constructor(code: NetErrorCode, input: string, problem: string) {
    const shown = input.length > shownInput ? `${input.slice(0, shownInput)}…` : input;
    super(`${JSON.stringify(shown)} ${problem}`);
    this.code = code;
    this.input = input;
  }
}
