// What went wrong, in an operator's words: from Node's and the @xmpp packages' errors to XmppError. Pure.
import { Element } from 'ltx';
import { XmppError, type XmppErrorCode } from '../errors.ts';
import { stanzaErrorFrom } from '../stanza.ts';

/** Where an attempt is; each is one wait for the server. */
export type Step = 'connect' | 'tls' | 'header' | 'features' | 'authentication' | 'binding' | 'session';

const STEPS: Readonly<Record<Step, string>> = {
  connect: 'TCP connection',
  tls: 'TLS handshake',
  header: 'stream header',
  features: 'stream features',
  authentication: 'authentication',
  binding: 'resource binding',
  session: 'session',
};

const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is not for this domain',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by an unknown CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by an unknown CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by an unknown CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by an unknown CA',
};

export function stepTimeout(step: Step, timeout: number): XmppError {
  return new XmppError('timeout', `no answer within ${timeout / 1000} s (${STEPS[step]})`);
}

export function connectionClosed(step: Step): XmppError {
  const code: XmppErrorCode = step === 'connect' || step === 'tls' ? step : 'closed';
  return new XmppError(code, `the server closed the connection (${STEPS[step]})`);
}

/** Any error of an attempt as the one that it means at `step`. */
export function failureOf(step: Step, error: unknown): XmppError {
  if (error instanceof XmppError) return error;
  const { name, code, message, condition } = facts(error);
  if (name === 'SASLError')
    return new XmppError('authentication', `the server refused the account: ${condition ?? message}`, {
      cause: error,
      ...(condition === undefined ? {} : { condition }),
    });
  if (step === 'connect')
    return new XmppError('connect', `cannot connect: ${code ?? message}`, { cause: error });
  if (step === 'tls') return new XmppError('tls', tlsFault(code, message), { cause: error });
  if (code !== undefined)
    return new XmppError('closed', `the connection was lost: ${code} (${STEPS[step]})`, { cause: error });
  return new XmppError('stream', `not understood: ${message} (${STEPS[step]})`, {
    cause: error,
    condition: 'undefined-condition',
  });
}

/** Why a request has no result: the server's own error, or what became of the stream. */
export function requestFailure(error: unknown, timeout: number): Error {
  if (error instanceof XmppError) return error;
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') return new XmppError('timeout', `no answer within ${timeout / 1000} s`);
  const element: unknown = error instanceof Error && Reflect.get(error, 'element');
  const iq = element instanceof Element ? element.parent : null;
  if (iq) return stanzaErrorFrom(iq);
  return new XmppError('stanza', 'the answer is not understood', { cause: error });
}

function tlsFault(code: string | undefined, message: string): string {
  const fault = code === undefined ? undefined : CERTIFICATE_FAULTS[code];
  if (fault !== undefined) return `the server's certificate ${fault} (${code})`;
  return `TLS handshake failed: ${code ?? message}`;
}

interface ErrorFacts {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly condition: string | undefined;
}

function facts(error: unknown): ErrorFacts {
  if (!(error instanceof Error))
    return { name: '', message: String(error), code: undefined, condition: undefined };
  const text = (key: string): string | undefined => {
    const value: unknown = Reflect.get(error, key);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    name: error.name,
    message: error.message.slice(0, 200),
    code: text('code'),
    condition: text('condition'),
  };
}
