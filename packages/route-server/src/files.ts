// Files that the configuration names, read while it is checked: what is wrong with one is reported with the line that names it.
// Keeps of a password only what SCRAM needs; puts no secret into a message.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ConfigError, readSecret, readText } from '@hostpe/daemon';
import { scramCredentials } from '@hostpe/xmpp';
import { z } from 'zod';

export const path = z.string().regex(/^\//, { error: 'is not an absolute path', abort: true });

/** The path of a file with a password; becomes what a server keeps of it. */
export const passwordFile = path.transform(
  contentBy(async (file) => scramCredentials(await readSecret(file))),
);

/** The paths of a certificate, of its private key, and of what clients' certificates are signed by; become their PEM. */
export const certificateFiles = z
  .strictObject({
    certificate: path.transform(contentBy(readText)),
    key: path.transform(contentBy(readSecret)),
    'client-ca': path
      .transform(contentBy(readText))
      .refine(isAuthorities, 'is not a certificate in PEM')
      .optional(),
  })
  .superRefine(({ certificate, key }, context) => {
    const problem = (at: string, what: string, facts: { cert: string; key?: string }) => {
      try {
        createSecureContext(facts);
        return false;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        context.addIssue({ code: 'custom', path: [at], message: `${what}: ${reason}`, continue: false });
        return true;
      }
    };
    if (!problem('certificate', 'is not a certificate in PEM', { cert: certificate }))
      problem('key', 'is not the key of the certificate', { cert: certificate, key });
  });

/** Whether a text holds certificates in PEM, and no broken one. */
function isAuthorities(pem: string): boolean {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    return certificates.map((certificate) => new X509Certificate(certificate)).length > 0;
  } catch {
    return false;
  }
}

/** What `read` makes of a file; its ConfigError becomes a problem of the configuration. */
export function contentBy<T>(read: (file: string) => Promise<T>) {
  return async (file: string, context: z.RefinementCtx): Promise<T> => {
    try {
      return await read(file);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      context.addIssue({ code: 'custom', message: error.message, continue: false });
      return z.NEVER;
    }
  };
}
