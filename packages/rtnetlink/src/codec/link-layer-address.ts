// Link-layer addresses: MAC addresses of Ethernet, and IP addresses where the device is a multipoint tunnel.
import type { IpAddress, MacAddress } from '@hostpe/net';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const macLength = 6;
/** An IPv6 address of six groups has a '::', which a MAC address has not. */
const macForm = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

export function isMac(address: MacAddress | IpAddress): address is MacAddress {
  return macForm.test(address);
}

export function writeLinkLayerAddress(
  writer: MessageWriter,
  type: number,
  address: MacAddress | IpAddress,
): void {
  if (isMac(address)) writer.attributeMac(type, address);
  else writer.attributeAddress(type, address);
}

/** @returns undefined for a length that neither has: a device of another kind. */
export function readLinkLayerAddress(payload: Payload): MacAddress | IpAddress | undefined {
  if (payload.length === macLength) return payload.mac();
  return payload.length === 4 || payload.length === 16 ? payload.address() : undefined;
}
