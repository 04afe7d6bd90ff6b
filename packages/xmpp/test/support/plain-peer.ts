// A peer that begins in plaintext and says there whatever a test wants; it can go on inside TLS.
import { createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { vi } from 'vitest';
import type { Leaf } from './certificates.ts';
import { PATIENCE, Peer, Peers } from './peer.ts';
import { features, ServerPeer, serverHeader } from './scripted-peer.ts';

const NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
export const STARTTLS_FEATURE = `<starttls xmlns='${NS_TLS}'><required/></starttls>`;
export const PROCEED = `<proceed xmlns='${NS_TLS}'/>`;
export const TLS_FAILURE = `<failure xmlns='${NS_TLS}'/>`;

export class PlainPeer extends Peer {
  /** All that came before TLS. */
  get plaintext(): string {
    return this.received;
  }

  end(): void {
    this.socket.end();
  }

  async saw(pattern: RegExp): Promise<void> {
    await vi.waitFor(() => {
      if (!pattern.test(this.plaintext)) throw new Error(`no ${pattern} in ${this.plaintext}`);
    }, PATIENCE);
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
    this.socket.removeAllListeners('data');
    const secure = new TLSSocket(this.socket, { isServer: true, cert: leaf.certificate, key: leaf.key });
    return new ServerPeer(secure);
  }
}

export class PlainServer extends Peers<PlainPeer> {
  constructor(script: (peer: PlainPeer) => Promise<void> | void) {
    const server = createServer({ noDelay: true }, (socket) =>
      this.begin(new PlainPeer(socket), () => socket.destroy()),
    );
    super(server, script);
  }
}
