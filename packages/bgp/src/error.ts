// The package's one error: what a peer sent that ends its session, or what cannot be sent.
import type { NotificationMessage } from './messages.ts';

/**
 * `malformed`: a message that ends the session. `unsendable`: a message that has no encoding within its limits. `configuration`: a session that
 * cannot come to be. `transport`: a socket, or an option of it, that the system does not give.
 */
export type BgpErrorCode = 'malformed' | 'unsendable' | 'configuration' | 'transport';

export class BgpError extends Error {
  override readonly name = 'BgpError';
  readonly code: BgpErrorCode;
  /** What the peer is told before the session ends; undefined of all but `malformed`. */
  readonly notification: NotificationMessage | undefined;

  constructor(code: BgpErrorCode, message: string, notification?: NotificationMessage) {
    super(message);
    this.code = code;
    this.notification = notification;
  }
}

const nothing = new Uint8Array(0);

/** @param code, subcode of RFC 4271 section 4.5. @param data what of the message was at fault, where the RFC wants it told. */
export function malformed(
  code: number,
  subcode: number,
  reason: string,
  data: Uint8Array = nothing,
): BgpError {
  return new BgpError('malformed', reason, { type: 'notification', code, subcode, data: data.slice() });
}
