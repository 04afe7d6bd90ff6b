// The server of open streams: no authentication, so it takes only connections from addresses that it is told, and each identity only
// from its own. Keeps one session of each account. Relays nothing. Times in milliseconds, sizes in bytes.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Element } from 'ltx';
import { XmppError } from '../errors.ts';
import { Listeners } from '../listeners.ts';
import type { Log } from '../log.ts';
import { NS_CLIENT } from '../namespaces.ts';
import type { SubtreeReader } from '../parser/subtree-reader.ts';
import { Admission, type AdmissionLimits } from '../server/admission.ts';
import { type CarriedSession, MAX_OUTPUT_BYTES } from '../server/carried-session.ts';
import { OutputPump } from '../server/output-pump.ts';
import { type ServerTls, secureOptions } from '../server/secure.ts';
import type { ServerSession } from '../server/server-session.ts';
import { Session } from '../server/session.ts';
import { attribute } from '../stanza.ts';
import { STREAM_LIMITS } from '../stream-parser.ts';
import { type Admitted, OpenConnection } from './connection.ts';
import { ContrailSession } from './contrail-session.ts';
import { bare, type OpenHeader } from './header.ts';

export interface OpenStreamListener {
  readonly address: string;
  readonly port: number;
  /** Whether STARTTLS is demanded. */
  readonly starttls: boolean;
  /** Whether a connection from there may say anything. */
  readonly allows: (remoteAddress: string) => boolean;
}

export interface OpenStreamPeer {
  readonly account: string;
  /** Contrail's agents get no answers and white space for pings; peers of the drafts get both. */
  readonly kind: 'contrail' | 'draft';
}

export interface OpenStreamServerOptions {
  /** Whom peers of the drafts have to address. */
  readonly domain: string;
  readonly listen: readonly OpenStreamListener[];
  /** For listeners with STARTTLS. Where it has a client CA, the peer has to show a certificate that this has signed. */
  readonly tls: ServerTls;
  /** Who may call itself so and come from there; a text says why nobody may. */
  readonly identify: (name: string, remoteAddress: string) => OpenStreamPeer | string;
  /** New ones for each stream; see SubtreeReader. None by default. */
  readonly readers?: () => readonly SubtreeReader[];
  /** Without anything from an agent it is given up. Default 90 000. */
  readonly holdTime?: number;
  /** Default 30 000. */
  readonly pingInterval?: number;
  /** For the begin of a stream, and for the answer to a ping. Default 15 000. */
  readonly timeout?: number;
  /** See ServerLimits. Default 16 MiB. */
  readonly maxOutputBytes?: number;
  /** Of connections that have no session yet. Default 200, and 20 of an address. */
  readonly admission?: AdmissionLimits;
  readonly log: Log;
}

interface OpenStreamServerEvents {
  session: (session: ServerSession) => void;
}

/** Whom agents of Contrail address, and who answers them. */
const CONTROL_NODE = 'network-control@contrailsystems.com';

const ADMISSION_LIMITS: AdmissionLimits = { maxUnauthenticated: 200, maxUnauthenticatedPerAddress: 20 };

/** Addresses and reasons that the log has had: bounded, whoever comes. */
const MAX_REFUSALS = 1000;

export class OpenStreamServer {
  readonly #options: OpenStreamServerOptions;
  readonly #timeout: number;
  #tls: TlsOptions;
  readonly #listeners: Listeners<OpenStreamServerEvents>;
  readonly #pump = new OutputPump();
  /** By account. */
  readonly #sessions = new Map<string, CarriedSession>();
  readonly #connections = new Map<Socket, OpenConnection>();
  readonly #admission: Admission;
  readonly #refusals = new Set<string>();
  #servers: readonly Server[] = [];

  constructor(options: OpenStreamServerOptions) {
    this.#options = options;
    const { tls, timeout = 15_000, admission = ADMISSION_LIMITS, log } = options;
    this.#admission = new Admission(admission, log);
    this.#timeout = timeout;
    this.#tls = mutual(tls, timeout);
    this.#listeners = new Listeners((event, err) =>
      log.error({ err }, `XMPP: ${event} was not dealt with; the server goes on`),
    );
  }

  /** Returns what removes the listener again. */
  on<Name extends keyof OpenStreamServerEvents>(
    event: Name,
    listener: OpenStreamServerEvents[Name],
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  /** For handshakes from now on. @throws XmppError 'tls', and keeps the former ones, where these cannot be used. */
  setTls(tls: ServerTls): void {
    this.#tls = mutual(tls, this.#timeout);
  }

  /** Listens on all addresses or on none; throws XmppError 'listen' that names the address. */
  async listen(): Promise<AddressInfo[]> {
    const addresses: AddressInfo[] = [];
    try {
      for (const listener of this.#options.listen) addresses.push(await this.#listenOn(listener));
    } catch (error) {
      await this.close();
      throw error;
    }
    return addresses;
  }

  /** Ends all sessions; resolves when every connection is closed. */
  async close(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    const connections = [...this.#connections.values()];
    await Promise.all(connections.map((connection) => connection.close('system-shutdown')));
    for (const socket of this.#connections.keys()) socket.destroy();
    await Promise.all(closed);
  }

  async #listenOn(listener: OpenStreamListener): Promise<AddressInfo> {
    const { address, port } = listener;
    const { log } = this.#options;
    try {
      const server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
        this.#accept(socket, listener),
      );
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

  #accept(socket: Socket, { allows, starttls }: OpenStreamListener): void {
    const { readers = () => [], holdTime = 90_000, pingInterval = 30_000, log } = this.#options;
    socket.on('error', () => {});
    // Gone already.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const remoteAddress = plainAddress(socket.remoteAddress);
    const refused = (reason: string): void => this.#logRefusal(remoteAddress, reason);
    if (!allows(remoteAddress)) {
      refused('its address is not allowed');
      return void socket.destroy();
    }
    const release = this.#admission.admit(remoteAddress, () => socket.destroy());
    if (release === undefined) return void socket.destroy();
    const connection = new OpenConnection({
      socket,
      remoteAddress,
      tls: starttls ? this.#tls : undefined,
      limits: STREAM_LIMITS,
      readers,
      holdTime,
      pingInterval,
      timeout: this.#timeout,
      answersAs: (header) => this.#answersAs(header, remoteAddress),
      admit: (header, carrier, onProgress) => {
        const admitted = this.#admit(header, { socket: carrier, remoteAddress, onProgress });
        release();
        return admitted;
      },
      begun: (session) => this.#onBegun(session),
      refused,
      log,
    });
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      release();
    });
  }

  #answersAs({ from, to }: OpenHeader, remoteAddress: string): string {
    const { domain } = this.#options;
    const { kind } = this.#identify(from, remoteAddress);
    if (kind === 'contrail') return bare(to) || CONTROL_NODE;
    if (to.toLowerCase() === domain.toLowerCase()) return domain;
    const why = `it addresses ${JSON.stringify(to.slice(0, 100))}, which is not ${domain}`;
    throw new XmppError('stream', why, { condition: 'host-unknown' });
  }

  #identify(from: string, remoteAddress: string): OpenStreamPeer {
    const peer = this.#options.identify(bare(from), remoteAddress);
    if (typeof peer === 'string') throw new XmppError('stream', peer, { condition: 'not-authorized' });
    return peer;
  }

  #admit(
    { from, to, namespace }: OpenHeader,
    carrier: {
      readonly socket: Socket;
      readonly remoteAddress: string;
      readonly onProgress: () => void;
    },
  ): Admitted {
    const { domain, maxOutputBytes = MAX_OUTPUT_BYTES, log } = this.#options;
    const { account, kind } = this.#identify(from, carrier.remoteAddress);
    if (kind === 'draft' && namespace !== NS_CLIENT)
      throw new XmppError('stream', 'it speaks no XMPP for clients', { condition: 'invalid-namespace' });
    const common = { ...carrier, account, maxOutputBytes, pump: this.#pump, log };
    void this.#sessions.get(account)?.close('conflict', 'replaced by a new session of this identity');
    const peer = bare(from);
    let admitted: Admitted;
    if (kind === 'contrail') {
      const session = new ContrailSession({ ...common, peer, server: bare(to) || CONTROL_NODE, namespace });
      admitted = { session, onStanza: (stanza) => session.onStanza(stanza), fill: () => session.fill() };
    } else {
      const resource = from.slice(peer.length + 1) || randomBytes(9).toString('base64url');
      const session = new Session({ ...common, domain, resource });
      const onStanza = (stanza: Element): void => {
        // Its name for itself is mapped to the account; what is not its name stays, and is refused.
        if (bare(attribute(stanza, 'from') ?? '') === peer) delete stanza.attrs['from'];
        session.onStanza(stanza);
      };
      admitted = { session, onStanza, ping: () => session.ping() };
    }
    const { session } = admitted;
    this.#sessions.set(account, session);
    session.on('close', (reason) => {
      if (this.#sessions.get(account) === session) this.#sessions.delete(account);
      const { jid, remoteAddress } = session;
      log.info({ jid, remoteAddress, reason }, 'XMPP: open stream closed');
    });
    return admitted;
  }

  #onBegun(session: CarriedSession): void {
    const { jid, remoteAddress } = session;
    this.#options.log.info({ jid, remoteAddress }, 'XMPP: open stream established, without authentication');
    this.#listeners.emit('session', session);
  }

  /** Loud once: a peer that is not configured comes again and again. */
  #logRefusal(remoteAddress: string, reason: string): void {
    const subject = `${remoteAddress} ${reason}`;
    const level = this.#refusals.has(subject) ? 'debug' : 'warn';
    if (this.#refusals.size >= MAX_REFUSALS) this.#refusals.clear();
    this.#refusals.add(subject);
    this.#options.log[level](
      { remoteAddress },
      `XMPP: an open stream from ${remoteAddress} is refused: ${reason}; a repetition is logged as debug`,
    );
  }
}

/** The certificate of a peer says nothing about who it is, but that it may come: unlike XmppServer's, there is no password beside it. */
function mutual(tls: ServerTls, timeout: number): TlsOptions {
  return { ...secureOptions(tls, timeout), rejectUnauthorized: tls.clientCa !== undefined };
}

/** An IPv4 address as such, also where it came to a socket of IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
}
