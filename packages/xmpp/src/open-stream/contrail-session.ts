// One session with a peer that wants no answers, as Contrail's agents: iqs and messages in, messages and white space out. What it
// is refused, it is not told. Never negotiates. Sizes in bytes.
// Source: Contrail's xmpp_connection.cc and bgp_xmpp_channel.cc.
import type { Duplex } from 'node:stream';
import { type Element, escapeXML } from 'ltx';
import { StanzaError } from '../errors.ts';
import { sayFarewell } from '../farewell.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import { NS_CLIENT } from '../namespaces.ts';
import { type MessageSource, SessionOutput } from '../server/output.ts';
import type { OutputPump } from '../server/output-pump.ts';
import type { RequestHandler, ServerSession } from '../server/session.ts';
import { attribute, STREAM_END } from '../stanza.ts';
import { bare } from './header.ts';

export interface ContrailSessionOptions {
  readonly socket: Duplex;
  readonly account: string;
  /** Whom the peer says that it is, bare. */
  readonly peer: string;
  /** Whom the peer calls us, bare. */
  readonly server: string;
  /** The default namespace of the peer's stream. */
  readonly namespace: string;
  readonly remoteAddress: string;
  /** What may wait in the socket, of what is not asked for only when the peer reads. */
  readonly maxOutputBytes: number;
  readonly pump: OutputPump;
  /** The peer reads, however slowly, what had to wait for it. */
  readonly onProgress: () => void;
  readonly log: Log;
}

interface SessionEvents {
  close: (reason: string) => void;
}

/** At either side; what is addressed to others, as the graph of configuration at `/config`, is not for us. */
const ROUTES = 'bgp-peer';

/** As many requests may wait for their turn before no more is read from the peer. */
const MAX_WAITING_REQUESTS = 64;

export class ContrailSession implements ServerSession {
  readonly jid: string;
  readonly account: string;
  readonly remoteAddress: string;
  readonly #options: ContrailSessionOptions;
  readonly #output: SessionOutput;
  readonly #frame: { readonly start: string; readonly end: string };
  readonly #listeners: Listeners<SessionEvents>;
  #handler: RequestHandler | undefined;
  readonly #requests: Element[] = [];
  #answering = false;
  #open = true;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: ContrailSessionOptions) {
    const { socket, account, peer, server, remoteAddress, pump, onProgress, log } = options;
    this.#options = options;
    this.account = account;
    this.remoteAddress = remoteAddress;
    this.jid = `${peer}/${ROUTES}`;
    this.#frame = {
      start: `<message from="${escapeXML(server)}" to="${escapeXML(this.jid)}">`,
      end: '</message>',
    };
    this.#output = new SessionOutput({
      socket,
      pump,
      frame: this.#frame,
      onProgress,
      onFault: (err) => {
        log.error({ account, err }, 'XMPP: what is to be sent cannot be made; the session is closed');
        void this.close();
      },
    });
    this.#listeners = new Listeners((event, err) =>
      log.error({ account, err }, `XMPP: ${event} of the session was not dealt with`),
    );
  }

  on<Name extends keyof SessionEvents>(event: Name, listener: SessionEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  onRequest(handler: RequestHandler): void {
    this.#handler = handler;
  }

  sendMessage(payload: Element | string): void {
    const { maxOutputBytes, log } = this.#options;
    if (!this.#open) return;
    const text = this.#frame.start + payload.toString() + this.#frame.end;
    const waitingBytes = this.#output.waiting + Buffer.byteLength(text);
    if (waitingBytes <= maxOutputBytes) {
      this.#output.send(text);
      return;
    }
    const facts = { account: this.account, waitingBytes, maxOutputBytes };
    log.warn(facts, 'XMPP: the peer reads too slowly; its session is closed');
    // Told later, so that whoever sends to many sessions does not lose one in the middle of it.
    this.#open = false;
    this.#output.stop();
    this.#closed = this.#destroy();
    process.nextTick(() => this.#listeners.emit('close', 'it reads too slowly'));
  }

  sendFrom(source: MessageSource): () => void {
    return this.#output.sendFrom(source);
  }

  /** White space, where nothing else says that we are there. */
  fill(): void {
    if (this.#open && this.#output.waiting === 0) this.#output.send('\n');
  }

  /** The peer knows no stream errors: the reason is for our log alone. */
  close(condition?: string, text?: string): Promise<void> {
    this.#end(text ?? condition ?? 'closed by the server', () =>
      sayFarewell(this.#options.socket, STREAM_END),
    );
    return this.#closed;
  }

  /** The peer ended the stream in order. */
  endedByPeer(): Promise<void> {
    return this.close(undefined, 'closed by the peer');
  }

  /** The connection is gone, or to be cut without last words. */
  cut(reason: string): void {
    this.#end(reason, () => this.#destroy());
  }

  /** Takes the next stanza of the peer. */
  onStanza(stanza: Element): void {
    if (!this.#open || ![NS_CLIENT, this.#options.namespace].includes(stanza.getNS() ?? '')) return;
    const from = attribute(stanza, 'from');
    if (from !== undefined && bare(from) !== this.#options.peer) {
      void this.close('invalid-from', `a stanza pretends to be from ${JSON.stringify(from.slice(0, 100))}`);
      return;
    }
    const name = stanza.getName();
    const isRequest = name === 'message' || (name === 'iq' && attribute(stanza, 'type') === 'set');
    if (!isRequest || !isForRoutes(attribute(stanza, 'to'))) return;
    this.#requests.push(stanza);
    if (this.#requests.length >= MAX_WAITING_REQUESTS) this.#options.socket.pause();
    if (!this.#answering) void this.#takeRequests();
  }

  async #takeRequests(): Promise<void> {
    const { socket } = this.#options;
    this.#answering = true;
    for (let stanza = this.#requests.shift(); stanza && this.#open; stanza = this.#requests.shift()) {
      if (socket.isPaused() && this.#requests.length < MAX_WAITING_REQUESTS / 2) socket.resume();
      await this.#take(stanza);
    }
    this.#answering = false;
  }

  async #take(stanza: Element): Promise<void> {
    const [payload] = stanza.getChildElements();
    if (payload === undefined || (stanza.getName() === 'message' && payload.getName() !== 'event')) return;
    try {
      await this.#handler?.(payload);
    } catch (err) {
      // A refusal is known where it was made.
      if (!(err instanceof StanzaError))
        this.#options.log.error(
          { account: this.account, err },
          'XMPP: a request failed for a fault of the server',
        );
    }
  }

  #end(reason: string, disconnect: () => Promise<void>): void {
    if (!this.#open) return;
    this.#open = false;
    this.#output.stop();
    this.#closed = disconnect();
    this.#listeners.emit('close', reason);
  }

  #destroy(): Promise<void> {
    const { socket } = this.#options;
    return new Promise((resolve) => {
      if (socket.closed) return resolve();
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }
}

function isForRoutes(to: string | undefined): boolean {
  const resource = to?.split('/', 2)[1];
  return resource === undefined || resource === ROUTES;
}
