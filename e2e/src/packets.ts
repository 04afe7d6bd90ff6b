// Frames that an attacker would make, from the RFCs, and their way out of an interface: raw, past the sender's own stack.
import type { Host } from '@hostpe/netns-lab';

export interface Ip {
  readonly source: string;
  readonly destination: string;
}

/** RFC 1071. */
function checksum(...parts: readonly Uint8Array[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const mac = (text: string): number[] => text.split(':').map((byte) => Number.parseInt(byte, 16));
const quad = (text: string): number[] => text.split('.').map(Number);

export function hextets(text: string): number[] {
  const words = (half = ''): number[] =>
    half === '' ? [] : half.split(':').map((word) => Number.parseInt(word, 16));
  const [head, tail] = text.split('::');
  const [first, last] = [words(head), words(tail)];
  const zeros = Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0);
  return [...first, ...zeros, ...last].flatMap(u16);
}

/** RFC 791. */
export function ipv4(
  { source, destination }: Ip,
  protocol: number,
  payload: Uint8Array,
  { identification = 1, moreFragments = false } = {},
): Uint8Array {
  const header = Uint8Array.from([
    ...[0x45, 0, ...u16(20 + payload.length)],
    ...[...u16(identification), moreFragments ? 0x20 : 0, 0],
    ...[64, protocol, 0, 0, ...quad(source), ...quad(destination)],
  ]);
  header.set(u16(checksum(header)), 10);
  return Buffer.concat([header, payload]);
}

/** RFC 8200. */
export function ipv6({ source, destination }: Ip, nextHeader: number, payload: Uint8Array): Uint8Array {
  // Neighbour discovery demands the hop limit.
  const header = [0x60, 0, 0, 0, ...u16(payload.length), nextHeader, 255];
  return Buffer.concat([Uint8Array.from([...header, ...hextets(source), ...hextets(destination)]), payload]);
}

/** RFC 768; over IPv4 without a checksum. */
export function udp(destinationPort: number, payload: Uint8Array = new Uint8Array(8)): Uint8Array {
  const header = [...u16(4000), ...u16(destinationPort), ...u16(8 + payload.length), 0, 0];
  return Buffer.concat([Uint8Array.from(header), payload]);
}

/** The checksum of RFC 8200 section 8.1 at `at` in the payload of an IPv6 packet. */
function withIpv6Checksum(ip: Ip, protocol: number, payload: Uint8Array, at: number): Uint8Array {
  const pseudo = [
    ...hextets(ip.source),
    ...hextets(ip.destination),
    ...u32(payload.length),
    0,
    0,
    0,
    protocol,
  ];
  const whole = Uint8Array.from(payload);
  whole.set(u16(checksum(Uint8Array.from(pseudo), payload)), at);
  return whole;
}

export function udpOverIpv6(ip: Ip, destinationPort: number): Uint8Array {
  return ipv6(ip, 17, withIpv6Checksum(ip, 17, udp(destinationPort), 6));
}

/** An ICMPv6 message: type and what follows the checksum. */
export function icmpv6(ip: Ip, type: number, body: readonly number[]): Uint8Array {
  return ipv6(ip, 58, withIpv6Checksum(ip, 58, Uint8Array.from([type, 0, 0, 0, ...body]), 2));
}

/** RFC 4861 section 4.3, with the source's link-layer address. */
export function neighbourSolicitation(ip: Ip, senderMac: string): Uint8Array {
  return icmpv6(ip, 135, [0, 0, 0, 0, ...hextets(ip.destination), 1, 1, ...mac(senderMac)]);
}

/** RFC 4861 section 4.2: a default router for half an hour. */
export function routerAdvertisement(source: string, senderMac: string): Uint8Array {
  const body = [64, 0, ...u16(1800), ...u32(0), ...u32(0), 1, 1, ...mac(senderMac)];
  return icmpv6({ source, destination: 'ff02::1' }, 134, body);
}

/** An echo request, RFC 792. */
export function echoRequest(sequence: number): Uint8Array {
  const message = Uint8Array.from([8, 0, 0, 0, ...u16(0x7777), ...u16(sequence)]);
  message.set(u16(checksum(message)), 2);
  return message;
}

/** An ARP request, RFC 826. */
export function arpRequest(
  sender: { readonly mac: string; readonly ip: string },
  target: string,
): Uint8Array {
  return Uint8Array.from([
    ...[0, 1, 8, 0, 6, 4, 0, 1],
    ...[...mac(sender.mac), ...quad(sender.ip)],
    ...[0, 0, 0, 0, 0, 0, ...quad(target)],
  ]);
}

/** A label stack of one entry (RFC 3032) and what it carries. */
export function mpls(label: number, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from(u32((label << 12) | (1 << 8) | 64)), payload]);
}

export const tunnels = ['gre', 'bare', 'udp'] as const;

/** A labelled packet in IPv4: in GRE (RFC 4023 section 4), with nothing between (section 3), or in UDP (RFC 7510). */
export function tunnelled(kind: (typeof tunnels)[number], ip: Ip, labelled: Uint8Array): Uint8Array {
  if (kind === 'bare') return ipv4(ip, 137, labelled);
  if (kind === 'udp') return ipv4(ip, 17, udp(6635, labelled));
  return ipv4(ip, 47, Buffer.concat([Uint8Array.from([0, 0, 0x88, 0x47]), labelled]));
}

const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, mpls: 0x8847 } as const;

export function frame(
  ends: { readonly source: string; readonly destination: string },
  type: keyof typeof etherTypes,
  payload: Uint8Array,
): Uint8Array {
  const header = [...mac(ends.destination), ...mac(ends.source), ...u16(etherTypes[type])];
  return Buffer.concat([Uint8Array.from(header), payload]);
}

const sender = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for line in sys.stdin:
    s.send(bytes.fromhex(line))
`;

/** Sends frames in their order. */
export async function inject(host: Host, interface_: string, frames: readonly Uint8Array[]): Promise<void> {
  const input = frames.map((one) => `${Buffer.from(one).toString('hex')}\n`).join('');
  await host.run('/usr/bin/python3', ['-ISc', sender, interface_], { input });
}

/** The destination ports of UDP packets in Ethernet frames. */
export function udpPorts(frames: readonly { readonly bytes: Uint8Array }[]): number[] {
  return frames.map(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return view.getUint16(view.getUint16(12) === etherTypes.ipv6 ? 14 + 40 + 2 : 14 + 20 + 2);
  });
}
