// A peer that says over TLS whatever a test wants: the steps of a server and of a client, each for itself.
import { once } from 'node:events';
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { parseClientFirst, ScramClient, ScramServer, scramCredentials } from '../../src/scram.ts';
import type { Leaf } from './certificates.ts';
import { fromBase64, Peer, Peers, toBase64 } from './peer.ts';

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

/** The steps of a well-behaved server, so that a script can go as far as it likes. */
export class ServerPeer extends Peer<TLSSocket> {
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

export class ScriptedServer extends Peers<ServerPeer> {
  constructor(leaf: Leaf, script: (peer: ServerPeer) => Promise<void> | void, options: TlsOptions = {}) {
    const server = createServer({ cert: leaf.certificate, key: leaf.key, ...options }, (socket) =>
      this.begin(new ServerPeer(socket), () => socket.destroy()),
    );
    server.on('tlsClientError', () => {});
    super(server, script);
  }
}

/** The steps of a well-behaved client. */
export class ClientPeer extends Peer<TLSSocket> {
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
