// The only words in plaintext that a client has: a stream header and <starttls/> (RFC 6120 section 5). Ends with the
// server's <proceed/> as its very last byte in plaintext, or with a reason; what is stripped or slipped in ends the attempt.
import type { Socket } from 'node:net';
import type { Element } from 'ltx';
import { XmppError } from '../errors.ts';
import { NS_STREAM, NS_TLS } from '../namespaces.ts';
import { streamErrorFrom } from '../stanza.ts';
import { NEGOTIATION_LIMITS, StreamParser } from '../stream-parser.ts';
import { documentFraming } from './framing.ts';
import { checkHeader } from './negotiation.ts';

export interface StartTlsEvents {
  /** What the server is waited for. */
  readonly progress: (step: 'header' | 'features' | 'starttls') => void;
  /** The handshake is to begin before anything else is read. */
  readonly proceed: () => void;
  readonly failed: (reason: XmppError) => void;
}

/** What the plaintext must end with, and nothing behind it. */
const PROCEED = /<(?:[^\s<>/:]+:)?proceed(?:\s[^<>]*)?(?:\/>|><\/(?:[^\s<>/:]+:)?proceed\s*>)$/;
const LONGEST_PROCEED = 512;

/** Negotiates on a socket that is connected; one of `proceed` and `failed` comes once. It closes nothing. */
export function negotiateStartTls(socket: Socket, domain: string, events: StartTlsEvents): void {
  const parser = new StreamParser(NEGOTIATION_LIMITS);
  let step: 'header' | 'features' | 'starttls' | 'over' = 'header';
  let end = '';
  /** Whether <starttls/> was sent before the chunk came that is being read. */
  let asked = false;
  const onData = (bytes: Buffer): void => {
    end = (end + bytes.toString('latin1')).slice(-LONGEST_PROCEED);
    asked = step === 'starttls';
    parser.write(bytes);
  };
  const over = (tell: () => void): void => {
    if (step === 'over') return;
    step = 'over';
    socket.removeListener('data', onData);
    tell();
  };
  const fail = (reason: XmppError): void => over(() => events.failed(reason));
  const onFeatures = (features: Element): void => {
    if (features.getChild('starttls', NS_TLS)) {
      step = 'starttls';
      socket.write(`<starttls xmlns="${NS_TLS}"/>`);
      events.progress('starttls');
    } else fail(new XmppError('tls', 'the server does not offer STARTTLS; nothing is sent in plaintext'));
  };
  const onElement = (element: Element): void => {
    if (element.is('error', NS_STREAM)) fail(streamErrorFrom(element));
    else if (step === 'features' && element.is('features', NS_STREAM)) onFeatures(element);
    else if (step !== 'starttls' || !element.is('proceed', NS_TLS))
      fail(
        new XmppError('tls', `the server answers <${element.getName().slice(0, 50)}/> in place of STARTTLS`),
      );
    else if (!asked || !PROCEED.test(end))
      fail(new XmppError('tls', 'the server, or somebody between, slips in plaintext beside its <proceed/>'));
    else over(events.proceed);
  };
  parser.on('start', (header) => {
    try {
      checkHeader(header, documentFraming, domain);
      step = 'features';
      events.progress('features');
    } catch (error) {
      if (!(error instanceof XmppError)) throw error;
      fail(error);
    }
  });
  parser.on('element', onElement);
  parser.on('error', fail);
  parser.on('end', () => fail(new XmppError('closed', 'the server ended the stream in place of STARTTLS')));
  socket.on('data', onData);
  socket.write(documentFraming.header(domain));
  events.progress('header');
}
