// Certificates for tests, made anew by openssl: a CA, and leaves signed by it for any name and time.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class CertificateAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'hostpe-xmpp-'));
  readonly certificate: string;

  constructor() {
    const out = ['-keyout', this.#file('ca.key'), '-out', this.#file('ca.pem')];
    openssl('req', '-x509', ...NEW_KEY, ...out, '-days', '2', '-subj', '/CN=test CA');
    this.certificate = readFileSync(this.#file('ca.pem'), 'utf8');
  }

  /** `days` from now until it expires; negative: it has. */
  leaf(name: string, days = 2, alternativeName = `DNS:${name}`): Leaf {
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${alternativeName}`];
    openssl('req', ...NEW_KEY, '-keyout', this.#file('key'), '-out', this.#file('csr'), ...subject);
    const ca = ['-CA', this.#file('ca.pem'), '-CAkey', this.#file('ca.key'), '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', this.#file('csr'), ...ca, '-days', `${days}`, '-out', this.#file('pem'));
    return {
      certificate: readFileSync(this.#file('pem'), 'utf8'),
      key: readFileSync(this.#file('key'), 'utf8'),
    };
  }

  /** Of a client: it names an account (RFC 6120 section 13.7.1.4, id-on-xmppAddr). */
  leafOf(jid: string): Leaf {
    return this.leaf(jid, 2, `otherName:1.3.6.1.5.5.7.8.5;UTF8:${jid}`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: 'pipe' });
}
