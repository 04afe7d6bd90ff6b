// The package's one error: what an operator asked for and cannot have, or what keeps the forwarder from starting.

/**
 * `attachment-invalid`: the attachment contradicts itself or the configuration. `attachment-exists`: the interface is attached already.
 * `attachment-unknown`: nothing of that name is attached. `attachment-configured`: only the configuration file can change it.
 * `labels-exhausted`, `instance-ids-exhausted`: no free number is left.
 * `kernel-features`: this kernel lacks what VPNs need.
 */
export type ForwarderErrorCode =
  | 'attachment-invalid'
  | 'attachment-exists'
  | 'attachment-unknown'
  | 'attachment-configured'
  | 'labels-exhausted'
  | 'instance-ids-exhausted'
  | 'kernel-features';

export class ForwarderError extends Error {
  override readonly name = 'ForwarderError';
  readonly code: ForwarderErrorCode;

  constructor(code: ForwarderErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
