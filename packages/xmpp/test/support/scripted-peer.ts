// A peer that says over TLS whatever a test wants, right or wrong, and waits for what the other side says.
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import {
  type ConnectionOptions,
  connect,
  createServer,
  type Server,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { vi } from 'vitest';
import { parseClientFirst, ScramClient, ScramServer, scramCredentials } from '../../src/scram.ts';
import type { Leaf } from './certificates.ts';

const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const NS_BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const NAMESPACES = `xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'`;
const SCRAM = `<mechanisms xmlns='${NS_SASL}'><mechanism>SCRAM-SHA-256</mechanism></mechanisms>`;

export const BIND_FEATURE = `<bind xmlns='${NS_BIND}'/>`;
export const SCRAM_FEATURE = SCRAM;
export const features = (inner: string): string => `<stream:features>${inner}</stream:features>`;
export const serverHeader = (domain: string): string =>
  `<?xml version='1.0'?><stream:stream ${NAMESPACES} from='${domain}' id='s'>`;
export const clientHeader = (domain: string): string =>
  `<?xml version='1.0'?><stream:stream ${NAMESPACES} to='${domain}'>`;

/** One end of a TLS connection. */
class Peer {
  readonly socket: TLSSocket;
  received = '';
  closed = false;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Waits for it, and forgets everything up to its end; returns its first group, or the whole. */
  async take(pattern: RegExp): Promise<string> {
    const match = await vi.waitFor(
      () => {
        const found = pattern.exec(this.received);
        if (!found) throw new Error(`no ${pattern} in ${JSON.stringify(this.received.slice(-2000))}`);
        return found;
      },
      { timeout: 30_000, interval: 5 },
    );
    this.received = this.received.slice(match.index + match[0].length);
    return match[1] ?? match[0];
  }

  async untilClosed(): Promise<void> {
    await vi.waitFor(
      () => {
        if (!this.closed) throw new Error('the connection is still open');
      },
      { timeout: 30_000, interval: 5 },
    );
  }
}

/** The steps of a well-behaved server, so that a script can go as far as it likes. */
export class ServerPeer extends Peer {
  async header(domain: string): Promise<void> {
    await this.take(/<stream:stream[^>]*>/);
    this.send(serverHeader(domain));
  }

  /** Takes the client's first message and challenges it. */
  async challenge(password: string): Promise<ScramServer> {
    const first = parseClientFirst(fromBase64(await this.take(/<auth [^>]*>([^<]*)<\/auth>/)));
    if (!first) throw new Error('malformed client-first');
    const scram = new ScramServer(first, scramCredentials(password));
    this.send(`<challenge xmlns='${NS_SASL}'>${toBase64(scram.challenge)}</challenge>`);
    return scram;
  }

  async response(): Promise<string> {
    return fromBase64(await this.take(/<response [^>]*>([^<]*)<\/response>/));
  }

  success(text: string): void {
    this.send(`<success xmlns='${NS_SASL}'>${toBase64(text)}</success>`);
  }

  async authenticate(domain: string, password: string): Promise<void> {
    await this.header(domain);
    this.send(features(SCRAM));
    const scram = await this.challenge(password);
    const result = scram.finish(await this.response());
    if (!('success' in result)) throw new Error(result.failure);
    this.success(result.success);
  }

  async bind(domain: string, jid: string): Promise<void> {
    await this.header(domain);
    this.send(features(BIND_FEATURE));
    const id = await this.take(/<iq[^>]* id="([^"]*)"/);
    this.send(`<iq type='result' id='${id}'><bind xmlns='${NS_BIND}'><jid>${jid}</jid></bind></iq>`);
  }
}

export class ScriptedServer {
  readonly #server: Server;
  readonly peers: ServerPeer[] = [];
  readonly #sockets = new Set<Socket>();
  port = 0;

  constructor(leaf: Leaf, script: (peer: ServerPeer) => Promise<void> | void, options: TlsOptions = {}) {
    this.#server = createServer({ cert: leaf.certificate, key: leaf.key, ...options });
    this.#server.on('connection', (socket: Socket) => this.#sockets.add(socket));
    this.#server.on('tlsClientError', () => {});
    this.#server.on('secureConnection', (socket) => {
      const peer = new ServerPeer(socket);
      this.peers.push(peer);
      // A script that waits for what never comes ends with the connection.
      Promise.resolve(script(peer)).catch(() => socket.destroy());
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** The steps of a well-behaved client. */
export class ClientPeer extends Peer {
  static async connect(
    port: number,
    ca: string,
    domain: string,
    options: ConnectionOptions & { readonly localAddress?: string } = {},
  ): Promise<ClientPeer> {
    const socket = connect({ port, host: '127.0.0.1', ca, servername: domain, ...options });
    const peer = new ClientPeer(socket);
    await once(socket, 'secureConnect');
    return peer;
  }

  async header(domain: string): Promise<void> {
    this.send(clientHeader(domain));
    await this.take(/<stream:features>.*?<\/stream:features>/);
  }

  auth(text: string, mechanism = 'SCRAM-SHA-256'): void {
    this.send(`<auth xmlns='${NS_SASL}' mechanism='${mechanism}'>${toBase64(text)}</auth>`);
  }

  response(text: string): void {
    this.send(`<response xmlns='${NS_SASL}'>${toBase64(text)}</response>`);
  }

  async challenge(): Promise<string> {
    return fromBase64(await this.take(/<challenge[^>]*>([^<]*)<\/challenge>/));
  }

  async authenticate(account: string, password: string): Promise<void> {
    const scram = new ScramClient(account, password);
    this.auth(scram.first());
    this.response(await scram.final(await this.challenge()));
    scram.verify(fromBase64(await this.take(/<success[^>]*>([^<]*)<\/success>/)));
  }

  /** All of it; returns the full JID. */
  async session(domain: string, account: string, password: string): Promise<string> {
    await this.header(domain);
    await this.authenticate(account, password);
    await this.header(domain);
    this.send(`<iq type='set' id='b'><bind xmlns='${NS_BIND}'><resource>r</resource></bind></iq>`);
    return await this.take(/<jid>([^<]*)<\/jid>/);
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
