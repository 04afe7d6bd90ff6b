// A client that stays connected with XMPP's own streams. Never plaintext, never without authentication of both sides. Times in
// milliseconds.
import type { Element } from 'ltx';
import type { Log } from '../log.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import type { Backoff } from './backoff.ts';
import type { Credential } from './credential.ts';
import { type AttemptEvents, SteadyClient } from './steady-client.ts';
import { ClientStream } from './stream.ts';

export interface XmppClientOptions {
  /** Name or address of the server; its certificate is checked against `domain`, not against this. */
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  /** The localpart of the JID, and the name that authenticates. */
  readonly account: string;
  readonly resource: string;
  /** `tcp`, the default, or a WebSocket at /xmpp-websocket (RFC 7395). */
  readonly transport?: 'tcp' | 'websocket';
  /** Over TCP. `direct`, the default: from the first byte; `starttls`: demanded in a plaintext that carries nothing else. */
  readonly tls?: 'direct' | 'starttls';
  /** Certificates of the CA in PEM; the system's when absent. */
  readonly ca?: Credential | undefined;
  /** Our certificate in PEM, with those between it and its CA; the account is authenticated by it where it can be. */
  readonly certificate?: Credential | undefined;
  /** Of the certificate, in PEM. */
  readonly key?: Credential | undefined;
  /** May be left out where there is a certificate. */
  readonly password?: Credential | undefined;
  /** Whether the password may be shown to the server, inside TLS, where that offers nothing better. Default false. */
  readonly plain?: boolean;
  /** Default 30 000. */
  readonly pingInterval?: number;
  /** For each step of the negotiation, for the answer to a ping and to a request. Default 10 000. */
  readonly timeout?: number;
  /** Default 500 to 30 000. */
  readonly backoff?: Backoff;
  readonly log: Log;
  /** Readers of elements that are to come as values, new ones for each stream; see SubtreeReader. None by default. */
  readonly readers?: () => readonly SubtreeReader[];
  /** From 0 to below 1, for the jitter. */
  readonly random?: () => number;
}

export class XmppClient extends SteadyClient<ClientStream> {
  readonly #options: XmppClientOptions;

  constructor(options: XmppClientOptions) {
    const { host, port, domain, account, backoff, random, log } = options;
    super({
      server: `${domain} (${host}:${port})`,
      name: { account },
      established: 'XMPP: session established',
      ...(backoff && { backoff }),
      ...(random && { random }),
      log,
    });
    this.#options = options;
  }

  /**
   * Sends an iq of type set and waits for its answer: the payload of the result, undefined when that is empty.
   * Throws StanzaError when the server answers with an error, XmppError 'timeout' when it does not answer, and the
   * stream's XmppError when the stream ends first.
   */
  async request(
    payload: Element,
    options: { to?: string; timeout?: number } = {},
  ): Promise<Element | undefined> {
    const { to, timeout = this.#timeout } = options;
    return await this.session.request(payload, to, timeout);
  }

  protected override attempt(events: AttemptEvents): ClientStream {
    const { pingInterval = 30_000 } = this.#options;
    const stream = new ClientStream({ ...this.#options, pingInterval, timeout: this.#timeout }, events);
    void stream.begin();
    return stream;
  }

  get #timeout(): number {
    return this.#options.timeout ?? 10_000;
  }
}
