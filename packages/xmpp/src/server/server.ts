// The XMPP server that is part of a route server: listens with TLS, authenticates accounts, keeps one session of each.
// Relays nothing between clients. Times in milliseconds, sizes in bytes.
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { STREAM_LIMITS, type StreamLimits } from '../stream-parser.ts';
import { Admission, type AdmissionLimits } from './admission.ts';
import { type CredentialsLookup, SaslExchange } from './authentication.ts';
import { MAX_OUTPUT_BYTES } from './carried-session.ts';
import { type CertificateAccount, certifiedAccounts } from './certified-accounts.ts';
import { type BoundResource, ServerConnection } from './connection.ts';
import { type ListenAddress, Listener, type SecureConnection } from './listener.ts';
import { OutputPump } from './output-pump.ts';
import { type ServerTls, secureOptions } from './secure.ts';
import type { ServerSession } from './server-session.ts';
import { Session } from './session.ts';

export interface ServerLimits extends StreamLimits, AdmissionLimits {
  /** What may wait for one slow reader, besides messages that are made only as it reads. Default 16 MiB. */
  readonly maxOutputBytes: number;
}

export interface XmppServerOptions {
  readonly domain: string;
  readonly listen: readonly ListenAddress[];
  readonly tls: ServerTls;
  readonly credentials: CredentialsLookup;
  /** The account of a name in a certificate that a client CA of `tls` has signed: who shows it needs no password. None by default. */
  readonly certificateAccount?: CertificateAccount;
  readonly limits?: Partial<ServerLimits>;
  /** Readers of elements that are to come as values, new ones for each stream; see SubtreeReader. None by default. */
  readonly readers?: () => readonly SubtreeReader[];
  /** Default 30 000. */
  readonly pingInterval?: number;
  /** For the TLS handshake, for the negotiation after it, and for the answer to a ping. Default 15 000. */
  readonly timeout?: number;
  readonly log: Log;
}

interface XmppServerEvents {
  session: (session: ServerSession) => void;
}

const SERVER_LIMITS: ServerLimits = {
  ...STREAM_LIMITS,
  maxOutputBytes: MAX_OUTPUT_BYTES,
  maxUnauthenticated: 1000,
  maxUnauthenticatedPerAddress: 20,
};

export class XmppServer {
  readonly #options: XmppServerOptions;
  readonly #limits: ServerLimits;
  readonly #timeout: number;
  readonly #decoySecret = randomBytes(32);
  readonly #listeners: Listeners<XmppServerEvents>;
  readonly #pump = new OutputPump();
  readonly #sessions = new Map<string, Session>();
  readonly #connections = new Set<ServerConnection>();
  readonly #admission: Admission;
  #tls: ServerTls;
  #servers: readonly Listener[] = [];

  constructor(options: XmppServerOptions) {
    this.#options = options;
    this.#limits = { ...SERVER_LIMITS, ...options.limits };
    this.#timeout = options.timeout ?? 15_000;
    this.#admission = new Admission(this.#limits, options.log);
    this.#tls = options.tls;
    this.#listeners = new Listeners((event, err) =>
      options.log.error({ err }, `XMPP: ${event} was not dealt with; the server goes on`),
    );
  }

  /** By bare JID. */
  get sessions(): ReadonlyMap<string, ServerSession> {
    return this.#sessions;
  }

  /** Returns what removes the listener again. */
  on<Name extends keyof XmppServerEvents>(event: Name, listener: XmppServerEvents[Name]): () => void {
    return this.#listeners.on(event, listener);
  }

  /** Listens on all addresses or on none; throws XmppError 'listen' that names the address, or 'tls'. */
  async listen(): Promise<AddressInfo[]> {
    const addresses: AddressInfo[] = [];
    try {
      for (const listen of this.#options.listen) {
        const listener = this.#createListener(listen);
        addresses.push(await listener.listen());
        this.#servers = [...this.#servers, listener];
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    return addresses;
  }

  /**
   * Shows this certificate from now on; connections and sessions that are there stay as they are.
   * @throws XmppError 'tls' where it cannot be used: the former one stays in use.
   */
  setTls(tls: ServerTls): void {
    secureOptions(tls, this.#timeout);
    this.#tls = tls;
    for (const listener of this.#servers) listener.setTls(tls);
  }

  /** Ends all sessions with system-shutdown; resolves when every connection is closed. */
  async close(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => server.close());
    await Promise.all(Array.from(this.#connections, (connection) => connection.close('system-shutdown')));
    for (const server of servers) server.cut();
    await Promise.all(closed);
  }

  #createListener(listen: ListenAddress): Listener {
    return new Listener({
      listen,
      domain: this.#options.domain,
      tls: this.#tls,
      timeout: this.#timeout,
      maxStanzaBytes: this.#limits.maxStanzaBytes,
      admission: this.#admission,
      accept: (connection) => this.#accept(connection),
      log: this.#options.log,
    });
  }

  #accept({ wire, tls, plain, authenticated }: SecureConnection): void {
    const {
      domain,
      credentials,
      certificateAccount = () => undefined,
      pingInterval = 30_000,
      log,
    } = this.#options;
    const connection = new ServerConnection({
      wire,
      domain,
      streamLimits: this.#limits,
      readers: this.#options.readers ?? (() => []),
      pingInterval,
      timeout: this.#timeout,
      sasl: new SaslExchange({
        domain,
        lookup: credentials,
        decoySecret: this.#decoySecret,
        certified: certifiedAccounts(tls, domain, certificateAccount, log),
        plain,
      }),
      authenticated,
      bind: (bound) => this.#bind({ socket: wire.socket, ...bound }),
      bound: (session) => this.#onBound(session),
      log,
    });
    this.#connections.add(connection);
    wire.socket.once('close', () => this.#connections.delete(connection));
  }

  #bind(bound: BoundResource & { readonly socket: Duplex }): Session {
    const { domain, log } = this.#options;
    const { maxOutputBytes } = this.#limits;
    const { remoteAddress } = bound;
    const session = new Session({ ...bound, domain, maxOutputBytes, pump: this.#pump, log });
    void this.#sessions.get(session.bareJid)?.close('conflict', 'replaced by a new session of this account');
    this.#sessions.set(session.bareJid, session);
    session.on('close', (reason) => {
      if (this.#sessions.get(session.bareJid) === session) this.#sessions.delete(session.bareJid);
      log.info({ jid: session.jid, remoteAddress, reason }, 'XMPP: session closed');
    });
    return session;
  }

  #onBound(session: Session): void {
    const { jid, remoteAddress } = session;
    this.#options.log.info({ jid, remoteAddress }, 'XMPP: session established');
    this.#listeners.emit('session', session);
  }
}
