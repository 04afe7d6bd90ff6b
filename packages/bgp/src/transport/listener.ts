// Accepts the connections of configured peers, on any number of local addresses. Owns the listening sockets and their keys; what becomes of a
// connection is the session's. A connection of an unknown address is closed at once, before anything of it is read.
import { createServer, type Server, type Socket } from 'node:net';
import { addressFamily, type IpAddress, parseIpAddress } from '@hostpe/net';
import { BgpError } from '../error.ts';
import type { SessionClock } from '../session/clock.ts';
import type { Wire } from '../session/wire.ts';
import type { PeerProtection } from './dialer.ts';
import { descriptor, limitHops, signSegments } from './socket-options.ts';
import { TcpWire } from './tcp-wire.ts';

export interface AcceptedPeer {
  readonly address: IpAddress;
  readonly protection: PeerProtection;
  /** Takes each of its connections. */
  readonly accept: (wire: Wire) => void;
}

export interface BgpListenerEvents {
  /** A connection was closed at once: of an unknown address, or because an option could not be had. */
  refused(address: string, reason: string): void;
}

/** Connections that the system completes and nobody has accepted yet. */
const backlog = 1024;

export class BgpListener {
  readonly #clock: SessionClock;
  readonly #events: BgpListenerEvents;
  readonly #peers = new Map<string, AcceptedPeer>();
  readonly #servers: { readonly address: IpAddress; readonly server: Server }[] = [];

  constructor(clock: SessionClock, events: BgpListenerEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /**
   * @param port 0: one that is free
   * @returns the port
   * @throws BgpError `transport`, also where a key of a peer is not to be had there
   */
  async listen(address: IpAddress, port: number): Promise<number> {
    const server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new BgpError('transport', `cannot listen on ${address} port ${port}: ${cause.message}`)),
      );
      server.listen({ host: address, port, backlog, ipv6Only: true }, resolve);
    });
    try {
      for (const peer of this.#peers.values()) protect(server, address, peer);
    } catch (error) {
      server.close();
      throw error;
    }
    this.#servers.push({ address, server });
    // Such as a lack of descriptors: the next connection may be accepted again.
    server.on('error', (cause) => this.#events.refused(address, cause.message));
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }

  /** In place of the one of its address. @throws BgpError `transport` where its key is not to be had; then it is not added. */
  add(peer: AcceptedPeer): void {
    this.remove(peer.address);
    for (const { address, server } of this.#servers) protect(server, address, peer);
    this.#peers.set(peer.address, peer);
  }

  /** Its connections that are there stay. */
  remove(address: IpAddress): void {
    const peer = this.#peers.get(address);
    if (peer === undefined || !this.#peers.delete(address) || peer.protection.key === undefined) return;
    for (const { address: local, server } of this.#servers)
      if (addressFamily(local) === addressFamily(address))
        signSegments(descriptor(server, address), address, undefined);
  }

  /** Accepts no more; connections that are there stay. */
  close(): void {
    for (const { server } of this.#servers.splice(0)) server.close();
  }

  #accept(socket: Socket): void {
    const remote = socket.remoteAddress ?? 'an address that is gone';
    const peer = this.#peers.get(canonical(remote));
    socket.on('error', () => undefined);
    if (peer === undefined) {
      this.#events.refused(remote, 'no peer of that address is configured');
      socket.destroy();
      return;
    }
    try {
      const { hops } = peer.protection;
      if (hops !== undefined) limitHops(descriptor(socket, peer.address), peer.address, hops);
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.#events.refused(remote, error.message);
      socket.destroy();
      return;
    }
    peer.accept(new TcpWire(socket, this.#clock));
  }
}

/** What has to be there before the first segment of a connection. */
function protect(server: Server, local: IpAddress, { address, protection }: AcceptedPeer): void {
  if (addressFamily(local) !== addressFamily(address)) return;
  const { key, hops } = protection;
  if (key !== undefined) signSegments(descriptor(server, address), address, key);
  if (hops !== undefined) limitHops(descriptor(server, address), address, undefined);
}

/** As addresses are compared; one with a zone is nobody's. */
function canonical(address: string): string {
  try {
    return parseIpAddress(address);
  } catch {
    return '';
  }
}
