// A peer that begins in plaintext and says there whatever a test wants; it can go on inside TLS.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { vi } from 'vitest';
import type { Leaf } from './certificates.ts';
import { features, ServerPeer, serverHeader } from './scripted-peer.ts';

const NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
export const STARTTLS_FEATURE = `<starttls xmlns='${NS_TLS}'><required/></starttls>`;
export const PROCEED = `<proceed xmlns='${NS_TLS}'/>`;
export const TLS_FAILURE = `<failure xmlns='${NS_TLS}'/>`;

export class PlainPeer {
  readonly #socket: Socket;
  /** All that came before TLS. */
  plaintext = '';
  closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.plaintext += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  end(): void {
    this.#socket.end();
  }

  async saw(pattern: RegExp): Promise<void> {
    await vi.waitFor(
      () => {
        if (!pattern.test(this.plaintext)) throw new Error(`no ${pattern} in ${this.plaintext}`);
      },
      { timeout: 30_000, interval: 5 },
    );
  }

  /** Header and features. */
  async offer(domain: string, inner = STARTTLS_FEATURE): Promise<void> {
    await this.saw(/<stream:stream[^>]*>/);
    this.send(serverHeader(domain) + features(inner));
  }

  /** Offers STARTTLS and waits for it to be taken. */
  async asked(domain: string): Promise<void> {
    await this.offer(domain);
    await this.saw(/<starttls[^>]*>/);
  }

  /** What comes from now on is TLS. */
  upgrade(leaf: Leaf): ServerPeer {
    this.#socket.removeAllListeners('data');
    const secure = new TLSSocket(this.#socket, { isServer: true, cert: leaf.certificate, key: leaf.key });
    return new ServerPeer(secure);
  }
}

export class PlainServer {
  readonly #server: Server;
  readonly peers: PlainPeer[] = [];
  readonly #sockets: Socket[] = [];
  port = 0;

  constructor(script: (peer: PlainPeer) => Promise<void> | void) {
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      const peer = new PlainPeer(socket);
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
