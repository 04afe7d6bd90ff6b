// What a client demands of a server's stream header and features before it goes on. Pure; each demand that is not met is
// an XmppError.
import type { Element } from 'ltx';
import { XmppError } from '../errors.ts';
import { NS_BIND, NS_SASL } from '../namespaces.ts';
import { attribute } from '../stanza.ts';
import type { Framing } from './framing.ts';

/** RFC 6120 section 4.7. @throws XmppError 'stream' */
export function checkHeader(header: Element, framing: Framing, domain: string): void {
  const from = attribute(header, 'from');
  if (!framing.isHeader(header)) throw refusal('invalid-namespace', 'the server speaks no XMPP for clients');
  if (!attribute(header, 'version')?.startsWith('1.'))
    throw refusal('unsupported-version', 'the server speaks no XMPP 1.0');
  if (from !== undefined && from.toLowerCase() !== domain.toLowerCase())
    throw refusal('host-unknown', `the server is ${from.slice(0, 200)}, not ${domain}`);
}

/** Of the stream after authentication. @throws XmppError 'stream' */
export function demandBinding(features: Element): void {
  if (features.getChild('mechanisms', NS_SASL) || !features.getChild('bind', NS_BIND))
    throw refusal('policy-violation', 'the server offers no resource binding');
}

/** Whether the server bound the account that authenticated, whatever the resource. */
export function isJidOf(jid: string, account: string, domain: string): boolean {
  const [bare] = jid.split('/', 1);
  return bare?.toLowerCase() === `${account}@${domain}`.toLowerCase();
}

export function refusal(condition: string, message: string): XmppError {
  return new XmppError('stream', message, { condition });
}
