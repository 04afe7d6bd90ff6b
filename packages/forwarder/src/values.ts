// Schemas of the values that configuration, API and state file share: text in, canonical values out, the value at fault in the message.
import type { Encapsulation, IpAddress, IpPrefix, MacAddress } from '@hostpe/net';
import {
  addressFamily,
  hostPrefix,
  NetError,
  parseIpAddress,
  parseIpPrefix,
  parseMac,
  prefixAddress,
  prefixContains,
  prefixLength,
} from '@hostpe/net';
import { isVpnName } from '@hostpe/signaling';
import { z } from 'zod';
import { interfaceNameProblem } from './interface-name.ts';

function parsed<T>(parse: (text: string) => T) {
  return z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

/** What no machine of a tenant may be at, and no VPN route lead to: local to a link or a host, multicast, or the gateway's own. */
const notTenants: readonly IpPrefix[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.1.1/32',
  '224.0.0.0/3',
  // Unspecified, loopback, and IPv4-compatible addresses, which nft lists otherwise than they were given to it.
  '::/96',
  'fe80::/10',
  'ff00::/8',
].map(parseIpPrefix);

/** How all of these begin, and few others: a million routes are asked about. */
const mayBeReserved = /^(?:0\.|127\.|169\.254\.1\.1\/|2[2-5]\d\.|:|f[ef])/;

/** Whether all of the prefix belongs to what a tenant cannot have: 0.0.0.0/0 and ::/0 are no such prefixes. */
export function isReservedPrefix(prefix: IpPrefix): boolean {
  return mayBeReserved.test(prefix) && notTenants.some((reserved) => prefixContains(reserved, prefix));
}

/** What no PE is at: addresses of a link or a host, multicast, and those that mean IPv4. */
const notPes: readonly IpPrefix[] = ['::/96', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'].map(parseIpPrefix);

export const peAddressSchema = parsed<IpAddress>(parseIpAddress).refine(
  (address) => !notPes.some((reserved) => prefixContains(reserved, hostPrefix(address))),
  { error: ({ input }) => `${String(input)} cannot be a PE's address: it is none of a whole network` },
);

export const addressSchema = parsed<IpAddress>(parseIpAddress);

export const prefixSchema = parsed<IpPrefix>(parseIpPrefix);

/** An address of a machine, with or without its /32 or /128. */
export const hostPrefixSchema = parsed<IpPrefix>(parseIpPrefix).superRefine((prefix, context) => {
  const longest = addressFamily(prefix) === 'ipv4' ? 32 : 128;
  if (prefixLength(prefix) !== longest)
    context.addIssue({
      code: 'custom',
      message: `${prefix} is not the address of one machine: give ${prefixAddress(prefix)} or ${prefixAddress(prefix)}/${longest}`,
    });
  else if (isReservedPrefix(prefix))
    context.addIssue({ code: 'custom', message: `${prefixAddress(prefix)} cannot be a machine's address` });
});

export const macSchema = parsed<MacAddress>(parseMac);

export const encapsulationsSchema: z.ZodType<readonly Encapsulation[]> = z
  .array(z.enum(['gre', 'udp']))
  .min(1)
  .refine((list) => new Set(list).size === list.length, 'names an encapsulation twice');

export const interfaceSchema = z.string().superRefine((name, context) => {
  const problem = interfaceNameProblem(name);
  if (problem !== undefined)
    context.addIssue({ code: 'custom', message: `${JSON.stringify(name)} ${problem}` });
});

export const vpnNameSchema = z
  .string()
  .refine(isVpnName, 'is not a VPN identifier: 1 to 128 printable ASCII characters');

/** A subinterface: the interface below it, and its 802.1Q tag; 0 and 4095 are no VLANs (IEEE 802.1Q table 9-2). */
export const vlanSchema = z.strictObject({ parent: interfaceSchema, id: z.int().min(1).max(4094) });

/** Of a machine's interface, bytes: from IPv6's least (RFC 8200 section 5), or `underlay` for what the underlay carries whole. */
export const machineMtuSchema = z.union([z.literal('underlay'), z.int().min(1280).max(65535)], {
  error: 'is neither underlay nor a number of bytes from 1280 to 65535',
});

export const unsigned32Schema = z.int().min(0).max(0xffffffff);
