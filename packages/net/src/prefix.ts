// IP prefixes as canonical text: 'ADDRESS/LENGTH' with the host bits zero, so that two equal prefixes are equal strings.
import type { IpAddress } from './address.ts';
import { addressFamily, maskAddress, readAddress } from './address.ts';
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

export type IpPrefix = Brand<string, 'IpPrefix'>;

/**
 * @param text 'ADDRESS/LENGTH', or an address for its host prefix.
 * @throws NetError `invalid-prefix`; where host bits are set the message names the prefix that was probably meant.
 */
export function parseIpPrefix(text: string): IpPrefix {
  const slash = text.indexOf('/');
  const address = readAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) throw new NetError('invalid-prefix', text, 'is not an IP prefix');
  const longest = addressBits(address);
  const length = slash < 0 ? longest : readLength(text, slash + 1);
  if (length < 0 || length > longest) {
    throw new NetError('invalid-prefix', text, `is not an IP prefix: the length must be 0 to ${longest}`);
  }
  const network = maskAddress(address, length);
  if (network !== address) {
    throw new NetError(
      'invalid-prefix',
      text,
      `has bits set behind its length: ${network}/${length} is the prefix`,
    );
  }
  return join(address, length);
}

/** The prefix of `length` bits that holds `address`. @throws NetError `invalid-prefix` where the length does not fit the family. */
export function prefixOf(address: IpAddress, length: number): IpPrefix {
  if (!Number.isInteger(length) || length < 0 || length > addressBits(address)) {
    throw new NetError('invalid-prefix', `${address}/${length}`, 'is not an IP prefix');
  }
  return join(maskAddress(address, length), length);
}

/** The prefix that holds this one address: /32 or /128. */
export function hostPrefix(address: IpAddress): IpPrefix {
  return join(address, addressBits(address));
}

export function prefixAddress(prefix: IpPrefix): IpAddress {
  return prefix.slice(0, prefix.indexOf('/')) as IpAddress;
}

export function prefixLength(prefix: IpPrefix): number {
  return readLength(prefix, prefix.indexOf('/') + 1);
}

/** Whether all of `addressOrPrefix` is inside `prefix`; never across families. */
export function prefixContains(prefix: IpPrefix, addressOrPrefix: IpAddress | IpPrefix): boolean {
  if (addressFamily(prefix) !== addressFamily(addressOrPrefix)) return false;
  const length = prefixLength(prefix);
  let address = addressOrPrefix as IpAddress;
  if (addressOrPrefix.includes('/')) {
    const inner = addressOrPrefix as IpPrefix;
    if (prefixLength(inner) < length) return false;
    address = prefixAddress(inner);
  }
  return maskAddress(address, length) === prefixAddress(prefix);
}

function addressBits(address: IpAddress): number {
  return addressFamily(address) === 'ipv4' ? 32 : 128;
}

function join(address: IpAddress, length: number): IpPrefix {
  return `${address}/${length}` as IpPrefix;
}

/** One to three decimal digits without a leading zero, to the end of the text; -1 where it is not that. */
function readLength(text: string, start: number): number {
  const digits = text.length - start;
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(start) === 0x30)) return -1;
  let length = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return -1;
    length = length * 10 + code - 0x30;
  }
  return length;
}
