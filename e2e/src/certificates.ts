// Makes a certificate authority and the route server's certificate with openssl. For labs only: keys lie in the lab's folder.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '@hostpe/netns-lab';

export interface Certificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** @returns paths of the PEM files, valid for `domain`, a day long. */
export async function makeCertificates(host: Host, folder: string, domain: string): Promise<Certificates> {
  const path = (name: string) => join(folder, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await host.run('openssl', [
    ...['req', '-x509', ...newKey, '-keyout', path('ca.key'), '-out', path('ca.pem')],
    ...['-subj', '/CN=hostpe lab CA', '-days', '1', '-addext', 'basicConstraints=critical,CA:TRUE'],
  ]);
  await host.run('openssl', [
    'req',
    ...newKey,
    '-keyout',
    path('rs.key'),
    '-out',
    path('rs.csr'),
    '-subj',
    '/CN=route server',
  ]);
  await writeFile(path('rs.ext'), `subjectAltName=DNS:${domain}\nextendedKeyUsage=serverAuth\n`);
  await host.run('openssl', [
    ...[
      'x509',
      '-req',
      '-in',
      path('rs.csr'),
      '-CA',
      path('ca.pem'),
      '-CAkey',
      path('ca.key'),
      '-CAcreateserial',
    ],
    ...['-out', path('rs.pem'), '-days', '1', '-extfile', path('rs.ext')],
  ]);
  return { ca: path('ca.pem'), certificate: path('rs.pem'), key: path('rs.key') };
}
