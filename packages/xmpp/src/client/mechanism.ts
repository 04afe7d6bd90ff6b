// How a client authenticates: which SASL mechanism, and each in the shape that @xmpp/sasl takes it, where strings are
// binary, one character a byte. Pure but for SCRAM's key derivation; never goes below what is configured.
import type { Mechanism, MechanismFactory } from '@xmpp/sasl';
import { XmppError } from '../errors.ts';
import { SCRAM_SHA_256, ScramClient } from '../scram.ts';

const MECHANISMS = ['EXTERNAL', SCRAM_SHA_256, 'PLAIN'] as const;
export type MechanismName = (typeof MECHANISMS)[number];

/** What the client could prove itself with. */
export interface Means {
  readonly certificate: boolean;
  readonly password: boolean;
  /** Whether the password may be shown to a server that offers nothing better. */
  readonly plain: boolean;
}

/**
 * EXTERNAL with a certificate, else SCRAM-SHA-256, else PLAIN where that is allowed; for a stream inside TLS.
 * @throws XmppError 'authentication' when the server offers none of those that may be used.
 */
export function chooseMechanism(offered: readonly string[], means: Means): MechanismName {
  const usable: MechanismName[] = [];
  if (means.certificate) usable.push('EXTERNAL');
  if (means.password) usable.push(SCRAM_SHA_256);
  if (means.password && means.plain) usable.push('PLAIN');
  const chosen = usable.find((name) => offered.includes(name));
  if (chosen !== undefined) return chosen;
  const others = offered.slice(0, 10).join(', ').slice(0, 200) || 'nothing';
  throw new XmppError(
    'authentication',
    `the server does not offer ${usable.join(' or ')} (it offers: ${others})`,
  );
}

/** One attempt by one mechanism. */
export interface Login extends Mechanism {
  /** Takes what came with success, in UTF-8. @throws XmppError 'authentication' when the server proves nothing. */
  verify(success: string): void;
}

/** The client's side of the exchange. */
export function loginWith(
  mechanism: MechanismName,
  account: string,
  domain: string,
  password: string,
): Login {
  if (mechanism === 'EXTERNAL') return externalLogin(`${account}@${domain}`);
  return mechanism === 'PLAIN' ? plainLogin(account, password) : scramLogin(account, password);
}

/** RFC 6120 section 6.3.8, XEP-0178: the certificate speaks; asked for is the identity of `jid`. */
function externalLogin(jid: string): Login {
  return singleMessage('EXTERNAL', jid);
}

/** RFC 4616. */
function plainLogin(account: string, password: string): Login {
  return singleMessage('PLAIN', `\0${account}\0${password}`);
}

function scramLogin(account: string, password: string): Login {
  const scram = new ScramClient(account, password);
  let answer: string | undefined;
  return {
    name: SCRAM_SHA_256,
    clientFirst: true,
    response: () => toBinary(answer ?? scram.first()),
    challenge: async (message) => {
      // Each costs the key derivation that the server asks for.
      if (answer !== undefined) throw new XmppError('authentication', 'the server challenges twice');
      answer = '';
      answer = await scram.final(Buffer.from(message, 'latin1').toString());
    },
    verify: (success) => scram.verify(success),
  };
}

function singleMessage(name: MechanismName, message: string): Login {
  return {
    name,
    clientFirst: true,
    response: () => toBinary(message),
    challenge: () => {
      throw new XmppError('authentication', `the server challenges, which ${name} has not`);
    },
    // TLS has proved the server already; that it knows the account too is SCRAM's alone.
    verify: () => {},
  };
}

/** The factory whose only mechanism is that of `current`. */
export function loginFactory(current: () => Login | undefined): MechanismFactory {
  return { _mechs: MECHANISMS.map((name) => ({ name })), create: () => current() ?? null };
}

function toBinary(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
