// A password, certificate or key as the client is given it: asked anew for each attempt, so that what was renewed is used
// by the next one. Never keeps what it got.
import { XmppError } from '../errors.ts';

export type Credential = string | (() => string | Promise<string>);

/** What it is now; undefined where there is none. @throws XmppError `code` when it cannot be had. */
export async function present(
  credential: Credential | undefined,
  what: string,
  code: 'authentication' | 'tls',
): Promise<string | undefined> {
  if (typeof credential !== 'function') return credential;
  try {
    return await credential();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new XmppError(code, `no ${what}: ${why}`, { cause });
  }
}
