// One end of a plain TCP connection that says whatever a test wants, and waits for what the other side says.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { vi } from 'vitest';

export class OpenPeer {
  socket: Socket;
  received = '';
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.listen(socket);
  }

  static async connect(port: number, localAddress = '127.0.0.1'): Promise<OpenPeer> {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    const peer = new OpenPeer(socket);
    await once(socket, 'connect');
    return peer;
  }

  /** Goes on above TLS. */
  listen(socket: Socket): void {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString();
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

/** Takes connections in plaintext. */
export class OpenListener {
  readonly peers: OpenPeer[] = [];
  readonly #server: Server;
  port = 0;

  constructor(script: (peer: OpenPeer) => Promise<void> | void = () => {}) {
    this.#server = createServer((socket) => {
      const peer = new OpenPeer(socket);
      this.peers.push(peer);
      // A script that waits for what never comes ends with the connection.
      Promise.resolve(script(peer)).catch(() => socket.destroy());
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** The n-th connection, from 0. */
  async peer(number: number): Promise<OpenPeer> {
    return await vi.waitFor(
      () => {
        const peer = this.peers[number];
        if (peer === undefined) throw new Error(`no connection ${number}`);
        return peer;
      },
      { timeout: 30_000, interval: 5 },
    );
  }

  close(): void {
    for (const { socket } of this.peers) socket.destroy();
    this.#server.close();
  }
}
