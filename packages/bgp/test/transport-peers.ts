// What the tests on real sockets share: speakers on loopback addresses, and a raw peer that says what a test wants.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseIpAddress } from '@hostpe/net';
import { vi } from 'vitest';
import {
  BgpListener,
  type ConnectionEnd,
  encodeMessage,
  initialOptions,
  type Negotiated,
  type PeerProtection,
  Session,
  type SessionClock,
  type SessionConfiguration,
  TcpDialer,
} from '../src/index.ts';
import { localOpen } from '../src/session/negotiation.ts';
import { configuration, ManualClock } from './session-values.ts';

export const realClock: SessionClock = {
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
};

export const unprotected: PeerProtection = { key: undefined, hops: undefined };

/** A session with its own listener, and all that it told. */
export interface Speaker {
  readonly session: Session;
  readonly listener: BgpListener;
  readonly clock: ManualClock;
  /** Of its sockets: moves apart, as what is closed should not need it. */
  readonly lingering: ManualClock;
  readonly port: number;
  readonly ups: { readonly negotiated: Negotiated; readonly wire: string }[];
  readonly downs: ConnectionEnd[];
  readonly failures: string[];
  readonly refused: string[];
  messages: number;
  drained: number;
  onMessage: () => void;
}

/** Where the peer is; its port may be known later. */
export interface PeerPlace {
  readonly address: string;
  port: number;
}

export async function speaker(
  address: string,
  peer: PeerPlace,
  changes: Partial<SessionConfiguration> = {},
  protection: PeerProtection = unprotected,
  time?: SessionClock,
): Promise<Speaker> {
  const clock = new ManualClock();
  const lingering = new ManualClock();
  const refused: string[] = [];
  const listener = new BgpListener(lingering, { refused: (from) => refused.push(from) });
  const port = await listener.listen(parseIpAddress(address), 0);
  const remote = parseIpAddress(peer.address);
  const made: Speaker = {
    listener,
    clock,
    lingering,
    port,
    refused,
    ups: [],
    downs: [],
    failures: [],
    messages: 0,
    drained: 0,
    onMessage: () => undefined,
    session: new Session({
      configuration: { ...configuration, ...changes },
      clock: time ?? clock,
      random: () => 1,
      dialer: {
        dial: (done) =>
          new TcpDialer(
            { address: remote, port: peer.port, localAddress: parseIpAddress(address), protection },
            lingering,
          ).dial(done),
      },
      listener: {
        up: (negotiated, wire) => made.ups.push({ negotiated, wire }),
        down: (end) => made.downs.push(end),
        message: () => {
          made.messages++;
          made.onMessage();
        },
        drained: () => {
          made.drained++;
        },
        changed: () => undefined,
        failed: (reason) => made.failures.push(reason),
      },
    }),
  };
  listener.add({ address: remote, protection, accept: (wire) => made.session.accept(wire) });
  return made;
}

export function end(...speakers: Speaker[]): void {
  for (const { session, listener } of speakers) {
    session.stop('deconfigured');
    listener.close();
  }
}

export function until(condition: () => boolean, what: string): Promise<void> {
  return vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${what}`);
    },
    { timeout: 10_000, interval: 5 },
  );
}

/** A peer of a test's own words. */
export interface RawPeer {
  readonly socket: Socket;
  /** Types and bodies of what came. */
  readonly received: { readonly type: number; readonly body: Uint8Array }[];
  readonly closed: () => boolean;
}

export function rawPeer(localAddress: string, place: PeerPlace): RawPeer {
  const socket = connect({ host: place.address, port: place.port, localAddress });
  const received: { type: number; body: Uint8Array }[] = [];
  let left = Buffer.alloc(0);
  let closed = false;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 19 && left.length >= left.readUInt16BE(16)) {
      const length = left.readUInt16BE(16);
      received.push({ type: left[18] ?? 0, body: Uint8Array.from(left.subarray(19, length)) });
      left = left.subarray(length);
    }
  });
  return { socket, received, closed: () => closed };
}

/** Brings a raw peer to Established. */
export async function establish(raw: RawPeer, changes: Partial<SessionConfiguration> = {}): Promise<void> {
  const open = localOpen({ ...configuration, identifier: parseIpAddress('192.0.2.9'), ...changes });
  raw.socket.write(encodeMessage(open, initialOptions));
  raw.socket.write(encodeMessage({ type: 'keepalive' }, initialOptions));
  await until(() => raw.received.some(({ type }) => type === 4), 'a KEEPALIVE');
}

/** A counter of the system's TCP (/proc/net/netstat), of this network namespace. */
export function tcpCounter(name: string): number {
  const [names = '', values = ''] = readFileSync('/proc/net/netstat', 'utf8').split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf(name)]);
}
