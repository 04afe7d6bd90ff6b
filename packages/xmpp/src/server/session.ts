// One forwarder's session after resource binding: iqs and their answers, messages out. Never negotiates.
import type { Element } from 'ltx';
import { StanzaError } from '../errors.ts';
import {
  attribute,
  iqError,
  iqResult,
  isPing,
  isStanza,
  pingIq,
  STREAM_END,
  streamErrorText,
} from '../stanza.ts';
import { CarriedSession, type CarriedSessionOptions } from './carried-session.ts';

export interface SessionOptions extends CarriedSessionOptions {
  readonly domain: string;
  readonly resource: string;
}

/** The localpart that the drafts give the route server's JID. */
const ROUTE_SERVER = 'route-server';

export class Session extends CarriedSession {
  readonly bareJid: string;
  readonly #domain: string;
  #pings = 0;

  constructor(options: SessionOptions) {
    const { account, domain, resource } = options;
    const bareJid = `${account}@${domain}`;
    super(options, { server: domain, peer: `${bareJid}/${resource}` });
    this.bareJid = bareJid;
    this.#domain = domain;
  }

  ping(): void {
    this.#pings += 1;
    this.send(pingIq(`ping-${this.#pings}`, { from: this.#domain, to: this.jid }).toString());
  }

  override onStanza(stanza: Element): void {
    if (!this.open) return;
    const from = attribute(stanza, 'from');
    if (from !== undefined && from !== this.jid && from !== this.bareJid) {
      this.log.warn(this.facts, 'XMPP: a stanza pretends to be from another JID; the session is closed');
      void this.close('invalid-from', 'the from of a stanza is not the JID of its session');
    } else if (isStanza(stanza, 'iq')) this.#onIq(stanza);
    // Presence and messages of forwarders mean nothing here, and are no fault (RFC 6120 section 8.4 allows silence).
    else if (!isStanza(stanza, 'message') && !isStanza(stanza, 'presence'))
      void this.close('unsupported-stanza-type');
  }

  protected override farewell(condition?: string, text?: string): string {
    return condition === undefined ? STREAM_END : streamErrorText(condition, text);
  }

  protected override async take(iq: Element): Promise<void> {
    this.send(await this.#answer(iq));
  }

  #onIq(iq: Element): void {
    const type = attribute(iq, 'type');
    if (type === 'result' || type === 'error') return;
    const refusal = this.#refusal(iq, type);
    if (refusal) this.send(iqError(iq, refusal).toString());
    else if (isPing(iq)) this.send(iqResult(iq).toString());
    else if (type === 'get') this.send(iqError(iq, unavailable()).toString());
    else this.queue(iq);
  }

  #refusal(iq: Element, type: string | undefined): StanzaError | undefined {
    const to = attribute(iq, 'to');
    const children = iq.getChildElements().length;
    if ((type !== 'get' && type !== 'set') || attribute(iq, 'id') === undefined || children !== 1)
      return new StanzaError('modify', 'bad-request', {
        text: 'an iq needs an id, a type of get or set, and one child',
      });
    if (to === undefined || to === this.bareJid) return undefined;
    const domain = this.#domain.toLowerCase();
    if ([domain, `${ROUTE_SERVER}@${domain}`].includes(to.toLowerCase())) return undefined;
    return new StanzaError('cancel', 'service-unavailable', {
      text: `this server relays nothing: address ${this.#domain}`,
    });
  }

  async #answer(iq: Element): Promise<string> {
    try {
      const [payload] = iq.getChildElements();
      if (!this.handler || !payload) throw unavailable();
      const result = await this.handler(payload);
      return iqResult(iq, result).toString();
    } catch (error) {
      if (error instanceof StanzaError) return iqError(iq, error).toString();
      this.logFault(error);
      return iqError(iq, new StanzaError('cancel', 'internal-server-error')).toString();
    }
  }
}

function unavailable(): StanzaError {
  return new StanzaError('cancel', 'service-unavailable');
}
