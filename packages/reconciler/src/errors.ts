// The package's one error: what kept the desired state out of the kernel, apart from the kernel's own verdicts (RtnetlinkError).

/** `nft`: the nft command refused or is missing. */
export type ReconcilerErrorCode = 'nft';

export class ReconcilerError extends Error {
  override readonly name = 'ReconcilerError';
  readonly code: ReconcilerErrorCode;

  constructor(code: ReconcilerErrorCode, message: string, facts: { readonly cause?: unknown } = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
  }
}
