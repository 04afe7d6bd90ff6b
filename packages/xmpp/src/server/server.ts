// The XMPP server that is part of a route server: listens with TLS, authenticates accounts, keeps one session of each.
// Relays nothing between clients. Times in milliseconds, sizes in bytes.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { XmppError } from '../errors.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { STREAM_LIMITS, type StreamLimits } from '../stream-parser.ts';
import { type CredentialsLookup, SaslExchange } from './authentication.ts';
import { ServerConnection } from './connection.ts';
import { type ServerSession, Session } from './session.ts';

export interface ServerLimits extends StreamLimits {
  /** What may wait for one slow reader. Default 64 MiB. */
  readonly maxOutputBytes: number;
  /** Connections that have not authenticated yet, all together; more are refused. Default 1000. */
  readonly maxUnauthenticated: number;
}

export interface XmppServerOptions {
  readonly domain: string;
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  /** PEM. */
  readonly tls: { readonly certificate: string; readonly key: string };
  readonly credentials: CredentialsLookup;
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
  maxOutputBytes: 64 * 1024 * 1024,
  maxUnauthenticated: 1000,
};

export class XmppServer {
  readonly #options: XmppServerOptions;
  readonly #limits: ServerLimits;
  readonly #timeout: number;
  readonly #decoySecret = randomBytes(32);
  readonly #listeners: Listeners<XmppServerEvents>;
  readonly #sessions = new Map<string, Session>();
  readonly #connections = new Set<ServerConnection>();
  /** All TCP connections, also those in the TLS handshake. */
  readonly #sockets = new Set<Socket>();
  readonly #authenticated = new Set<TLSSocket>();
  #servers: readonly Server[] = [];

  constructor(options: XmppServerOptions) {
    this.#options = options;
    this.#limits = { ...SERVER_LIMITS, ...options.limits };
    this.#timeout = options.timeout ?? 15_000;
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

  /** Listens on all addresses or on none; throws XmppError 'listen' that names the address. */
  async listen(): Promise<AddressInfo[]> {
    const addresses: AddressInfo[] = [];
    try {
      for (const { address, port } of this.#options.listen)
        addresses.push(await this.#listenOn(address, port));
    } catch (error) {
      await this.close();
      throw error;
    }
    return addresses;
  }

  /** Ends all sessions with system-shutdown; resolves when every connection is closed. */
  async close(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    await Promise.all(Array.from(this.#connections, (connection) => connection.close('system-shutdown')));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #listenOn(address: string, port: number): Promise<AddressInfo> {
    const { certificate, key } = this.#options.tls;
    const { log } = this.#options;
    try {
      const server = createServer({
        cert: certificate,
        key,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['xmpp-client'],
        handshakeTimeout: this.#timeout,
      });
      server.on('connection', (socket: Socket) => this.#admit(socket));
      server.on('secureConnection', (socket) => this.#accept(socket));
      server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
        const facts = { remoteAddress: socket.remoteAddress, code: error.code };
        log.debug(facts, 'XMPP: a TLS handshake failed');
        socket.destroy();
      });
      server.listen(port, address);
      await once(server, 'listening');
      server.on('error', (err) => log.error({ address, port, err }, 'XMPP: cannot accept a connection'));
      this.#servers = [...this.#servers, server];
      const info = server.address();
      if (info === null || typeof info === 'string') throw new TypeError('a TCP server has a port');
      return info;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new XmppError('listen', `cannot listen on ${address} port ${port}: ${why}`, { cause });
    }
  }

  #admit(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#sockets.size - this.#authenticated.size <= this.#limits.maxUnauthenticated) return;
    const facts = { remoteAddress: socket.remoteAddress, limit: this.#limits.maxUnauthenticated };
    this.#options.log.warn(
      facts,
      'XMPP: too many connections that have not authenticated; this one is refused',
    );
    socket.destroy();
  }

  #accept(socket: TLSSocket): void {
    const { domain, credentials, pingInterval = 30_000, log } = this.#options;
    const connection = new ServerConnection({
      socket,
      domain,
      streamLimits: this.#limits,
      readers: this.#options.readers ?? (() => []),
      pingInterval,
      timeout: this.#timeout,
      sasl: new SaslExchange(domain, credentials, this.#decoySecret),
      authenticated: () => this.#authenticated.add(socket),
      bind: (account, resource, remoteAddress) => this.#bind(socket, account, resource, remoteAddress),
      bound: (session) => this.#onBound(session),
      log,
    });
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#authenticated.delete(socket);
    });
  }

  #bind(socket: TLSSocket, account: string, resource: string, remoteAddress: string): Session {
    const { domain, log } = this.#options;
    const { maxOutputBytes } = this.#limits;
    const session = new Session({ socket, domain, account, resource, remoteAddress, maxOutputBytes, log });
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
