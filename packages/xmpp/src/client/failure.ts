// What went wrong, in an operator's words: from Node's and the @xmpp packages' errors to XmppError. Pure.
import { Element } from 'ltx';
import { XmppError, type XmppErrorCode } from '../errors.ts';
import { NS_STANZA_ERRORS } from '../namespaces.ts';
import { stanzaErrorFrom } from '../stanza.ts';

/** Where an attempt is; each is one wait for the server. */
export type Step =
  | 'connect'
  | 'starttls'
  | 'tls'
  | 'websocket'
  | 'header'
  | 'features'
  | 'authentication'
  | 'binding'
  | 'session';

const STEPS: Readonly<Record<Step, string>> = {
  connect: 'TCP connection',
  starttls: 'STARTTLS',
  tls: 'TLS handshake',
  websocket: 'WebSocket handshake',
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

const CLOSED_AT: Readonly<Partial<Record<Step, XmppErrorCode>>> = {
  connect: 'connect',
  starttls: 'tls',
  tls: 'tls',
  websocket: 'connect',
};

/** The alerts by which a server says what is wrong with our certificate; in TLS 1.3 they come after the handshake. */
const CERTIFICATE_ALERT =
  /^ERR_SSL_[\w/]*ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;
/** What OpenSSL makes of a server that speaks first, or in plaintext. */
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/;

export function stepTimeout(step: Step, timeout: number): XmppError {
  return new XmppError('timeout', `no answer within ${timeout / 1000} s (${STEPS[step]})`);
}

export function connectionClosed(step: Step): XmppError {
  return new XmppError(CLOSED_AT[step] ?? 'closed', `the server closed the connection (${STEPS[step]})`);
}

/** Any error of an attempt as the one that it means at `step`. */
export function failureOf(step: Step, error: unknown): XmppError {
  if (error instanceof XmppError) return error;
  const { name, code, message, condition } = facts(error);
  if (name === 'SASLError')
    return new XmppError('authentication', refusedAccount(condition ?? message), {
      cause: error,
      ...(condition === undefined ? {} : { condition }),
    });
  if (code !== undefined && CERTIFICATE_ALERT.test(code))
    return new XmppError('tls', `the server refused our certificate, or misses one (${code})`, {
      cause: error,
    });
  if (step === 'websocket')
    return new XmppError('connect', `no WebSocket for XMPP at the server: ${message}`, { cause: error });
  if (step === 'connect')
    return new XmppError('connect', `cannot connect: ${code ?? message}`, { cause: error });
  if (step === 'tls') return new XmppError('tls', tlsFault(code, message, error), { cause: error });
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

/** @xmpp/iq takes the first child of an error without looking whether there is one. */
export function mendError(iq: Element): void {
  const error = iq.getChild('error') ?? iq.c('error', { type: 'cancel' });
  if (error.getChildElements().length === 0) error.c('undefined-condition', { xmlns: NS_STANZA_ERRORS });
}

/** RFC 6120 section 6.5, as far as there is more to say. */
const REFUSALS: Readonly<Record<string, string>> = {
  'not-authorized': 'wrong password or certificate, or an account that it does not know',
  'invalid-authzid': 'our certificate is not that of the account',
  'account-disabled': 'the account is disabled there',
  'credentials-expired': 'the password has expired there',
  'temporary-auth-failure': 'for the time being',
};

function refusedAccount(condition: string): string {
  const words = REFUSALS[condition];
  return `the server refused the account: ${condition}${words === undefined ? '' : ` (${words})`}`;
}

function tlsFault(code: string | undefined, message: string, error: unknown): string {
  const fault = code === undefined ? undefined : CERTIFICATE_FAULTS[code];
  if (fault !== undefined) return `the server's certificate ${fault}${otherNames(error)} (${code})`;
  if (code !== undefined && NOT_TLS.test(code))
    return `the server answers the TLS handshake in plaintext (${code})`;
  return `TLS handshake failed: ${code ?? message}`;
}

/** Whose the certificate is, where it is somebody else's. */
function otherNames(error: unknown): string {
  const certificate: unknown = error instanceof Error && 'cert' in error ? error.cert : undefined;
  const names: unknown = certificate instanceof Object && Reflect.get(certificate, 'subjectaltname');
  return typeof names === 'string' && names !== '' ? ` but for ${names.slice(0, 200)}` : '';
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
