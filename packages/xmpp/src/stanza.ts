// Building and reading of iq stanzas and of stanza and stream errors. Pure.
import { Element, escapeXML, escapeXMLText } from 'ltx';
import { type ApplicationCondition, StanzaError, type StanzaErrorType, XmppError } from './errors.ts';
import { NS_CLIENT, NS_PING, NS_STANZA_ERRORS, NS_STREAM_ERRORS } from './namespaces.ts';

/** RFC 6120 section 7.7: a resourcepart is at most 1023 bytes; control characters are refused everywhere in a JID. */
const MAX_JID_PART_BYTES = 1023;
const CONTROL = /\p{Cc}/u;
/** RFC 7622 section 3.3.1 forbids these in a localpart. */
const NOT_LOCAL = /["&'/:<>@\s]/;

export function isLocalpart(text: string): boolean {
  return isResourcepart(text) && !NOT_LOCAL.test(text);
}

export function isResourcepart(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= MAX_JID_PART_BYTES && !CONTROL.test(text);
}

/** A stanza's attribute, or undefined when it is not there. */
export function attribute(element: Element, name: string): string | undefined {
  const value: unknown = element.attrs[name];
  return typeof value === 'string' ? value : undefined;
}

export function isStanza(element: Element, name: 'iq' | 'message' | 'presence'): boolean {
  return element.is(name, NS_CLIENT);
}

/** An iq that wants an answer. */
export function isIqRequest(element: Element): boolean {
  const type = attribute(element, 'type');
  return isStanza(element, 'iq') && (type === 'get' || type === 'set');
}

export function pingIq(id: string, addresses: { from?: string; to?: string }): Element {
  const iq = new Element('iq', { ...addresses, id, type: 'get' });
  iq.c('ping', { xmlns: NS_PING });
  return iq;
}

export function isPing(request: Element): boolean {
  return attribute(request, 'type') === 'get' && request.getChild('ping', NS_PING) !== undefined;
}

/** The answer to `request`, addressed back to where that came from. */
export function iqResult(request: Element, payload?: Element): Element {
  const result = answer(request, 'result');
  if (payload) result.cnode(payload);
  return result;
}

/** RFC 6120 section 8.3. */
export function iqError(request: Element, error: StanzaError): Element {
  const stanza = answer(request, 'error');
  const child = stanza.c('error', { type: error.type });
  child.c(error.condition, { xmlns: NS_STANZA_ERRORS });
  if (error.text !== undefined) child.c('text', { xmlns: NS_STANZA_ERRORS }).t(error.text);
  const application = error.applicationCondition;
  if (application) child.c(application.name, { xmlns: application.xmlns });
  return stanza;
}

function answer(request: Element, type: 'result' | 'error'): Element {
  const addresses: Record<string, string> = {};
  const id = attribute(request, 'id');
  const from = attribute(request, 'to');
  const to = attribute(request, 'from');
  if (from !== undefined) addresses['from'] = from;
  if (to !== undefined) addresses['to'] = to;
  return new Element('iq', { ...addresses, ...(id === undefined ? {} : { id }), type });
}

const TYPES: readonly string[] = ['auth', 'cancel', 'modify', 'wait'];

function isErrorType(type: string | undefined): type is StanzaErrorType {
  return type !== undefined && TYPES.includes(type);
}

/** Reads the error child of an iq; what is missing or unknown there becomes `undefined-condition` and `cancel`. */
export function stanzaErrorFrom(iq: Element): StanzaError {
  const error = iq.getChild('error');
  const type = error && attribute(error, 'type');
  let condition = 'undefined-condition';
  let text: string | undefined;
  let applicationCondition: ApplicationCondition | undefined;
  for (const child of error?.getChildElements() ?? []) {
    const xmlns = child.getNS() ?? '';
    if (xmlns !== NS_STANZA_ERRORS) applicationCondition = { name: child.getName(), xmlns };
    else if (child.getName() === 'text') text = child.getText();
    else condition = child.getName();
  }
  return new StanzaError(isErrorType(type) ? type : 'cancel', condition, { applicationCondition, text });
}

/** RFC 6120 section 4.9: the error and the end of the stream. */
export function streamErrorText(condition: string, text?: string): string {
  const detail =
    text === undefined ? '' : `<text xmlns="${NS_STREAM_ERRORS}" xml:lang="en">${escapeXMLText(text)}</text>`;
  return `<stream:error><${condition} xmlns="${NS_STREAM_ERRORS}"/>${detail}</stream:error>${STREAM_END}`;
}

export const STREAM_END = '</stream:stream>';

/** Reads a stream error that the peer sent. */
export function streamErrorFrom(element: Element): XmppError {
  let condition = 'undefined-condition';
  let text: string | undefined;
  for (const child of element.getChildElements()) {
    if (child.getNS() !== NS_STREAM_ERRORS) continue;
    if (child.getName() === 'text') text = child.getText().slice(0, 500);
    else condition = child.getName();
  }
  const message = `stream error ${condition}${text ? `: ${text}` : ''}`;
  return new XmppError('stream', message, text === undefined ? { condition } : { condition, text });
}

/** What stands around the payload of each message between the two: the payload itself is written once and sent to many. */
export function messageFrame(from: string, to: string): { readonly start: string; readonly end: string } {
  return { start: `<message from="${escapeXML(from)}" to="${escapeXML(to)}">`, end: '</message>' };
}
