// What ends a stream that breaks the rules: one error, with the condition of RFC 6120 section 4.9.3 that is told to the peer.
import { XmppError } from '../errors.ts';

type Condition = 'not-well-formed' | 'restricted-xml' | 'policy-violation' | 'unsupported-encoding';

export function refuse(condition: Condition, what: string): never {
  throw new XmppError('stream', what, { condition });
}

/** @param byte what was found in place of `expected`. */
export function refuseByte(byte: number, expected: string): never {
  const shown = byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16)}`;
  refuse('not-well-formed', `${shown} in place of ${expected}`);
}
