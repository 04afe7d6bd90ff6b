// The errors of XMPP streams and stanzas. Owns no wording of the protocol's own conditions: they are RFC 6120's names.

export type XmppErrorCode =
  /** The peer could not be reached: name resolution, TCP. */
  | 'connect'
  /** The TLS handshake failed: certificate, name, protocol, or no TLS at all. */
  | 'tls'
  /** SASL failed: wrong password, no common mechanism, or a server that does not know the password itself. */
  | 'authentication'
  /** The stream broke its rules, or the peer says that we did. */
  | 'stream'
  /** A stanza could not be understood. */
  | 'stanza'
  /** The peer did not answer in time. */
  | 'timeout'
  /** The stream is not, or no longer, there. */
  | 'closed'
  /** The server cannot listen. */
  | 'listen';

/** A stream that failed or a step that did. `condition` is RFC 6120's name of it where there is one. */
export class XmppError extends Error {
  override readonly name = 'XmppError';
  readonly code: XmppErrorCode;
  readonly condition: string | undefined;
  /** What the peer said about it. */
  readonly text: string | undefined;

  constructor(
    code: XmppErrorCode,
    message: string,
    facts: { condition?: string; text?: string; cause?: unknown } = {},
  ) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.condition = facts.condition;
    this.text = facts.text;
  }
}

export type StanzaErrorType = 'auth' | 'cancel' | 'modify' | 'wait';

/** An application's own condition beside RFC 6120's, as XEP-0060's `not-subscribed`. */
export interface ApplicationCondition {
  readonly name: string;
  readonly xmlns: string;
}

/**
 * The error answer to one iq (RFC 6120 section 8.3): thrown by a server's request handler to send it, and what a
 * client's request rejects with when it comes.
 */
export class StanzaError extends Error {
  override readonly name = 'StanzaError';
  readonly type: StanzaErrorType;
  readonly condition: string;
  readonly applicationCondition: ApplicationCondition | undefined;
  readonly text: string | undefined;

  constructor(
    type: StanzaErrorType,
    condition: string,
    facts: { applicationCondition?: ApplicationCondition | undefined; text?: string | undefined } = {},
  ) {
    super(
      [condition, facts.applicationCondition && `(${facts.applicationCondition.name})`, facts.text]
        .filter(Boolean)
        .join(' '),
    );
    this.type = type;
    this.condition = condition;
    this.applicationCondition = facts.applicationCondition;
    this.text = facts.text;
  }
}
