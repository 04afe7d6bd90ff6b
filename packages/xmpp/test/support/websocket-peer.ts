// A peer that says over a WebSocket inside TLS whatever a test wants.
import { createServer } from 'node:https';
import { vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { parseClientFirst, ScramServer, scramCredentials } from '../../src/scram.ts';
import type { Leaf } from './certificates.ts';
import { fromBase64, PATIENCE, Peers, toBase64 } from './peer.ts';

const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const NS_BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
export const NS_FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
export const features = (inner: string): string =>
  `<stream:features xmlns:stream='http://etherx.jabber.org/streams'>${inner}</stream:features>`;

export class WebSocketPeer {
  readonly socket: WebSocket;
  readonly received: string[] = [];
  closed = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (message: Buffer) => this.received.push(message.toString()));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...messages: string[]): void {
    for (const message of messages) this.socket.send(message);
  }

  /** The next message, which must be like this; its first group, or the whole. */
  async take(pattern: RegExp): Promise<string> {
    await vi.waitFor(() => {
      if (this.received.length === 0) throw new Error(`nothing came in place of ${pattern}`);
    }, PATIENCE);
    const message = this.received.shift() ?? '';
    const match = pattern.exec(message);
    if (!match) throw new Error(`no ${pattern}: ${message}`);
    return match[1] ?? match[0];
  }

  async open(domain: string): Promise<void> {
    await this.take(new RegExp(`^<open xmlns="${NS_FRAMING}" to="${domain}" version="1.0"/>$`));
    this.send(`<open xmlns='${NS_FRAMING}' from='${domain}' id='s' version='1.0'/>`);
  }

  async session(domain: string, password: string, jid: string): Promise<void> {
    await this.open(domain);
    this.send(features(`<mechanisms xmlns='${NS_SASL}'><mechanism>SCRAM-SHA-256</mechanism></mechanisms>`));
    const first = parseClientFirst(fromBase64(await this.take(/^<auth [^>]*>([^<]*)<\/auth>$/)));
    if (!first) throw new Error('malformed client-first');
    const scram = new ScramServer(first, scramCredentials(password));
    this.send(`<challenge xmlns='${NS_SASL}'>${toBase64(scram.challenge)}</challenge>`);
    const result = scram.finish(fromBase64(await this.take(/^<response [^>]*>([^<]*)<\/response>$/)));
    if (!('success' in result)) throw new Error(result.failure);
    this.send(`<success xmlns='${NS_SASL}'>${toBase64(result.success)}</success>`);
    await this.open(domain);
    this.send(features(`<bind xmlns='${NS_BIND}'/>`));
    const id = await this.take(/^<iq type="set" id="([^"]*)" xmlns="jabber:client">.*<\/iq>$/);
    this.send(
      `<iq xmlns='jabber:client' type='result' id='${id}'><bind xmlns='${NS_BIND}'><jid>${jid}</jid></bind></iq>`,
    );
  }
}

export class WebSocketPeers extends Peers<WebSocketPeer> {
  readonly urls: string[] = [];

  /** Without a subprotocol, plain WebSockets are what is spoken. */
  constructor(leaf: Leaf, script: (peer: WebSocketPeer) => Promise<void> | void, protocol = 'xmpp') {
    const server = createServer({ cert: leaf.certificate, key: leaf.key });
    super(server, script);
    server.on('tlsClientError', () => {});
    server.on('upgrade', ({ url, headers }) => this.urls.push(`${headers.host}${url}`));
    const path = '/xmpp-websocket';
    const sockets = new WebSocketServer({ server, path, handleProtocols: () => protocol });
    sockets.on('connection', (socket) => this.begin(new WebSocketPeer(socket), () => socket.terminate()));
  }
}
