// Names out of certificates that openssl made, and out of bytes that nobody should have made.
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { certificateNames } from '../src/server/certificate-names.ts';
import { derValues } from '../src/server/der.ts';
import { CertificateAuthority } from './support/certificates.ts';

const ca = new CertificateAuthority();
afterAll(() => ca.remove());

function der(name: string, alternativeName?: string): Uint8Array {
  return new X509Certificate(ca.leaf(name, 2, alternativeName).certificate).raw;
}

const XMPP = 'otherName:1.3.6.1.5.5.7.8.5';

test('all kinds, JIDs first', () => {
  const names = certificateNames(
    der(
      'host 1',
      `DNS:h1.example,email:ops@example,${XMPP};UTF8:h1@dc1.example,${XMPP};UTF8:h2@dc1.example,IP:10.0.0.1`,
    ),
  );
  expect(names).toEqual([
    { kind: 'xmpp', value: 'h1@dc1.example' },
    { kind: 'xmpp', value: 'h2@dc1.example' },
    { kind: 'dns', value: 'h1.example' },
    { kind: 'email', value: 'ops@example' },
    { kind: 'common', value: 'host 1' },
  ]);
});

test('a JID of another type, or an otherName of another kind, is none', () => {
  const other = `${XMPP};UTF8:h1@dc1.example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:h2@dc1.example`;
  expect(certificateNames(der('x', other))).toEqual([
    { kind: 'xmpp', value: 'h1@dc1.example' },
    { kind: 'common', value: 'x' },
  ]);
  expect(() => certificateNames(der('x', `${XMPP};IA5:h1@dc1.example`))).toThrow(RangeError);
});

test('a name that would end early for another reader is none', () => {
  const bytes = Buffer.from(der('x', 'DNS:h1.example.evil'));
  const at = bytes.indexOf('h1.example.evil');
  bytes[at + 'h1.example'.length] = 0;
  expect(certificateNames(bytes)).toEqual([{ kind: 'common', value: 'x' }]);
});

test('without alternative names there is the common one', () => {
  expect(certificateNames(new X509Certificate(ca.certificate).raw)).toEqual([
    { kind: 'common', value: 'test CA' },
  ]);
});

describe('bytes that are no certificate', () => {
  const good = der('x', `${XMPP};UTF8:h1@dc1.example`);

  test('are refused wherever they are cut', () => {
    for (let length = 0; length < good.length; length++)
      expect(() => certificateNames(good.subarray(0, length))).toThrow(RangeError);
    expect(() => certificateNames(Buffer.concat([good, good]))).toThrow(RangeError);
  });

  test('whatever they are, give names or a refusal', () => {
    const changed = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          for (const { value } of certificateNames(bytes)) expect(value).not.toMatch(/\p{Cc}/u);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ['an indefinite length', [0x30, 0x80, 0, 0]],
    ['a long form for a short length', [0x04, 0x81, 0x01, 0]],
    ['a zero in front of a length', [0x04, 0x82, 0x00, 0x80, ...Array<number>(128).fill(0)]],
    ['a length beyond reason', [0x04, 0x84, 0, 0, 0, 1, 0]],
    ['a tag of several bytes', [0x1f, 0x01, 0]],
    ['no length', [0x04]],
    ['a value that is cut', [0x04, 0x02, 0x00]],
  ])('%s is no DER', (_what, bytes) => {
    expect(() => derValues(Uint8Array.from(bytes))).toThrow(RangeError);
  });

  test('lengths are what they say', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 70_000 }), { maxLength: 4 }), (lengths) => {
        const encoded = lengths.map((length) => {
          const digits = length.toString(16).padStart(length < 256 ? 2 : length < 65_536 ? 4 : 6, '0');
          const head = length < 128 ? [length] : [0x80 + digits.length / 2, ...Buffer.from(digits, 'hex')];
          return Buffer.from([0x04, ...head, ...Array<number>(length).fill(7)]);
        });
        expect(derValues(Buffer.concat(encoded)).map(({ content }) => content.length)).toEqual(lengths);
      }),
      { numRuns: 30 },
    );
  });
});
