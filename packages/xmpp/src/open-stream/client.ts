// A client that stays connected with open streams. No authentication but that of TLS, where it is configured; no answers to what it
// sends. Times in milliseconds.
import type { Element } from 'ltx';
import type { Backoff } from '../client/backoff.ts';
import { type AttemptEvents, SteadyClient } from '../client/steady-client.ts';
import type { Log } from '../log.ts';
import { ClientOpenStream, type ClientOpenStreamOptions } from './client-stream.ts';

export interface OpenStreamClientOptions extends Omit<ClientOpenStreamOptions, 'holdTime' | 'timeout'> {
  /** Makes the stanzas of one stream of their payloads. */
  readonly stanzas: () => (payload: Element) => Element;
  /** Without anything from the server it is given up; white space goes out three times as often. Default 90 000. */
  readonly holdTime?: number;
  /** For each step until the stream is there. Default 10 000. */
  readonly timeout?: number;
  /** Default 500 to 30 000. */
  readonly backoff?: Backoff;
  readonly log: Log;
  /** From 0 to below 1, for the jitter. */
  readonly random?: () => number;
}

export class OpenStreamClient extends SteadyClient<ClientOpenStream> {
  readonly #options: OpenStreamClientOptions;
  #stanza: (payload: Element) => Element;

  constructor(options: OpenStreamClientOptions) {
    const { server, host, port, name, backoff, random, log } = options;
    super({
      server: `${server} (${host}:${port})`,
      name: { name },
      established: 'XMPP: open stream established, without authentication',
      ...(backoff && { backoff }),
      ...(random && { random }),
      log,
    });
    this.#options = options;
    this.#stanza = options.stanzas();
  }

  /**
   * Sends a payload in its stanza; no answer comes, so it resolves when that is with the network. Payloads go out in the order of
   * the calls.
   * @throws XmppError 'closed' where there is no stream, or where it ends before.
   */
  async request(payload: Element): Promise<undefined> {
    await this.session.send(this.#stanza(payload));
  }

  protected override attempt(events: AttemptEvents): ClientOpenStream {
    const { holdTime = 90_000, timeout = 10_000 } = this.#options;
    this.#stanza = this.#options.stanzas();
    return new ClientOpenStream({ ...this.#options, holdTime, timeout }, events);
  }
}
