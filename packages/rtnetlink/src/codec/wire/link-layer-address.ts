// Link-layer addresses: MAC addresses of Ethernet, and IP addresses where the device is a multipoint tunnel.
import type { IpAddress, MacAddress } from '@hostpe/net';
import { macToBytes } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { Format } from './attributes.ts';
import { ipBytes } from './checked-ip.ts';

const macLength = 6;
/** An IPv6 address of six groups has a '::', which a MAC address has not. */
const macForm = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

export function isMac(address: MacAddress | IpAddress): address is MacAddress {
  return macForm.test(address);
}

/** @returns 6 bytes. @throws RtnetlinkError `invalid` for text that was never parsed. */
export function macBytes(address: MacAddress): Uint8Array {
  if (!isMac(address)) throw new RtnetlinkError('invalid', `${JSON.stringify(address)} is not a MAC address`);
  return macToBytes(address);
}

/** Read as undefined where the length is of neither: a device of another kind. */
export const linkLayer: Format<MacAddress | IpAddress | undefined> = {
  read: (payload) => {
    if (payload.length === macLength) return payload.mac();
    return payload.length === 4 || payload.length === 16 ? payload.address() : undefined;
  },
  write: (writer, value) => {
    if (value !== undefined) writer.bytes(isMac(value) ? macToBytes(value) : ipBytes(value));
  },
};

/** A link's own MAC address. Read as undefined where it has another one: a tunnel has its local end there. */
export const linkMac: Format<MacAddress | undefined> = {
  read: (payload) => (payload.length === macLength ? payload.mac() : undefined),
  write: (writer, value) => {
    if (value !== undefined) writer.bytes(macBytes(value));
  },
};
