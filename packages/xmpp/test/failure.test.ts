// What an operator reads when an attempt fails.
import { describe, expect, test } from 'vitest';
import { connectionClosed, failureOf, type Step, stepTimeout } from '../src/client/failure.ts';
import { XmppError } from '../src/errors.ts';

const withCode = (code: string, message = 'a message', facts: object = {}): Error =>
  Object.assign(new Error(message), { code, ...facts });
const words = ({ code, message }: XmppError): string => `${code}: ${message}`;

describe('an error', () => {
  test.each<[Step, Error, string]>([
    ['connect', withCode('ECONNREFUSED'), 'connect: cannot connect: ECONNREFUSED'],
    ['tls', withCode('CERT_HAS_EXPIRED'), "tls: the server's certificate has expired (CERT_HAS_EXPIRED)"],
    [
      'tls',
      withCode('SELF_SIGNED_CERT_IN_CHAIN'),
      "tls: the server's certificate is signed by an unknown CA (SELF_SIGNED_CERT_IN_CHAIN)",
    ],
    [
      'tls',
      withCode('ERR_TLS_CERT_ALTNAME_INVALID', 'x', { cert: { subjectaltname: 'DNS:dc2.example' } }),
      "tls: the server's certificate is not for this domain but for DNS:dc2.example (ERR_TLS_CERT_ALTNAME_INVALID)",
    ],
    [
      'tls',
      withCode('ERR_TLS_CERT_ALTNAME_INVALID', 'x', { cert: {} }),
      "tls: the server's certificate is not for this domain (ERR_TLS_CERT_ALTNAME_INVALID)",
    ],
    [
      'tls',
      withCode('ERR_SSL_WRONG_VERSION_NUMBER'),
      'tls: the server answers the TLS handshake in plaintext (ERR_SSL_WRONG_VERSION_NUMBER)',
    ],
    ['tls', withCode('ERR_SSL_NO_CIPHER_MATCH'), 'tls: TLS handshake failed: ERR_SSL_NO_CIPHER_MATCH'],
    ['header', withCode('ECONNRESET'), 'closed: the connection was lost: ECONNRESET (stream header)'],
    ['websocket', new Error('not found'), 'connect: no WebSocket for XMPP at the server: not found'],
    ['features', new Error('odd'), 'stream: not understood: odd (stream features)'],
  ])('at %s: %s', (step, error, expected) => {
    expect(words(failureOf(step, error))).toBe(expected);
  });

  test.each([
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  ])('of our certificate, whenever it comes: %s', (code) => {
    for (const step of ['tls', 'header'] as const)
      expect(words(failureOf(step, withCode(code)))).toBe(
        `tls: the server refused our certificate, or misses one (${code})`,
      );
  });

  test.each([
    ['not-authorized', ' (wrong password or certificate, or an account that it does not know)'],
    ['temporary-auth-failure', ' (for the time being)'],
    ['something-new', ''],
  ])('of the account: %s', (condition, more) => {
    const error = Object.assign(new Error('x'), { name: 'SASLError', condition });
    const failure = failureOf('authentication', error);
    expect(words(failure)).toBe(`authentication: the server refused the account: ${condition}${more}`);
    expect(failure.condition).toBe(condition);
  });

  test('that has its words already keeps them', () => {
    const error = new XmppError('tls', 'the server does not offer STARTTLS');
    expect(failureOf('starttls', error)).toBe(error);
  });
});

test.each<[Step, string, string]>([
  ['connect', 'connect', 'TCP connection'],
  ['starttls', 'tls', 'STARTTLS'],
  ['tls', 'tls', 'TLS handshake'],
  ['websocket', 'connect', 'WebSocket handshake'],
  ['header', 'closed', 'stream header'],
  ['binding', 'closed', 'resource binding'],
  ['session', 'closed', 'session'],
])('silence and end at %s', (step, code, name) => {
  expect(words(stepTimeout(step, 10_000))).toBe(`timeout: no answer within 10 s (${name})`);
  expect(words(connectionClosed(step))).toBe(`${code}: the server closed the connection (${name})`);
});
