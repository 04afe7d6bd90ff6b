// A certificate for a domain, with that of the CA that signed it.
import { CertificateAuthority } from '../test/support/certificates.ts';

/** @returns PEM of both; the certificates can be shown, and trusted. */
export function certificate(domain: string): { readonly certificate: string; readonly key: string } {
  const authority = new CertificateAuthority();
  try {
    const { certificate, key } = authority.leaf(domain);
    return { certificate: certificate + authority.certificate, key };
  } finally {
    authority.remove();
  }
}
