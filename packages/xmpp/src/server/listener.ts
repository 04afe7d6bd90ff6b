// One address on which the server listens: accepts TCP connections, sees that each has a place, and brings it to TLS. The TLS server
// behind it never listens itself: another one takes its place when the certificate changes. Times in milliseconds.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { XmppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { NEGOTIATION_LIMITS } from '../stream-parser.ts';
import type { Admission } from './admission.ts';
import { type SecureOptions, type ServerTls, secureOptions } from './secure.ts';
import { PlaintextOpening } from './starttls.ts';
import { TcpWire } from './tcp-wire.ts';
import { boundBytes, createWebSocketServer } from './websocket-server.ts';
import { WebSocketWire } from './websocket-wire.ts';
import type { ServerWire } from './wire.ts';

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
  /** Whether TLS begins at once, or after STARTTLS, before which nothing else is understood. Default direct. */
  readonly tls?: 'direct' | 'starttls';
  /** Default tcp. A WebSocket is always inside TLS, from the beginning. */
  readonly transport?: 'tcp' | 'websocket';
  /** Whether a client may send its password as it is, inside TLS. Default false. */
  readonly plain?: boolean;
}

/** A connection that has come to TLS. */
export interface SecureConnection {
  readonly wire: ServerWire;
  readonly tls: TLSSocket;
  readonly plain: boolean;
  /** To be called when it has authenticated: its place is another's then. */
  readonly authenticated: () => void;
}

export interface ListenerOptions {
  readonly listen: ListenAddress;
  readonly domain: string;
  readonly tls: ServerTls;
  readonly timeout: number;
  /** Of a message of a WebSocket. */
  readonly maxStanzaBytes: number;
  readonly admission: Admission;
  readonly accept: (connection: SecureConnection) => void;
  readonly log: Log;
}

/** No negotiation over a WebSocket is longer. */
const MAX_NEGOTIATION_BYTES = 4 * NEGOTIATION_LIMITS.maxStanzaBytes;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  #secure: TlsServer;
  /** Of all TCP connections, also those in the TLS handshake: what gives their place back, by addresses and ports. */
  readonly #releases = new Map<string, () => void>();
  readonly #sockets = new Set<Socket>();

  /** @throws XmppError `tls` */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#secure = this.#createSecure(options.tls);
    this.#server = createServer((socket) => this.#admit(socket));
  }

  /** @throws XmppError `listen` that names the address. */
  async listen(): Promise<AddressInfo> {
    const { log, listen } = this.#options;
    const { address, port } = listen;
    try {
      this.#server.listen(port, address);
      await once(this.#server, 'listening');
      this.#server.on('error', (err) =>
        log.error({ address, port, err }, 'XMPP: cannot accept a connection'),
      );
      const info = this.#server.address();
      if (info === null || typeof info === 'string') throw new TypeError('a TCP server has a port');
      return info;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new XmppError('listen', `cannot listen on ${address} port ${port}: ${why}`, { cause });
    }
  }

  /** For connections that come from now on. @throws XmppError `tls`; the former certificate stays in use then. */
  setTls(tls: ServerTls): void {
    this.#secure = this.#createSecure(tls);
  }

  /** Accepts no more; resolves when all connections are closed. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #createSecure(tls: ServerTls): TlsServer {
    const { log } = this.#options;
    const secure = secureOptions(tls, this.#options.timeout);
    const server =
      this.#options.listen.transport === 'websocket'
        ? this.#createWebSocketServer(secure)
        : this.#createTcpServer(secure);
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const facts = { remoteAddress: socket.remoteAddress, code: error.code };
      log.debug(facts, 'XMPP: a TLS handshake failed');
      socket.destroy();
    });
    return server;
  }

  #createTcpServer(secure: SecureOptions): TlsServer {
    const server = createTlsServer({ ...secure, ALPNProtocols: ['xmpp-client'] });
    server.on('secureConnection', (socket) => this.#accept(socket, () => new TcpWire(socket)));
    return server;
  }

  #createWebSocketServer(secure: SecureOptions): TlsServer {
    const { timeout, maxStanzaBytes } = this.#options;
    return createWebSocketServer({
      secure,
      timeout,
      maxMessageBytes: maxStanzaBytes,
      accept: (websocket, tls) =>
        this.#accept(
          tls,
          () => new WebSocketWire(websocket, tls.remoteAddress ?? ''),
          boundBytes(tls, MAX_NEGOTIATION_BYTES),
        ),
    });
  }

  #admit(socket: Socket): void {
    const { remoteAddress = '' } = socket;
    const release = this.#options.admission.admit(remoteAddress, () => socket.destroy());
    if (release === undefined) return void socket.destroy();
    const { tls, transport } = this.#options.listen;
    const key = keyOf(socket);
    this.#sockets.add(socket);
    this.#releases.set(key, release);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#releases.delete(key);
      release();
    });
    if (tls === 'starttls' && transport !== 'websocket') this.#openPlaintext(socket);
    else this.#secure.emit('connection', socket);
  }

  #openPlaintext(socket: Socket): void {
    const { domain, timeout, log } = this.#options;
    const secure = () => this.#secure.emit('connection', socket);
    new PlaintextOpening({ socket, domain, timeout, secure, log }).begin();
  }

  #accept(tls: TLSSocket, wire: () => ServerWire, unbound = () => {}): void {
    const release = this.#releases.get(keyOf(tls));
    // It was closed meanwhile.
    if (release === undefined) return void tls.destroy();
    const authenticated = () => {
      unbound();
      release();
    };
    this.#options.accept({ wire: wire(), tls, plain: this.#options.listen.plain ?? false, authenticated });
  }
}

/** The same for a connection and for the TLS on it; no two connections that are open have it. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
