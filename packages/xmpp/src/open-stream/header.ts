// The stream headers of open streams: they name the peer, and nothing else does. Pure.
// Source: Contrail's xmpp_str.h and xmpp_proto.cc; RFC 6120 section 4.7.
import { type Element, escapeXML } from 'ltx';
import { XmppError } from '../errors.ts';
import { NS_STREAM } from '../namespaces.ts';
import { attribute, isResourcepart } from '../stanza.ts';

export interface OpenHeader {
  readonly from: string;
  readonly to: string;
  /** Default namespace of the stream, which its stanzas are in; '' for none. */
  readonly namespace: string;
  /** A server's. */
  readonly id?: string;
}

/** With `xmlns:stream` as the last attribute: Contrail finds the end of a header by it. */
export function openHeaderText({ from, to, namespace, id }: OpenHeader): string {
  return (
    `<?xml version="1.0"?><stream:stream from="${escapeXML(from)}" to="${escapeXML(to)}"` +
    `${id === undefined ? '' : ` id="${id}"`} version="1.0" xml:lang="en" xmlns="${escapeXML(namespace)}"` +
    ` xmlns:stream="${NS_STREAM}">`
  );
}

/**
 * What a header says; `to` is '' where it says nothing of it.
 * @throws XmppError 'stream' where it is no header of XMPP 1.0, or does not say who speaks.
 */
export function readOpenHeader(root: Element): OpenHeader {
  const from = attribute(root, 'from') ?? '';
  const to = attribute(root, 'to') ?? '';
  if (!root.is('stream', NS_STREAM)) throw refusal('invalid-namespace', 'the peer speaks no XMPP');
  if (!attribute(root, 'version')?.startsWith('1.'))
    throw refusal('unsupported-version', 'the peer speaks no XMPP 1.0');
  if (!isResourcepart(from) || (to !== '' && !isResourcepart(to)))
    throw refusal('improper-addressing', 'the header does not name the peer');
  return { from, to, namespace: root.findNS() ?? '' };
}

/** Without the resource. */
export function bare(jid: string): string {
  const slash = jid.indexOf('/');
  return slash === -1 ? jid : jid.slice(0, slash);
}

function refusal(condition: string, message: string): XmppError {
  return new XmppError('stream', message, { condition });
}
