// SCRAM-SHA-256, both sides of the exchange as pure messages (RFC 5802, RFC 7677), without channel binding.
// Never sends; never keeps a password longer than the exchange. Messages are UTF-8 strings, not yet in Base64.
import { createHash, createHmac, pbkdf2, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { XmppError } from './errors.ts';

export const SCRAM_SHA_256 = 'SCRAM-SHA-256';

/** What a server keeps instead of a password. */
export interface ScramCredentials {
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

const HASH_BYTES = 32;
/** RFC 7677 section 4: the least that may be used. */
const MIN_ITERATIONS = 4096;
/** A server must not keep us computing for ever. */
const MAX_ITERATIONS = 1_000_000;
const MAX_NONCE = 256;

const GS2_NO_BINDING = 'n,,';
const GS2_HEADER = /^(?:([ny])|p=[^,]*),(?:a=([^,]*))?,/;
const CLIENT_FIRST = /^n=([^,]+),r=([!-+\--~]+)(?:,|$)/;
const CLIENT_FINAL = /^(c=([^,]+),r=([!-+\--~]+)(?:,.*)?),p=([A-Za-z0-9+/]+=*)$/s;
const SERVER_FIRST = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]*)(?:,|$)/;
const SERVER_FINAL = /^v=([A-Za-z0-9+/]+=*)(?:,|$)/;

/** Derives what a server keeps from a password; a random salt unless one is given. Takes milliseconds of CPU. */
export function scramCredentials(
  password: string,
  options: { iterations?: number; salt?: Uint8Array } = {},
): ScramCredentials {
  const { iterations = MIN_ITERATIONS, salt = randomBytes(16) } = options;
  const salted = pbkdf2Sync(prepared(password), salt, iterations, HASH_BYTES, 'sha256');
  return { iterations, salt, ...keys(salted) };
}

/** Whether a password is the one of these credentials. Takes milliseconds of CPU, not of the event loop. */
export async function isPasswordOf(credentials: ScramCredentials, password: string): Promise<boolean> {
  const { salt, iterations, storedKey } = credentials;
  const salted = await promisify(pbkdf2)(prepared(password), salt, iterations, HASH_BYTES, 'sha256');
  return equal(keys(salted).storedKey, storedKey);
}

/**
 * Credentials that no password fits, for an account that does not exist: the exchange with it looks like any other.
 * The same account has the same salt for as long as `secret` is the same.
 */
export function decoyCredentials(account: string, secret: Uint8Array): ScramCredentials {
  return {
    iterations: MIN_ITERATIONS,
    salt: hmac(secret, account).subarray(0, 16),
    storedKey: randomBytes(HASH_BYTES),
    serverKey: randomBytes(HASH_BYTES),
  };
}

/** The client's side. Methods in the order of the exchange; each throws XmppError 'authentication'. */
export class ScramClient {
  readonly #password: string;
  readonly #firstBare: string;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(account: string, password: string, nonce = newNonce()) {
    this.#password = password;
    this.#nonce = nonce;
    this.#firstBare = `n=${account.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  }

  first(): string {
    return GS2_NO_BINDING + this.#firstBare;
  }

  /** Answers the server's first message. */
  async final(serverFirst: string): Promise<string> {
    const [, nonce = '', salt = '', count = ''] = SERVER_FIRST.exec(serverFirst) ?? [];
    if (nonce.length <= this.#nonce.length || !nonce.startsWith(this.#nonce))
      throw new XmppError('authentication', "the server's SCRAM challenge does not answer ours");
    const iterations = Number(count);
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)
      throw new XmppError('authentication', `the server asks for ${count} SCRAM iterations`);
    const salted = await promisify(pbkdf2)(
      prepared(this.#password),
      Buffer.from(salt, 'base64'),
      iterations,
      HASH_BYTES,
      'sha256',
    );
    const withoutProof = `c=${toBase64(GS2_NO_BINDING)},r=${nonce}`;
    const message = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const { storedKey, serverKey } = keys(salted);
    this.#serverSignature = hmac(serverKey, message);
    return `${withoutProof},p=${xor(clientKey, hmac(storedKey, message)).toString('base64')}`;
  }

  /** Checks that the server knows the password too: without that, success means nothing. */
  verify(serverFinal: string): void {
    const [, signature = ''] = SERVER_FINAL.exec(serverFinal) ?? [];
    if (!this.#serverSignature || !equal(Buffer.from(signature, 'base64'), this.#serverSignature))
      throw new XmppError('authentication', 'the server did not prove that it knows the password');
  }
}

/** RFC 6120 section 6.5. */
export type SaslCondition = 'malformed-request' | 'invalid-authzid' | 'not-authorized';

export interface ClientFirst {
  readonly account: string;
  /** The identity asked for; an empty one is the account's. */
  readonly authorisation: string;
  readonly header: string;
  readonly bare: string;
  readonly nonce: string;
}

/** Reads a client's first message; undefined when it is malformed, which a demand for channel binding is here. */
export function parseClientFirst(message: string): ClientFirst | undefined {
  const [header = '', flag, authorisation = ''] = GS2_HEADER.exec(message) ?? [];
  const bare = message.slice(header.length);
  const [, name = '', nonce = ''] = CLIENT_FIRST.exec(bare) ?? [];
  if (flag === undefined || nonce === '' || nonce.length > MAX_NONCE || /=(?!2C|3D)/.test(name))
    return undefined;
  const account = name.replaceAll('=2C', ',').replaceAll('=3D', '=');
  return { account, authorisation, header, bare, nonce };
}

/** The server's side, once the account's credentials are known. */
export class ScramServer {
  readonly #first: ClientFirst;
  readonly #credentials: ScramCredentials;
  readonly #nonce: string;
  readonly challenge: string;

  constructor(first: ClientFirst, credentials: ScramCredentials, nonce = newNonce()) {
    this.#first = first;
    this.#credentials = credentials;
    this.#nonce = first.nonce + nonce;
    const salt = Buffer.from(credentials.salt).toString('base64');
    this.challenge = `r=${this.#nonce},s=${salt},i=${credentials.iterations}`;
  }

  /** Checks the client's proof; the server's own proof when it is right. */
  finish(clientFinal: string): { readonly success: string } | { readonly failure: SaslCondition } {
    const [, withoutProof = '', binding = '', nonce = '', proof = ''] = CLIENT_FINAL.exec(clientFinal) ?? [];
    if (withoutProof === '' || binding !== toBase64(this.#first.header))
      return { failure: 'malformed-request' };
    const message = `${this.#first.bare},${this.challenge},${withoutProof}`;
    const { storedKey, serverKey } = this.#credentials;
    const clientKey = xor(hmac(storedKey, message), Buffer.from(proof, 'base64'));
    const right = equal(createHash('sha256').update(clientKey).digest(), storedKey);
    if (nonce !== this.#nonce || !right) return { failure: 'not-authorized' };
    return { success: `v=${hmac(serverKey, message).toString('base64')}` };
  }
}

/** RFC 5802 asks for SASLprep; for all that people type that is NFKC. */
function prepared(password: string): string {
  return password.normalize('NFKC');
}

function keys(salted: Uint8Array): { storedKey: Buffer; serverKey: Buffer } {
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  return { storedKey, serverKey: hmac(salted, 'Server Key') };
}

function hmac(key: Uint8Array, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function newNonce(): string {
  return randomBytes(18).toString('base64');
}
