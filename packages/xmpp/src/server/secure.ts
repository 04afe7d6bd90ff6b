// The TLS side of a listener: the certificate that it shows, and which certificates of clients it asks for. Never reads files.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { XmppError } from '../errors.ts';

/** PEM. */
export interface ServerTls {
  readonly certificate: string;
  readonly key: string;
  /** Authorities of clients' certificates, which are asked for only then. */
  readonly clientCa?: string;
}

/** What Node's servers take. A client without a certificate, or with a bad one, is let in: it may have a password. */
export interface SecureOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly minVersion: 'TLSv1.2';
  readonly requestCert: boolean;
  readonly rejectUnauthorized: false;
  readonly handshakeTimeout: number;
}

/**
 * @param handshakeTimeout in milliseconds.
 * @throws XmppError `tls` where the certificate, its key or the authorities cannot be used.
 */
export function secureOptions(tls: ServerTls, handshakeTimeout: number): SecureOptions {
  const { certificate, key, clientCa } = tls;
  try {
    // Node takes a file without a certificate, or an empty key, for none at all.
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
      throw new TypeError('the key is that of another certificate');
    createSecureContext({ cert: certificate, key });
    if (clientCa !== undefined) checkAuthorities(clientCa);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XmppError('tls', `the certificate, its key or the client CA cannot be used: ${why}`, { cause });
  }
  return {
    cert: certificate,
    key,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    requestCert: clientCa !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout,
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function checkAuthorities(pem: string): void {
  const certificates = pem.match(CERTIFICATE);
  if (certificates === null) throw new TypeError('the client CA holds no certificate in PEM');
  for (const certificate of certificates) new X509Certificate(certificate);
}
