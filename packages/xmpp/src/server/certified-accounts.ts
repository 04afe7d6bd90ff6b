// The accounts that a client's certificate stands for, once TLS has verified it (XEP-0178 section 3). What keeps a certificate from
// being used is told in the log: the client sees only that EXTERNAL is not offered.
import type { TLSSocket } from 'node:tls';
import type { Log } from '../log.ts';
import { type CertificateName, certificateNames } from './certificate-names.ts';

/** A name in a certificate; of JIDs only those of the server's domain, by their localpart. */
interface CertifiedName {
  readonly kind: 'account' | 'dns' | 'email' | 'common';
  readonly value: string;
}

/** The account that a name is for; undefined where it is for none. */
export type CertificateAccount = (name: CertifiedName) => string | undefined;

/** All of the first kind of name that is for any. None without a certificate. */
export function certifiedAccounts(
  socket: TLSSocket,
  domain: string,
  accountOf: CertificateAccount,
  log: Log,
): string[] {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return [];
  const { remoteAddress } = socket;
  if (!socket.authorized) {
    // A code of OpenSSL in spite of its type.
    const reason = String(socket.authorizationError);
    log.warn(
      { remoteAddress, reason },
      `XMPP: the certificate of a client is not to be trusted (${reason}); it needs its password`,
    );
    return [];
  }
  const names = namesIn(certificate.raw);
  for (const kind of ['xmpp', 'dns', 'email', 'common'] as const) {
    const found = names.flatMap((name) => {
      const meant = name.kind === kind ? certified(name, domain) : undefined;
      return (meant && accountOf(meant)) ?? [];
    });
    if (found.length > 0) return [...new Set(found)];
  }
  log.warn(
    { remoteAddress, names: names.slice(0, 8).map(({ value }) => value.slice(0, 64)) },
    'XMPP: the certificate of a client names no account; it needs its password',
  );
  return [];
}

function namesIn(certificate: Uint8Array): readonly CertificateName[] {
  try {
    return certificateNames(certificate);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [];
  }
}

function certified({ kind, value }: CertificateName, domain: string): CertifiedName | undefined {
  if (kind !== 'xmpp') return { kind, value };
  const at = value.lastIndexOf('@');
  if (at < 1 || value.slice(at + 1).toLowerCase() !== domain.toLowerCase()) return undefined;
  return { kind: 'account', value: value.slice(0, at) };
}
