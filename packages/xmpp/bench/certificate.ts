// A certificate for a domain, its own CA, good for two days.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @returns PEM of both. */
export function certificate(domain: string): { readonly certificate: string; readonly key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'hostpe-bench-'));
  const [certificateFile, keyFile] = [join(folder, 'rs.pem'), join(folder, 'rs.key')];
  try {
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
  } finally {
    rmSync(folder, { recursive: true });
  }
}
