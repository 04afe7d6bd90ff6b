// RTA_VIA (struct rtvia, linux/rtnetlink.h): a nexthop of another family than the route's, or any nexthop of a label route.
import type { IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily, addressToBytes, macFromBytes, macToBytes } from '@hostpe/net';
import { familyNumber, ipFamily } from './family.ts';
import { isMac } from './link-layer-address.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const familyLength = 2;
const macLength = 6;

export function writeVia(writer: MessageWriter, type: number, via: IpAddress | MacAddress): void {
  const mark = writer.openAttribute(type);
  writer.u16(isMac(via) ? familyNumber.packet : familyNumber[addressFamily(via)]);
  writer.bytes(isMac(via) ? macToBytes(via) : addressToBytes(via));
  writer.closeAttribute(mark);
}

/** @returns undefined for what is neither an IP address nor a MAC address. */
export function readVia(payload: Payload): IpAddress | MacAddress | undefined {
  const family = ipFamily(payload.u16(0));
  if (family !== undefined) return payload.addressOf(family, familyLength);
  const length = payload.length - familyLength;
  return length === macLength ? macFromBytes(payload.bytes(familyLength)) : undefined;
}
