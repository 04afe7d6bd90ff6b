// NOTIFICATION for people (RFC 4271 section 4.5, 4486, 6608, 7313, 8203, 8538, 9384, 9687). Knows words only: what follows from a NOTIFICATION is the session's.
import type { NotificationMessage } from './messages.ts';

const codes: Readonly<Record<number, { readonly text: string; readonly subcodes: readonly string[] }>> = {
  1: {
    text: 'message header error',
    subcodes: ['', 'connection not synchronized', 'bad message length', 'bad message type'],
  },
  2: {
    text: 'OPEN error',
    subcodes: [
      '',
      'unsupported version',
      'bad peer AS',
      'bad BGP identifier',
      'unsupported optional parameter',
      '',
      'unacceptable hold time',
      'unsupported capability',
      '',
      '',
      '',
      'role mismatch',
    ],
  },
  3: {
    text: 'UPDATE error',
    subcodes: [
      '',
      'malformed attribute list',
      'unrecognized well-known attribute',
      'missing well-known attribute',
      'attribute flags error',
      'attribute length error',
      'invalid ORIGIN',
      '',
      'invalid NEXT_HOP',
      'optional attribute error',
      'invalid network field',
      'malformed AS_PATH',
    ],
  },
  4: { text: 'hold timer expired', subcodes: [] },
  5: {
    text: 'finite state machine error',
    subcodes: [
      '',
      'unexpected message in OpenSent',
      'unexpected message in OpenConfirm',
      'unexpected message in Established',
    ],
  },
  6: {
    text: 'cease',
    subcodes: [
      '',
      'maximum number of prefixes reached',
      'administrative shutdown',
      'peer de-configured',
      'administrative reset',
      'connection rejected',
      'other configuration change',
      'connection collision resolution',
      'out of resources',
      'hard reset',
      'BFD down',
    ],
  },
  7: { text: 'ROUTE-REFRESH error', subcodes: ['', 'invalid message length'] },
  8: { text: 'send hold timer expired', subcodes: [] },
};

const cease = 6;
const communicating = [2, 4];

/** One line without control characters: 'cease, administrative shutdown: "maintenance"'. */
export function notificationText({ code, subcode, data }: NotificationMessage): string {
  const known = codes[code];
  if (known === undefined) return `error ${code}, subcode ${subcode}`;
  const name = known.subcodes[subcode] || (subcode === 0 ? '' : `subcode ${subcode}`);
  const communication =
    code === cease && communicating.includes(subcode) ? shutdownCommunication(data) : undefined;
  return `${known.text}${name && `, ${name}`}${communication ? `: ${JSON.stringify(communication)}` : ''}`;
}

/**
 * What the other side's operator wrote (RFC 9003 section 2). What is not UTF-8 is shown as U+FFFD, and what a terminal would obey as a blank.
 * @returns undefined where there is none, or its length does not fit.
 */
export function shutdownCommunication(data: Uint8Array): string | undefined {
  const length = data[0] ?? 0;
  if (length === 0 || data.length !== 1 + length) return undefined;
  return new TextDecoder().decode(data.subarray(1)).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
