// One session with a peer that wants no answers, as Contrail's agents: iqs and messages in, messages and white space out. What it
// is refused, it is not told. Never negotiates.
// Source: Contrail's xmpp_connection.cc and bgp_xmpp_channel.cc.
import type { Element } from 'ltx';
import { StanzaError } from '../errors.ts';
import { NS_CLIENT } from '../namespaces.ts';
import { CarriedSession, type CarriedSessionOptions } from '../server/carried-session.ts';
import { attribute, STREAM_END } from '../stanza.ts';
import { bare } from './header.ts';

export interface ContrailSessionOptions extends CarriedSessionOptions {
  /** Whom the peer says that it is, bare. */
  readonly peer: string;
  /** Whom the peer calls us, bare. */
  readonly server: string;
  /** The default namespace of the peer's stream. */
  readonly namespace: string;
}

/** At either side; what is addressed to others, as the graph of configuration at `/config`, is not for us. */
const ROUTES = 'bgp-peer';

export class ContrailSession extends CarriedSession {
  readonly #peer: string;
  readonly #namespaces: readonly string[];

  constructor(options: ContrailSessionOptions) {
    const { peer, server, namespace } = options;
    super(options, { server, peer: `${peer}/${ROUTES}` });
    this.#peer = peer;
    this.#namespaces = [NS_CLIENT, namespace];
  }

  /** White space, where nothing else says that we are there. */
  fill(): void {
    if (this.waiting === 0) this.send('\n');
  }

  override onStanza(stanza: Element): void {
    if (!this.open || !this.#namespaces.includes(stanza.getNS() ?? '')) return;
    const from = attribute(stanza, 'from');
    if (from !== undefined && bare(from) !== this.#peer) {
      void this.close('invalid-from', `a stanza pretends to be from ${JSON.stringify(from.slice(0, 100))}`);
      return;
    }
    const name = stanza.getName();
    const isRequest = name === 'message' || (name === 'iq' && attribute(stanza, 'type') === 'set');
    if (isRequest && isForRoutes(attribute(stanza, 'to'))) this.queue(stanza);
  }

  /** The peer knows no stream errors: the reason is for our log alone. */
  protected override farewell(): string {
    return STREAM_END;
  }

  protected override async take(stanza: Element): Promise<void> {
    const [payload] = stanza.getChildElements();
    if (payload === undefined || (stanza.getName() === 'message' && payload.getName() !== 'event')) return;
    try {
      await this.handler?.(payload);
    } catch (error) {
      // A refusal is known where it was made.
      if (!(error instanceof StanzaError)) this.logFault(error);
    }
  }
}

function isForRoutes(to: string | undefined): boolean {
  const resource = to?.split('/', 2)[1];
  return resource === undefined || resource === ROUTES;
}
