// One end of a connection that says whatever a test wants, right or wrong, and waits for what the other side says; and what takes such
// connections.
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { vi } from 'vitest';

/** How long the other side may take, in milliseconds. */
export const PATIENCE = { timeout: 30_000, interval: 5 };

export class Peer<Carrier extends Socket = Socket> {
  socket: Carrier;
  received = '';
  closed = false;

  constructor(socket: Carrier) {
    this.socket = socket;
    this.listen(socket);
  }

  /** What comes there is what is said from now on. */
  listen(socket: Carrier): void {
    this.socket = socket;
    const decoder = new StringDecoder();
    socket.on('data', (bytes: Buffer) => {
      this.received += decoder.write(bytes);
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
    const match = await vi.waitFor(() => {
      const found = pattern.exec(this.received);
      if (!found) throw new Error(`no ${pattern} in ${JSON.stringify(this.received.slice(-2000))}`);
      return found;
    }, PATIENCE);
    this.received = this.received.slice(match.index + match[0].length);
    return match[1] ?? match[0];
  }

  async untilClosed(): Promise<void> {
    await vi.waitFor(() => {
      if (!this.closed) throw new Error('the connection is still open');
    }, PATIENCE);
  }
}

/** Listens on loopback; with each peer that comes it follows a script. */
export class Peers<Kind> {
  readonly peers: Kind[] = [];
  readonly #server: Server;
  readonly #script: (peer: Kind) => Promise<void> | void;
  readonly #sockets = new Set<Socket>();
  port = 0;

  constructor(server: Server, script: (peer: Kind) => Promise<void> | void) {
    this.#server = server;
    this.#script = script;
    server.on('connection', (socket: Socket) => this.#sockets.add(socket));
  }

  /** On the port of before where it has listened already. */
  async listen(): Promise<this> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** The n-th that comes, from 0. */
  async peer(number: number): Promise<Kind> {
    return await vi.waitFor(() => {
      const peer = this.peers[number];
      if (peer === undefined) throw new Error(`no connection ${number}`);
      return peer;
    }, PATIENCE);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  protected begin(peer: Kind, end: () => void): void {
    this.peers.push(peer);
    // A script that waits for what never comes ends with the connection.
    Promise.resolve(this.#script(peer)).catch(end);
  }
}

export function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
