// Connects to a peer over TCP. Owns an attempt's socket until it is a wire; when to try is the session's.
import { Socket } from 'node:net';
import { addressFamily, type IpAddress } from '@hostpe/net';
import { BgpError } from '../error.ts';
import type { SessionClock } from '../session/clock.ts';
import type { Dialer, Wire } from '../session/wire.ts';
import { closeDescriptor, limitHops, openTcpSocket, signSegments } from './socket-options.ts';
import { TcpWire } from './tcp-wire.ts';

/** How a peer is reached. */
export interface PeerAddress {
  readonly address: IpAddress;
  /** Of the peer's listener; connections of the peer's may come from any. */
  readonly port: number;
  /** Undefined: the system chooses. */
  readonly localAddress: IpAddress | undefined;
  readonly protection: PeerProtection;
}

export interface PeerProtection {
  /** TCP-MD5 (RFC 2385); undefined: none. Never logged. */
  readonly key: string | undefined;
  /** GTSM (RFC 5082): most hops to the peer, 1 to 255; undefined: none. */
  readonly hops: number | undefined;
}

export class TcpDialer implements Dialer {
  readonly #peer: PeerAddress;
  readonly #clock: SessionClock;

  constructor(peer: PeerAddress, clock: SessionClock) {
    this.#peer = peer;
    this.#clock = clock;
  }

  dial(done: (result: Wire | BgpError) => void): () => void {
    const { address, port, localAddress } = this.#peer;
    let socket: Socket;
    try {
      socket = this.#socket();
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      let givenUp = false;
      queueMicrotask(() => givenUp || done(error));
      return () => {
        givenUp = true;
      };
    }
    const failed = (error: Error): void =>
      done(new BgpError('transport', `peer ${address} port ${port}: ${error.message}`));
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      done(new TcpWire(socket, this.#clock));
    });
    socket.connect({
      host: address,
      port,
      family: addressFamily(address) === 'ipv4' ? 4 : 6,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    return () => {
      socket.off('error', failed);
      // An attempt that is given up may fail all the same.
      socket.on('error', () => undefined);
      socket.destroy();
    };
  }

  /** Options have to be there before the first segment, so the socket is made here where there are any. */
  #socket(): Socket {
    const { address, protection } = this.#peer;
    const { key, hops } = protection;
    if (key === undefined && hops === undefined) return new Socket();
    const fd = openTcpSocket(address);
    try {
      if (key !== undefined) signSegments(fd, address, key);
      if (hops !== undefined) limitHops(fd, address, hops);
      return new Socket({ fd, readable: true, writable: true });
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }
}
