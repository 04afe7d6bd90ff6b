// The Tunnel Encapsulation attribute (RFC 9012 sections 2, 3.1 and 13).
import { addressFromBytes, addressToBytes, type IpAddress } from '@hostpe/net';
import type { Tunnel } from '../messages.ts';
import { ByteWriter, read16 } from './bytes.ts';

const endpointType = 6;
const longestAttribute = 65_535;

/** @returns undefined where the TLVs do not end where they should: treat-as-withdraw (section 13). A tunnel with a wrong endpoint is left out. */
export function decodeTunnels(value: Uint8Array): Tunnel[] | undefined {
  const tunnels: Tunnel[] = [];
  for (let at = 0; at < value.length; ) {
    const end = at + 4 + read16(value, at + 2);
    if (at + 4 > value.length || end > value.length) return undefined;
    const subTlvs = decodeSubTlvs(value.subarray(at + 4, end));
    if (subTlvs === undefined) return undefined;
    const endpointTlv = subTlvs.find(({ type }) => type === endpointType);
    const endpoint = endpointTlv && decodeEndpoint(endpointTlv.value);
    if (endpoint !== 'wrong')
      tunnels.push({
        type: read16(value, at),
        endpoint,
        subTlvs: subTlvs.filter(({ type }) => type !== endpointType),
      });
    at = end;
  }
  return tunnels;
}

function decodeSubTlvs(bytes: Uint8Array): { type: number; value: Uint8Array }[] | undefined {
  const subTlvs = [];
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at] ?? 0;
    const start = at + (type < 128 ? 2 : 3);
    const end = start + (type < 128 ? (bytes[at + 1] ?? 0) : read16(bytes, at + 1));
    if (start > bytes.length || end > bytes.length) return undefined;
    subTlvs.push({ type, value: bytes.slice(start, end) });
    at = end;
  }
  return subTlvs;
}

/** Four reserved octets, AFI, address; AFI 0 is the nexthop (section 3.1). */
function decodeEndpoint(value: Uint8Array): IpAddress | undefined | 'wrong' {
  const afi = read16(value, 4);
  if (afi === 0 && value.length === 6) return undefined;
  const octets = afi === 1 ? 4 : 16;
  return (afi === 1 || afi === 2) && value.length === 6 + octets
    ? addressFromBytes(value.subarray(6))
    : 'wrong';
}

export function encodeTunnels(tunnels: readonly Tunnel[]): Uint8Array {
  const writer = new ByteWriter(longestAttribute);
  for (const { type, endpoint, subTlvs } of tunnels) {
    writer.u16(type);
    const place = writer.length;
    writer.u16(0);
    const address = endpoint === undefined ? new Uint8Array(0) : addressToBytes(endpoint);
    writer.u8(endpointType);
    writer.u8(6 + address.length);
    writer.u32(0);
    writer.u16(address.length === 0 ? 0 : address.length === 4 ? 1 : 2);
    writer.bytes(address);
    for (const subTlv of subTlvs) {
      writer.u8(subTlv.type);
      if (subTlv.type < 128) writer.u8(subTlv.value.length);
      else writer.u16(subTlv.value.length);
      writer.bytes(subTlv.value);
    }
    writer.patch16(place, writer.length - place - 2);
  }
  return writer.take();
}
