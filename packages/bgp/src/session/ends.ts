// NOTIFICATIONs that this side ends sessions with, and what is kept after an end (RFC 4486, 4724, 8538, 9003). Pure. Times are seconds.
import type { NotificationMessage } from '../messages.ts';
import type { CeaseReason, ConnectionEnd, Retention } from './machine-types.ts';
import type { Negotiated } from './negotiation.ts';

const ceaseCode = 6;
const hardReset = 9;
const subcodes: Readonly<Record<CeaseReason, number>> = {
  'prefix-limit': 1,
  shutdown: 2,
  deconfigured: 3,
  reset: 4,
  'configuration-change': 6,
  'out-of-resources': 8,
};
/** After these nobody is to keep routes: with a peer that would, they are sent as a hard reset (RFC 8538 section 3.1). */
const hard: readonly CeaseReason[] = ['prefix-limit', 'shutdown', 'deconfigured'];
const longestCommunication = 255;

export const collisionSubcode = 7;

/** @param code, subcode of RFC 4271 section 4.5 */
export function notification(code: number, subcode = 0, data = new Uint8Array(0)): NotificationMessage {
  return { type: 'notification', code, subcode, data };
}

/** @param soft both keep routes over a NOTIFICATION, so that one which is meant to end all has to be a hard reset. */
export function cease(
  reason: CeaseReason,
  communication: string | undefined,
  soft: boolean,
): NotificationMessage {
  const data =
    reason === 'shutdown' || reason === 'reset' ? communicationData(communication) : new Uint8Array(0);
  const subcode = subcodes[reason];
  return soft && hard.includes(reason)
    ? notification(ceaseCode, hardReset, Uint8Array.of(ceaseCode, subcode, ...data))
    : notification(ceaseCode, subcode, data);
}

/** RFC 9003 section 2: a length and UTF-8, here cut between characters. */
function communicationData(text: string | undefined): Uint8Array<ArrayBuffer> {
  if (text === undefined || text === '') return new Uint8Array(0);
  const bytes = new Uint8Array(longestCommunication);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return Uint8Array.of(written, ...bytes.subarray(0, written));
}

export function isCollision({ code, subcode }: NotificationMessage): boolean {
  return code === ceaseCode && subcode === collisionSubcode;
}

/** @param negotiated of the session that ended. @returns what of its routes is kept; undefined: nothing. */
export function retention(
  { gracefulRestart, longLived }: Negotiated,
  { cause, notification: told }: Pick<ConnectionEnd, 'cause' | 'notification'>,
): Retention | undefined {
  if (gracefulRestart === undefined) return undefined;
  if (gracefulRestart.families.length + longLived.length === 0) return undefined;
  if (told !== undefined) {
    if (!gracefulRestart.notification) return undefined;
    if (told.code === ceaseCode && told.subcode === hardReset) return undefined;
  } else if (cause !== 'lost' && cause !== 'replaced') {
    return undefined;
  }
  const families = gracefulRestart.families.map(({ family }) => family);
  return {
    time: gracefulRestart.time,
    families,
    longLived: longLived.map(({ family, time }) => ({ family, time })),
  };
}
