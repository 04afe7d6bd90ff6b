// IP addresses and prefixes of requests. They are text that says it was parsed; what was cast instead, and is none, is refused here before
// it becomes bytes of something else.
import type { AddressFamily, IpAddress, IpPrefix } from '@hostpe/net';
import {
  addressFamily,
  addressToBytes,
  NetError,
  parseIpAddress,
  parseIpPrefix,
  prefixAddress,
  prefixLength,
} from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';

/** @returns 4 or 16 bytes. @throws RtnetlinkError `invalid` */
export function ipBytes(address: IpAddress): Uint8Array {
  return checked(() => addressToBytes(parseIpAddress(address)));
}

/** @returns the length in bits. @throws RtnetlinkError `invalid`, also for a prefix of another family and for one with host bits set. */
export function checkedPrefix(
  prefix: IpPrefix,
  family: AddressFamily,
): { readonly address: IpAddress; readonly length: number } {
  const parsed = checked(() => parseIpPrefix(prefix));
  if (addressFamily(parsed) !== family)
    throw new RtnetlinkError('invalid', `${prefix} is no prefix of ${family}`);
  return { address: prefixAddress(parsed), length: prefixLength(parsed) };
}

function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    throw new RtnetlinkError('invalid', error.message, { cause: error });
  }
}
