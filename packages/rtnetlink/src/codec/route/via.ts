// RTA_VIA (struct rtvia, linux/rtnetlink.h): a nexthop of another family than the route's, or any nexthop of a label route.
import type { IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily, macFromBytes } from '@hostpe/net';
import type { Format } from '../wire/attributes.ts';
import { ipBytes } from '../wire/checked-ip.ts';
import { familyNumber, ipFamily } from '../wire/family.ts';
import { isMac, macBytes } from '../wire/link-layer-address.ts';

const familyLength = 2;
const macLength = 6;

/** Read as undefined where it is neither an IP address nor a MAC address. */
export const via: Format<IpAddress | MacAddress | undefined> = {
  read: (payload) => {
    const family = ipFamily(payload.u16(0));
    if (family !== undefined) return payload.addressOf(family, familyLength);
    const length = payload.length - familyLength;
    return length === macLength ? macFromBytes(payload.bytes(familyLength)) : undefined;
  },
  write: (writer, value) => {
    if (value === undefined) return;
    writer.u16(isMac(value) ? familyNumber.packet : familyNumber[addressFamily(value)]);
    writer.bytes(isMac(value) ? macBytes(value) : ipBytes(value));
  },
};
