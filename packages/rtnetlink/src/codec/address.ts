// Addresses of devices: struct ifaddrmsg and IFA_* of linux/if_addr.h.
import type { AddressFamily } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { Operation } from '../kernel.ts';
import type { Address } from '../objects.ts';
import { AttributeTable, present } from './wire/attributes.ts';
import { addressBits, familyNumber, ipFamily, sameFamily } from './wire/family.ts';
import { ignored, ip, u32 } from './wire/formats.ts';
import { inRange } from './wire/in-range.ts';
import { malformed, type Payload } from './wire/reader.ts';
import type { MessageWriter } from './wire/writer.ts';

export const addressHeaderLength = 8;
/** IFA_F_* */
const flag = { noDad: 0x2, dadFailed: 0x8 } as const;

export const addressAttributes = new AttributeTable({
  IFA_ADDRESS: [1, ip],
  IFA_LOCAL: [2, ip],
  IFA_LABEL: [3, ignored],
  IFA_BROADCAST: [4, ignored],
  IFA_ANYCAST: [5, ignored],
  IFA_CACHEINFO: [6, ignored],
  IFA_MULTICAST: [7, ignored],
  IFA_FLAGS: [8, u32],
  IFA_RT_PRIORITY: [9, ignored],
  IFA_TARGET_NETNSID: [10, ignored],
  IFA_PROTO: [11, ignored],
});

/** A delete sends device, address, peer and prefix length. @throws RtnetlinkError `invalid` */
export function encodeAddress(writer: MessageWriter, op: Operation, object: Address): void {
  const { address, peer, prefixLength } = object;
  const family = addressFamily(address);
  if (peer !== undefined && !sameFamily(family, peer))
    throw new RtnetlinkError('invalid', `IFA_ADDRESS: ${peer} is no ${family} address`);
  writeHeader(
    writer,
    familyNumber[family],
    inRange(prefixLength, 0, addressBits[family], 'ifa_prefixlen'),
    op !== 'delete' && object.noDad === true ? flag.noDad : 0,
    object.index,
  );
  addressAttributes.write(writer, {
    IFA_LOCAL: address,
    // Not point-to-point: both are the same.
    IFA_ADDRESS: peer ?? address,
    unknown: op === 'delete' ? undefined : object.unknown,
  });
}

export function encodeAddressDump(writer: MessageWriter, family: AddressFamily | undefined): void {
  writeHeader(writer, familyNumber[family ?? 'unspecified'], 0, 0, 0);
}

function writeHeader(
  writer: MessageWriter,
  family: number,
  prefixLength: number,
  flags: number,
  index: number,
): void {
  writer.u8(family);
  writer.u8(prefixLength);
  writer.u8(flags);
  writer.u8(0);
  writer.u32(index);
}

/** @returns undefined for an address that is not IP. @throws RtnetlinkError `decode` */
export function decodeAddress(payload: Payload): Address | undefined {
  const family = ipFamily(payload.u8(0));
  if (family === undefined) return undefined;
  const values = addressAttributes.read(payload, addressHeaderLength);
  // IPv6 sends IFA_LOCAL only where there is a peer.
  const address = values.IFA_LOCAL ?? values.IFA_ADDRESS;
  const peer = values.IFA_ADDRESS ?? address;
  if (address === undefined || peer === undefined) throw malformed('an address message without an address');
  if (!sameFamily(family, address, peer)) throw malformed(`${address} and ${peer} as ${family} addresses`);
  const flags = values.IFA_FLAGS ?? payload.u8(2);
  return {
    object: 'address',
    index: payload.u32(4),
    address,
    prefixLength: payload.u8(1),
    ...present<Address>({
      peer: peer === address ? undefined : peer,
      noDad: (flags & flag.noDad) !== 0 || undefined,
      dadFailed: (flags & flag.dadFailed) !== 0 || undefined,
      unknown: values.unknown,
    }),
  };
}
