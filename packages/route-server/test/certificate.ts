// A certificate for a domain, its own CA, good for two days.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes `rs.pem` and `rs.key` into a directory; returns their PEM. */
export function writeCertificate(directory: string, domain: string): { certificate: string; key: string } {
  const certificateFile = join(directory, 'rs.pem');
  const keyFile = join(directory, 'rs.key');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', keyFile, '-out', certificateFile, '-subj', `/CN=${domain}`],
      ...['-addext', `subjectAltName=DNS:${domain}`],
    ],
    { stdio: 'pipe' },
  );
  return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
