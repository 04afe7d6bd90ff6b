import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { XmppError } from '../src/errors.ts';
import {
  decoyCredentials,
  parseClientFirst,
  ScramClient,
  type ScramCredentials,
  ScramServer,
  scramCredentials,
} from '../src/scram.ts';

// The example of RFC 7677 section 3.
const CLIENT_NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const SERVER_FIRST = `r=${CLIENT_NONCE}${SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const CLIENT_FINAL = `c=biws,r=${CLIENT_NONCE}${SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

function begin(first: string, credentials: ScramCredentials): ScramServer {
  const parsed = parseClientFirst(first);
  if (!parsed) throw new Error('malformed');
  return new ScramServer(parsed, credentials);
}

async function exchange(client: ScramClient, credentials: ScramCredentials): Promise<'success' | 'failure'> {
  const server = begin(client.first(), credentials);
  const result = server.finish(await client.final(server.challenge));
  if ('failure' in result) return 'failure';
  client.verify(result.success);
  return 'success';
}

describe('SCRAM-SHA-256', () => {
  test('the client of RFC 7677', async () => {
    const client = new ScramClient('user', 'pencil', CLIENT_NONCE);
    expect(client.first()).toBe(`n,,n=user,r=${CLIENT_NONCE}`);
    expect(await client.final(SERVER_FIRST)).toBe(CLIENT_FINAL);
    expect(() => client.verify(SERVER_FINAL)).not.toThrow();
  });

  test('the server of RFC 7677', () => {
    const first = parseClientFirst(`n,,n=user,r=${CLIENT_NONCE}`);
    expect(first).toMatchObject({ account: 'user', authorisation: '' });
    if (!first) return;
    const server = new ScramServer(first, scramCredentials('pencil', { salt: SALT }), SERVER_NONCE);
    expect(server.challenge).toBe(SERVER_FIRST);
    expect(server.finish(CLIENT_FINAL)).toEqual({ success: SERVER_FINAL });
  });

  test('any name and password agree with themselves, and with no other password', async () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(word, word, word, async (name, password, other) => {
        const credentials = scramCredentials(password);
        const client = new ScramClient(name, password);
        expect(parseClientFirst(client.first())?.account).toBe(name);
        expect(await exchange(client, credentials)).toBe('success');
        if (other.normalize('NFKC') !== password.normalize('NFKC'))
          expect(await exchange(new ScramClient(name, other), credentials)).toBe('failure');
      }),
      { numRuns: 20 },
    );
  });

  test('a decoy looks like an account whose password is always wrong', async () => {
    const secret = Buffer.alloc(32, 1);
    const decoy = decoyCredentials('ghost', secret);
    expect(decoyCredentials('ghost', secret).salt).toEqual(decoy.salt);
    expect(decoyCredentials('other', secret).salt).not.toEqual(decoy.salt);
    const real = scramCredentials('x');
    expect(decoy.iterations).toBe(real.iterations);
    expect(decoy.salt).toHaveLength(real.salt.length);
    expect(await exchange(new ScramClient('ghost', 'x'), decoy)).toBe('failure');
  });

  test.each([
    ['another nonce', 'r=other,s=AAAA,i=4096'],
    ["the client's nonce alone", `r=${CLIENT_NONCE},s=AAAA,i=4096`],
    ['too few iterations', SERVER_FIRST.replace('4096', '1')],
    ['too many iterations', SERVER_FIRST.replace('4096', '999999999')],
    ['nothing', ''],
  ])('the client refuses %s', async (_what, challenge) => {
    const client = new ScramClient('user', 'pencil', CLIENT_NONCE);
    await expect(client.final(challenge)).rejects.toThrow(XmppError);
  });

  test.each([
    ['a wrong proof', SERVER_FINAL.replace('6rri', 'AAAA')],
    ['none', ''],
    ['an error', 'e=other-error'],
  ])("the client does not take %s as the server's proof", async (_what, text) => {
    const client = new ScramClient('user', 'pencil', CLIENT_NONCE);
    await client.final(SERVER_FIRST);
    expect(() => client.verify(text)).toThrow(/did not prove/);
  });

  test('the client takes no proof before the challenge', () => {
    expect(() => new ScramClient('user', 'pencil').verify('v=')).toThrow(/did not prove/);
  });

  test.each([
    ['channel binding', 'p=tls-exporter,,n=user,r=abc'],
    ['an extension that must be understood', 'n,,m=x,n=user,r=abc'],
    ['no nonce', 'n,,n=user'],
    ['an endless nonce', `n,,n=user,r=${'x'.repeat(300)}`],
    ['a bad escape', 'n,,n=us=er,r=abc'],
    ['nothing', ''],
  ])('the server refuses %s', (_what, message) => {
    expect(parseClientFirst(message)).toBeUndefined();
  });

  test('the server refuses a changed nonce, header or proof', () => {
    const message = `n,,n=user,r=${CLIENT_NONCE}`;
    const finish = (text: string): unknown => {
      const first = parseClientFirst(message);
      const credentials = scramCredentials('pencil', { salt: SALT });
      return first && new ScramServer(first, credentials, SERVER_NONCE).finish(text);
    };
    expect(finish(CLIENT_FINAL.replace('c=biws', 'c=eSws'))).toEqual({ failure: 'malformed-request' });
    expect(finish(CLIENT_FINAL.replace('p=dHzb', 'p=AAAA'))).toEqual({ failure: 'not-authorized' });
    expect(finish(CLIENT_FINAL.replace(/p=.*/, 'p=AA=='))).toEqual({ failure: 'not-authorized' });
    expect(finish('nonsense')).toEqual({ failure: 'malformed-request' });
  });

  test('the server refuses a nonce that is not of its challenge, even with the right proof for it', () => {
    const first = parseClientFirst(`n,,n=user,r=${CLIENT_NONCE}`);
    if (!first) throw new Error('malformed');
    const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest();
    const clientKey = hmac(pbkdf2Sync('pencil', SALT, 4096, 32, 'sha256'), 'Client Key');
    const final = (nonce: string): string => {
      const signed = `${first.bare},${SERVER_FIRST},c=biws,r=${nonce}`;
      const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
      return `c=biws,r=${nonce},p=${proof.toString('base64')}`;
    };
    const server = new ScramServer(first, scramCredentials('pencil', { salt: SALT }), SERVER_NONCE);
    expect(server.finish(final(`${CLIENT_NONCE}${SERVER_NONCE}`))).toEqual({ success: SERVER_FINAL });
    expect(server.finish(final(`${CLIENT_NONCE}other`))).toEqual({ failure: 'not-authorized' });
  });
});
