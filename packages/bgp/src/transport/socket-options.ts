// The socket options that Node has no words for: TCP-MD5 (RFC 2385) and GTSM (RFC 5082), by setsockopt. Owns the layouts of linux/tcp.h and
// linux/in.h. Keys are in no error. Loaded where a peer needs it; others are reached without.
import type { Server, Socket } from 'node:net';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { addressFamily, addressToBytes, type IpAddress } from '@hostpe/net';
import koffi from 'koffi';
import { BgpError } from '../error.ts';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
const close = libc.func('int close(int fd)');

const domains = { ipv4: 2, ipv6: 10 } as const;
const typeStream = 1;
const typeCloseOnExec = 0o2000000;
const levelTcp = 6;
const tcpMd5Signature = 14;
/** IP_TTL and IP_MINTTL, IPV6_UNICAST_HOPS and IPV6_MINHOPCOUNT. */
const hopOptions = {
  ipv4: { level: 0, sent: 2, least: 21, names: 'IP_TTL, IP_MINTTL' },
  ipv6: { level: 41, sent: 16, least: 73, names: 'IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT' },
} as const;
const farthest = 255;
/** TCP_MD5SIG_MAXKEYLEN */
const longestKey = 80;
/** struct tcp_md5sig: sockaddr_storage of 128, flags, prefix length, u16 key length, int ifindex, the key. */
const signatureLength = 128 + 8 + longestKey;
const keyLengthAt = 130;
const keyAt = 136;

const littleEndian = endianness() === 'LE';

/** @returns the descriptor of a TCP socket that is neither bound nor connected. @throws BgpError `transport` */
export function openTcpSocket(peer: IpAddress): number {
  const fd = socket(domains[addressFamily(peer)], typeStream | typeCloseOnExec, 0) as number;
  if (fd < 0) throw failure(peer, 'no socket');
  return fd;
}

export function closeDescriptor(fd: number): void {
  close(fd);
}

/**
 * Has every segment to and from the peer signed; others are dropped by the system.
 * @param key undefined: no longer. On a listening socket: of connections to come.
 * @throws BgpError `transport`
 */
export function signSegments(fd: number, peer: IpAddress, key: string | undefined): void {
  const octets = new TextEncoder().encode(key ?? '');
  if (octets.length > longestKey || (key !== undefined && octets.length === 0))
    throw new BgpError('transport', `peer ${peer}: a TCP-MD5 key has 1 to ${longestKey} octets`);
  const value = new Uint8Array(signatureLength);
  const view = new DataView(value.buffer);
  const family = addressFamily(peer);
  view.setUint16(0, domains[family], littleEndian);
  value.set(addressToBytes(peer), family === 'ipv4' ? 4 : 8);
  view.setUint16(keyLengthAt, octets.length, littleEndian);
  value.set(octets, keyAt);
  const result = setsockopt(fd, levelTcp, tcpMd5Signature, value, value.length) as number;
  if (result !== 0) throw failure(peer, 'TCP-MD5 (TCP_MD5SIG) is not to be had');
}

/**
 * Sends with the greatest hop count.
 * @param hops undefined: and takes whatever comes; else drops what came over more hops, 1 being a neighbour on the link.
 * @throws BgpError `transport`
 */
export function limitHops(fd: number, peer: IpAddress, hops: number | undefined): void {
  const { level, sent, least, names } = hopOptions[addressFamily(peer)];
  const set = (name: number, value: number): boolean =>
    setsockopt(fd, level, name, new Uint8Array(Int32Array.of(value).buffer), 4) === 0;
  if (!set(sent, farthest) || (hops !== undefined && !set(least, farthest + 1 - hops)))
    throw failure(peer, `GTSM (${names}) is not to be had`);
}

/** The descriptor of a socket that Node made; it has no documented name. @throws BgpError `transport` */
export function descriptor(of: Socket | Server, peer: IpAddress): number {
  const fd = (of as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0)
    throw new BgpError('transport', `peer ${peer}: no descriptor of its socket for TCP-MD5 and GTSM`);
  return fd;
}

function failure(peer: IpAddress, what: string): BgpError {
  return new BgpError('transport', `peer ${peer}: ${what}: ${getSystemErrorName(-koffi.errno())}`);
}
