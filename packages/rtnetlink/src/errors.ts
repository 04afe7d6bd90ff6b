// The package's one error: what the kernel refused, in its own words, or what broke at the door.

/**
 * `kernel`: the kernel's verdict, see `errno`. `invalid`: a request that no message can carry, never sent. `socket`: the socket broke.
 * `closed`: used after close. `decode`: bytes that are no message. `sysctl`: a file below /proc/sys is missing or not ours to write.
 */
export type RtnetlinkErrorCode = 'kernel' | 'invalid' | 'socket' | 'closed' | 'decode' | 'sysctl';

export class RtnetlinkError extends Error {
  override readonly name = 'RtnetlinkError';
  readonly code: RtnetlinkErrorCode;
  /** Symbolic errno such as `EEXIST`; present when the kernel gave a verdict. */
  readonly errno: string | undefined;
  /** The kernel's extended acknowledgement (NLMSGERR_ATTR_MSG), where it sent one. */
  readonly kernelMessage: string | undefined;
  /** The attribute at fault by its names in the kernel's headers, outermost first, for example `NHA_ENCAP/MPLS_IPTUNNEL_DST`. */
  readonly attribute: string | undefined;
  /** Where in the message that attribute begins (NLMSGERR_ATTR_OFFS), bytes. */
  readonly offset: number | undefined;

  constructor(
    code: RtnetlinkErrorCode,
    message: string,
    facts: {
      readonly errno?: string;
      readonly kernelMessage?: string;
      readonly attribute?: string;
      readonly offset?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.errno = facts.errno;
    this.kernelMessage = facts.kernelMessage;
    this.attribute = facts.attribute;
    this.offset = facts.offset;
  }
}
