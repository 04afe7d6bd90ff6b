// What a tenant's packet must look like on the underlay, byte for byte, built here from the RFCs and not by the code under test.
// Sources: RFC 791, RFC 3032 (label stack entry), RFC 4023 section 4 (GRE, protocol 0x8847), RFC 7510 section 3 (UDP, port 6635).

const ETHERNET = 14;

/** The IPv4 packet of an Ethernet frame, padding cut off; undefined when it carries no IPv4. */
export function ipv4Of(frame: Uint8Array): Uint8Array | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.byteLength < ETHERNET + 20 || view.getUint16(12) !== 0x0800) return undefined;
  return frame.subarray(ETHERNET, ETHERNET + view.getUint16(ETHERNET + 2));
}

/** RFC 1071 over the 20 bytes of a header whose checksum field counts as zero. */
function headerChecksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) if (i !== 10) sum += ((header[i] ?? 0) << 8) | (header[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function withHeaderChecksum(packet: Uint8Array): Uint8Array {
  new DataView(packet.buffer, packet.byteOffset).setUint16(10, headerChecksum(packet));
  return packet;
}

const quad = (address: string): number[] => address.split('.').map(Number);

/** The same packet one hop later: TTL less one, header checksum anew. */
export function oneHopLater(packet: Uint8Array): Uint8Array {
  const next = Uint8Array.from(packet);
  next[8] = (next[8] ?? 0) - 1;
  return withHeaderChecksum(next);
}

export interface Outer {
  readonly source: string;
  readonly destination: string;
  readonly encapsulation: 'gre' | 'udp';
  readonly label: number;
  /** TTL of the outer header where it is seen. */
  readonly ttl: number;
  /** Fields that the sender may choose freely, taken from the packet seen. */
  readonly identification: number;
  readonly sourcePort: number;
}

/** The whole IPv4 packet of the underlay that must carry `inner`. */
export function encapsulated(inner: Uint8Array, outer: Outer): Uint8Array {
  const innerTtl = inner[8] ?? 0;
  const labelStackEntry = (outer.label << 12) | (1 << 8) | innerTtl; // TC 0, bottom of stack, TTL copied (RFC 3443, uniform)
  const shim = [
    labelStackEntry >>> 24,
    (labelStackEntry >>> 16) & 0xff,
    (labelStackEntry >>> 8) & 0xff,
    labelStackEntry & 0xff,
  ];
  const payloadLength = shim.length + inner.length;
  const tunnel =
    outer.encapsulation === 'gre'
      ? [0, 0, 0x88, 0x47]
      : [
          outer.sourcePort >>> 8,
          outer.sourcePort & 0xff,
          6635 >>> 8,
          6635 & 0xff,
          (8 + payloadLength) >>> 8,
          (8 + payloadLength) & 0xff,
          0,
          0,
        ];
  const length = 20 + tunnel.length + payloadLength;
  const header = [
    ...[0x45, 0, length >>> 8, length & 0xff],
    ...[outer.identification >>> 8, outer.identification & 0xff, 0x40, 0], // don't fragment
    ...[outer.ttl, outer.encapsulation === 'gre' ? 47 : 17, 0, 0],
    ...quad(outer.source),
    ...quad(outer.destination),
  ];
  return withHeaderChecksum(Uint8Array.from([...header, ...tunnel, ...shim, ...inner]));
}

/** The fields of a packet seen that its sender chose freely. */
export function freeFields(packet: Uint8Array): { identification: number; sourcePort: number } {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return { identification: view.getUint16(4), sourcePort: view.getUint16(20) };
}
