// A process of its own that is all the peers of a speaker: their sessions on addresses of loopback, what they announce, and a count of the routes that they are told.
// Told what to do by IPC; bytes are made before they are asked for.
import { connect, type Socket } from 'node:net';
import { encodeMessage, initialOptions } from '../src/index.ts';
import { interestMessages, openMessage, type TableSpec, tableMessages } from './routes.ts';

export interface PeerOrder {
  /** Of loopback: 127.1.x.y by this number. */
  readonly host: number;
  readonly table: Omit<TableSpec, 'peer'> | undefined;
  /** Route targets that it says it wants; undefined: it does not speak of them. */
  readonly interest: number | undefined;
}

export type Order =
  | {
      readonly kind: 'connect';
      readonly address: string;
      readonly port: number;
      readonly peers: readonly PeerOrder[];
    }
  /** Announce all. */
  | { readonly kind: 'announce' }
  /** Say when one peer has been told so many routes. */
  | { readonly kind: 'expect'; readonly host: number; readonly routes: number }
  | { readonly kind: 'drop'; readonly host: number };

export type Report = 'connected' | 'announced' | 'received' | 'dropped';

export const peerAddress = (host: number): string => `127.1.${host >> 8}.${host & 255}`;

interface Peer {
  readonly socket: Socket;
  readonly bytes: Uint8Array | undefined;
  routes: number;
  expected: number;
}

const peers = new Map<number, Peer>();
const say = (report: Report) => process.send?.(report);

async function connectAll(order: Order & { kind: 'connect' }): Promise<void> {
  await Promise.all(
    order.peers.map(async ({ host, table, interest }) => {
      const bytes = table && tableMessages({ ...table, peer: host });
      const peer: Peer = {
        socket: await established(order, host, interest),
        bytes,
        routes: 0,
        expected: Number.POSITIVE_INFINITY,
      };
      peers.set(host, peer);
    }),
  );
  say('connected');
}

/** Tries until the other end takes it: some take connections only some time after they came up. */
async function established(
  { address, port }: { address: string; port: number },
  host: number,
  interest: number | undefined,
): Promise<Socket> {
  for (;;) {
    const socket = connect({ host: address, port, localAddress: peerAddress(host) });
    const isUp = await handshake(socket, host, interest);
    await new Promise((resolve) => setTimeout(resolve, settleTime));
    if (isUp && !socket.destroyed && !socket.readableEnded) return socket;
    socket.destroy();
  }
}

function handshake(socket: Socket, host: number, interest: number | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const keepalive = encodeMessage({ type: 'keepalive' }, initialOptions);
    socket.on('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.write(openMessage(host, interest !== undefined)));
    let isUp = false;
    let left: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
      let at = 0;
      for (; left.length - at >= 19; ) {
        const length = left.readUInt16BE(at + 16);
        if (left.length - at < length) break;
        const type = left[at + 18];
        if (type === 1) socket.write(keepalive);
        else if (type === 4 && !isUp) {
          isUp = true;
          const beat = setInterval(() => socket.write(keepalive), beatInterval);
          socket.once('close', () => clearInterval(beat));
          if (interest !== undefined) socket.write(interestMessages(interest));
          resolve(true);
        } else if (type === 2) count(host, left, at, length);
        else if (type === 3) resolve(false);
        at += length;
      }
      left = left.subarray(at);
    });
  });
}

/** Milliseconds between two KEEPALIVEs: all sides have a hold time of 90 s. */
const beatInterval = 20_000;

/** Milliseconds: with many peers at once FRR ends some sessions right behind their beginning. */
const settleTime = 1_000;

/** Octets of an NLRI of VPNv4 whose prefix is a host's: length, label, RD, address. */
const nlriOctets = 16;
const mpReach = 14;

/** Routes of VPNv4 in an UPDATE: attribute 14, AFI, SAFI, nexthop of 12 octets. */
function count(host: number, bytes: Buffer, start: number, length: number): void {
  const peer = peers.get(host);
  if (peer === undefined) return;
  const end = start + length;
  let at = start + 19;
  at += 2 + bytes.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
    const size = isLong ? bytes.readUInt16BE(at + 2) : (bytes[at + 2] ?? 0);
    const value = at + (isLong ? 4 : 3);
    if (bytes[at + 1] === mpReach && bytes.readUInt16BE(value) === 1 && bytes[value + 2] === 128)
      peer.routes += Math.floor((size - 5 - (bytes[value + 3] ?? 0)) / nlriOctets);
    at = value + size;
  }
  if (peer.routes < peer.expected) return;
  peer.expected = Number.POSITIVE_INFINITY;
  say('received');
}

async function announceAll(): Promise<void> {
  await Promise.all(
    [...peers.values()].map(
      ({ socket, bytes }) => bytes && new Promise<void>((resolve) => socket.write(bytes, () => resolve())),
    ),
  );
  say('announced');
}

process.on('message', (order: Order) => {
  if (order.kind === 'connect') void connectAll(order);
  else if (order.kind === 'announce') void announceAll();
  else if (order.kind === 'drop') {
    peers.get(order.host)?.socket.destroy();
    say('dropped');
  } else {
    const peer = peers.get(order.host);
    if (peer === undefined) return;
    peer.expected = order.routes;
    if (peer.routes >= order.routes) say('received');
  }
});
process.on('disconnect', () => process.exit());
