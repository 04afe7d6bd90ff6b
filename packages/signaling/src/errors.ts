// The package's one error: a message that is not understood as a whole, or one that must not be sent.

/**
 * - `unsupported`: a well-formed message that asks for something we do not have (answer: feature-not-implemented).
 * - `malformed`: a message that we have a meaning for, but not with this content (answer: bad-request).
 * - `not-encodable`: a value that no peer would accept; never the peer's fault, thrown by encoders only.
 */
export type SignalingErrorCode = 'unsupported' | 'malformed' | 'not-encodable';

/** Its message is fit to be sent to the peer: it names what was wrong and repeats at most 64 characters of any input. */
export class SignalingError extends Error {
  override readonly name = 'SignalingError';
  readonly code: SignalingErrorCode;

  constructor(code: SignalingErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Longest piece of the input that a message repeats: a peer must not be able to fill the log. */
const shownInput = 64;

/** A peer's text for a message: quoted, control characters escaped, cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length > shownInput ? `${text.slice(0, shownInput)}…` : text);
}
