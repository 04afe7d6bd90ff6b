// UPDATEs filled up to the longest message: what is announced with one set of attributes, what is withdrawn, End-of-RIB. Attributes are encoded once a call.
import { addressToBytes, type IpAddress } from '@hostpe/net';
import { BgpError } from '../error.ts';
import type {
  Announced,
  Family,
  OtherFamily,
  PathAttributes,
  RtcNlri,
  VpnNlri,
  Withdrawn,
} from '../messages.ts';
import { extendedLength, mpReach, mpUnreach, optional } from './attribute-codes.ts';
import { encodeAttributes } from './attributes-encode.ts';
import { ByteWriter } from './bytes.ts';
import { familyNumbers, ipv4Unicast } from './families.ts';
import { headerLength } from './message-reader.ts';
import { encodeRtcNlri, encodeVpnNlri } from './nlri.ts';
import { type CodecOptions, longestMessage } from './options.ts';

const updateType = 2;
/** Of an IPv6 VPN route with an add-path identifier: 4 + 1 + 3 + 8 + 16. */
const longestNlri = 32;

/**
 * MP_REACH_NLRI comes first (RFC 7606 section 5.1).
 * @yields one UPDATE each; nothing where nothing is announced.
 * @throws BgpError `unsendable` where the attributes leave no room for one route, or the nexthop does not fit the family.
 */
export function* packUpdates(
  attributes: PathAttributes,
  announced: Announced,
  options: CodecOptions,
): Generator<Uint8Array, void, undefined> {
  const encoded = encodeAttributes(attributes, options);
  const nexthop = encodeNexthop(announced.family, announced.nexthop, options);
  yield* pack(announced, false, encoded, nexthop, options);
}

/** @yields one UPDATE each; nothing where nothing is withdrawn. */
export function* packWithdrawals(
  withdrawn: Withdrawn,
  options: CodecOptions,
): Generator<Uint8Array, void, undefined> {
  yield* pack(withdrawn, true, new Uint8Array(0), undefined, options);
}

/** RFC 4724 section 2. */
export function encodeEndOfRib(family: Family | OtherFamily): Uint8Array {
  const writer = new ByteWriter(headerLength + 10);
  beginMessage(writer, updateType);
  const { afi, safi } = familyNumbers(family);
  writer.u16(0);
  if (afi === ipv4Unicast.afi && safi === ipv4Unicast.safi) {
    writer.u16(0);
  } else {
    writer.u16(6);
    writer.bytes(Uint8Array.of(optional, mpUnreach, 3, afi >>> 8, afi, safi));
  }
  return finishMessage(writer);
}

function* pack(
  nlri: Announced | Withdrawn,
  withdrawal: boolean,
  attributes: Uint8Array,
  nexthop: Uint8Array | undefined,
  options: CodecOptions,
): Generator<Uint8Array, void, undefined> {
  const items: readonly (VpnNlri | RtcNlri)[] = nlri.family === 'rtc' ? nlri.memberships : nlri.routes;
  const addPath = nlri.family !== 'rtc' && options.addPathSend.includes(nlri.family);
  const { afi, safi } = familyNumbers(nlri.family);
  const writer = new ByteWriter(longestMessage(options));
  for (let next = 0; next < items.length; ) {
    const first = next;
    writer.length = 0;
    beginMessage(writer, updateType);
    writer.u16(0);
    const attributesPlace = writer.length;
    writer.u16(0);
    writer.u8(optional | extendedLength);
    writer.u8(withdrawal ? mpUnreach : mpReach);
    const place = writer.length;
    writer.u16(0);
    writer.u16(afi);
    writer.u8(safi);
    if (nexthop) {
      writer.u8(nexthop.length);
      writer.bytes(nexthop);
      writer.u8(0);
    }
    while (next < items.length && writer.room >= attributes.length + longestNlri) {
      const item = items[next++];
      if (item === undefined) break;
      if ('rd' in item)
        encodeVpnNlri(writer, item, nlri.family === 'vpnv6' ? 'vpnv6' : 'vpnv4', addPath, withdrawal);
      else encodeRtcNlri(writer, item);
    }
    if (next === first)
      throw new BgpError('unsendable', `${attributes.length} octets of attributes leave no room for a route`);
    writer.patch16(place, writer.length - place - 2);
    writer.bytes(attributes);
    writer.patch16(attributesPlace, writer.length - attributesPlace - 2);
    yield finishMessage(writer);
  }
}

export function beginMessage(writer: ByteWriter, type: number): void {
  for (let octets = 0; octets < 4; octets++) writer.u32(0xffffffff);
  writer.u16(0);
  writer.u8(type);
}

export function finishMessage(writer: ByteWriter): Uint8Array {
  writer.patch16(16, writer.length);
  return writer.take();
}

/** VPNv6 with an IPv4 nexthop has it mapped (RFC 4659 section 3.2.1.2). */
function encodeNexthop(family: Family, nexthop: IpAddress, options: CodecOptions): Uint8Array {
  const address = addressToBytes(nexthop);
  if (family === 'rtc') return address;
  if (family === 'vpnv4' && address.length === 16 && !options.extendedNexthop)
    throw new BgpError('unsendable', `nexthop ${nexthop}: IPv6 was not agreed on for vpnv4 (RFC 8950)`);
  const mapped = family === 'vpnv6' && address.length === 4;
  const bytes = new Uint8Array(8 + (mapped ? 16 : address.length));
  if (mapped) bytes.set([255, 255], 18);
  bytes.set(address, bytes.length - address.length);
  return bytes;
}
