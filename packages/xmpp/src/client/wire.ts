// What carries a client's stream, whatever that is: bytes of XML in, serialised XML out, and an end. Knows no XMPP.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
} from 'node:tls';
import { XmppError } from '../errors.ts';

export interface WireEvents {
  /** The next wait begins. */
  progress: [step: 'header' | 'features' | 'starttls' | 'tls' | 'websocket'];
  /** The stream may begin: all that comes and goes is inside TLS, with a server that proved its name. */
  connect: [];
  data: [bytes: Uint8Array];
  error: [error: Error];
  /** The last event. */
  close: [];
}

export interface Wire extends EventEmitter<WireEvents> {
  /** Bytes that were written and that the network has not taken yet. */
  readonly unsent: number;
  /** Begins; once. */
  connect(): void;
  /** One header, element or end. */
  write(text: string): void;
  /** Nothing is read until `resume`. */
  pause(): void;
  resume(): void;
  /** Writes the last words and closes; resolves when it is closed, which takes about two seconds at the most. */
  finish(words: readonly string[]): Promise<void>;
  /** Closes at once. */
  destroy(): void;
}

/** Who proves what with which certificates; all of it PEM. */
export interface TlsIdentity {
  /** The server's certificate is checked against it. */
  readonly domain: string;
  /** The system's authorities when undefined. */
  readonly ca: string | undefined;
  /** Our own, where we have one. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/** The TLS that no attempt goes below. @throws XmppError 'tls' where one of the PEM texts cannot be used. */
export function tlsParameters({ domain, ca, certificate, key }: TlsIdentity): ConnectionOptions {
  return {
    secureContext: secureContext(ca, certificate, key),
    // The certificate must be the XMPP domain's, whatever the address is (RFC 7590, XEP-0368).
    checkServerIdentity: (_name, presented) => checkServerIdentity(domain, presented),
    ...(isIP(domain) ? {} : { servername: domain }),
    rejectUnauthorized: true,
  };
}

function secureContext(
  ca: string | undefined,
  cert: string | undefined,
  key: string | undefined,
): SecureContext {
  try {
    // Node takes a text without a certificate for none at all, and would trust the system's authorities instead.
    if (ca !== undefined) new X509Certificate(ca);
    if (cert !== undefined && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key ?? '')))
      throw new TypeError('the key is that of another certificate');
    return createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert, key }),
      minVersion: 'TLSv1.2',
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what =
      cert === undefined ? 'the CA certificates' : 'our certificate, its key or the CA certificates';
    throw new XmppError('tls', `${what} cannot be used: ${why}`, { cause });
  }
}
