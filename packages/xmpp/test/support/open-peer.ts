// A peer in plaintext, which can go on above TLS.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Peer, Peers } from './peer.ts';

export class OpenPeer extends Peer {
  static async connect(port: number, localAddress = '127.0.0.1'): Promise<OpenPeer> {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    const peer = new OpenPeer(socket);
    await once(socket, 'connect');
    return peer;
  }
}

/** Takes connections in plaintext. */
export class OpenListener extends Peers<OpenPeer> {
  constructor(script: (peer: OpenPeer) => Promise<void> | void = () => {}) {
    const server = createServer((socket) => this.begin(new OpenPeer(socket), () => socket.destroy()));
    super(server, script);
  }
}
