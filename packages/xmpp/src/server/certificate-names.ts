// Whom a client's certificate names (RFC 5280 section 4.2.1.6, RFC 6120 section 13.7.1.4), out of its DER: what Node makes of it
// leaves the JID out and puts names into one text. Never verifies: whether the certificate may be believed is TLS's to know.
import { isUtf8 } from 'node:buffer';
import { type DerValue, derValues } from './der.ts';

export interface CertificateName {
  /** An id-on-xmppAddr, a dNSName, an rfc822Name, or a common name of the subject. */
  readonly kind: 'xmpp' | 'dns' | 'email' | 'common';
  readonly value: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OID = 0x06;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const EXPLICIT_0 = 0xa0;
const EXTENSIONS = 0xa3;

const SUBJECT_ALT_NAME = '551d11';
const COMMON_NAME = '550403';
/** 1.3.6.1.5.5.7.8.5 */
const ON_XMPP_ADDR = '2b06010505070805';

/** serialNumber, signature, issuer, validity; then the subject. */
const BEFORE_SUBJECT = 4;

const ORDER = ['xmpp', 'dns', 'email', 'common'] as const;

/**
 * JIDs first, then host names, addresses of mail, common names; each kind in the order of the certificate.
 * @param certificate one in DER.
 * @throws RangeError where it is none.
 */
export function certificateNames(certificate: Uint8Array): CertificateName[] {
  const [tbs] = inside(only(derValues(certificate), SEQUENCE));
  const fields = inside(is(tbs, SEQUENCE)).filter(({ tag }) => tag !== EXPLICIT_0);
  const subject = is(fields[BEFORE_SUBJECT], SEQUENCE);
  const names = [...commonNames(subject), ...alternativeNames(fields.find(({ tag }) => tag === EXTENSIONS))];
  // A name with a control character in it is one for a reader that stops there.
  const clean = names.filter(({ value }) => value !== '' && !/\p{Cc}/u.test(value));
  return clean.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function* commonNames(subject: DerValue): Generator<CertificateName> {
  for (const set of inside(subject))
    for (const attribute of inside(is(set, SET))) {
      const [type, value] = inside(is(attribute, SEQUENCE));
      if (oid(type) === COMMON_NAME) yield* named('common', value, [UTF8_STRING, PRINTABLE_STRING]);
    }
}

function* alternativeNames(extensions: DerValue | undefined): Generator<CertificateName> {
  if (extensions === undefined) return;
  for (const extension of inside(only(inside(extensions), SEQUENCE))) {
    const parts = inside(is(extension, SEQUENCE));
    if (oid(parts[0]) !== SUBJECT_ALT_NAME) continue;
    const octets = is(parts.at(-1), OCTET_STRING);
    for (const name of inside(only(inside(octets), SEQUENCE))) {
      if (name.tag === 0x81) yield* named('email', name, [0x81]);
      else if (name.tag === 0x82) yield* named('dns', name, [0x82]);
      else if (name.tag === EXPLICIT_0) yield* otherName(name);
    }
  }
}

function* otherName(name: DerValue): Generator<CertificateName> {
  const [type, value] = inside(name);
  if (oid(type) !== ON_XMPP_ADDR) return;
  yield* named('xmpp', only(inside(is(value, EXPLICIT_0)), UTF8_STRING), [UTF8_STRING]);
}

/** None where the text is of a type that is not understood. */
function* named(
  kind: CertificateName['kind'],
  text: DerValue | undefined,
  tags: readonly number[],
): Generator<CertificateName> {
  if (text !== undefined && tags.includes(text.tag) && isUtf8(text.content))
    yield { kind, value: Buffer.from(text.content).toString() };
}

function inside({ content }: DerValue): DerValue[] {
  return derValues(content);
}

function only(values: readonly DerValue[], tag: number): DerValue {
  if (values.length !== 1) throw new RangeError('more or less than one value');
  return is(values[0], tag);
}

function is(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag !== tag) throw new RangeError(`no value of type ${tag}`);
  return value;
}

function oid(value: DerValue | undefined): string {
  return Buffer.from(is(value, OID).content).toString('hex');
}
