// SCRAM-SHA-256 in the shape that @xmpp/sasl takes mechanisms: strings there are binary, one character a byte.
import type { MechanismFactory } from '@xmpp/sasl';
import { XmppError } from '../errors.ts';
import { SCRAM_SHA_256, type ScramClient } from '../scram.ts';

/** A factory whose only mechanism goes through the exchange that `current` returns, once. */
export function scramFactory(current: () => ScramClient | undefined): MechanismFactory {
  return {
    _mechs: [{ name: SCRAM_SHA_256 }],
    create: () => {
      const scram = current();
      if (!scram) return null;
      let answer: string | undefined;
      return {
        name: SCRAM_SHA_256,
        clientFirst: true,
        response: () => toBinary(answer ?? scram.first()),
        challenge: async (message) => {
          // Each costs the key derivation that the server asks for.
          if (answer !== undefined) throw new XmppError('authentication', 'the server challenges twice');
          answer = '';
          answer = await scram.final(fromBinary(message));
        },
      };
    },
  };
}

function toBinary(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function fromBinary(binary: string): string {
  return Buffer.from(binary, 'latin1').toString('utf8');
}
