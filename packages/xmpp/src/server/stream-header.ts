// The headers of a client's stream and of the server's answer (RFC 6120 section 4.7). Pure but for the stream's id.
import { randomBytes } from 'node:crypto';
import { type Element, escapeXML } from 'ltx';
import { NS_CLIENT, NS_STREAM } from '../namespaces.ts';
import { attribute } from '../stanza.ts';

/** The condition of RFC 6120 section 4.9.3 that a client's header meets, if any. */
export function headerFault(header: Element, domain: string): string | undefined {
  if (!header.is('stream', NS_STREAM) || header.findNS() !== NS_CLIENT) return 'invalid-namespace';
  if (attribute(header, 'to')?.toLowerCase() !== domain.toLowerCase()) return 'host-unknown';
  if (!attribute(header, 'version')?.startsWith('1.')) return 'unsupported-version';
  return undefined;
}

export function headerText(domain: string): string {
  const id = randomBytes(12).toString('base64url');
  return (
    `<?xml version='1.0'?><stream:stream xmlns='${NS_CLIENT}' xmlns:stream='${NS_STREAM}' ` +
    `from='${escapeXML(domain)}' id='${id}' version='1.0' xml:lang='en'>`
  );
}
