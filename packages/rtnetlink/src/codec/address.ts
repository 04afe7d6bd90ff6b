// Addresses of devices: struct ifaddrmsg and IFA_* of linux/if_addr.h.
import type { AddressFamily, IpAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Operation } from '../kernel.ts';
import type { Address } from '../objects.ts';
import { familyNumber, ipFamily } from './family.ts';
import { malformed, type Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 8;
const attribute = { address: 1, local: 2, flags: 8 } as const;
const flagNoDad = 0x2;

export function encodeAddress(writer: MessageWriter, op: Operation, address: Address): void {
  const flags = op !== 'delete' && address.noDad === true ? flagNoDad : 0;
  writeHeader(
    writer,
    familyNumber[addressFamily(address.address)],
    address.prefixLength,
    flags,
    address.index,
  );
  // Not point-to-point: both are the same.
  writer.attributeAddress(attribute.local, address.address);
  writer.attributeAddress(attribute.address, address.address);
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

/** @returns undefined for an address that is not IP. */
export function decodeAddress(payload: Payload): Address | undefined {
  const family = ipFamily(payload.u8(0));
  if (family === undefined) return undefined;
  let local: IpAddress | undefined;
  let peer: IpAddress | undefined;
  let flags = payload.u8(2);
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.local) local = value.addressOf(family);
    else if (type === attribute.address) peer = value.addressOf(family);
    else if (type === attribute.flags) flags = value.u32(0);
  });
  // IPv6 sends IFA_LOCAL only where there is a peer.
  const address = local ?? peer;
  if (address === undefined) throw malformed('an address message without an address');
  return {
    object: 'address',
    index: payload.u32(4),
    address,
    prefixLength: payload.u8(1),
    ...((flags & flagNoDad) !== 0 ? { noDad: true } : {}),
  };
}
