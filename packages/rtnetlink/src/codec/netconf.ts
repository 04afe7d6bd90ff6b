// How devices forward each family: struct netconfmsg and NETCONFA_* of linux/netconf.h. Only read: sysctls change it.
import type { Netconf, RouteFamily } from '../objects.ts';
import { AttributeTable, type Format, present } from './wire/attributes.ts';
import { familyNumber, routeFamily } from './wire/family.ts';
import { i32, ignored } from './wire/formats.ts';
import { malformed, type Payload } from './wire/reader.ts';
import type { MessageWriter } from './wire/writer.ts';

/** One byte of family, aligned. */
export const netconfHeaderLength = 4;
/** NETCONFA_IFINDEX_* */
const indexOfAll = -1;
const indexOfDefault = -2;

/** A sysctl's number. */
const bool: Format<boolean> = {
  read: (payload, values) => i32.read(payload, values) !== 0,
  write: (writer, value) => writer.i32(value ? 1 : 0),
};

export const netconfAttributes = new AttributeTable({
  NETCONFA_IFINDEX: [1, i32],
  NETCONFA_FORWARDING: [2, bool],
  NETCONFA_RP_FILTER: [3, i32],
  NETCONFA_MC_FORWARDING: [4, ignored],
  NETCONFA_PROXY_NEIGH: [5, ignored],
  NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN: [6, bool],
  NETCONFA_INPUT: [7, bool],
  NETCONFA_BC_FORWARDING: [8, ignored],
  NETCONFA_FORCE_FORWARDING: [9, ignored],
});

export function encodeNetconfDump(writer: MessageWriter, family: RouteFamily): void {
  writer.u8(familyNumber[family]);
  writer.u8(0);
  writer.u16(0);
}

/** @returns undefined for a family that has no routes of ours. @throws RtnetlinkError `decode` */
export function decodeNetconf(payload: Payload): Netconf | undefined {
  const family = routeFamily(payload.u8(0));
  if (family === undefined) return undefined;
  const values = netconfAttributes.read(payload, netconfHeaderLength);
  const index = values.NETCONFA_IFINDEX;
  if (index === undefined) throw malformed('a netconf message without a device');
  return {
    object: 'netconf',
    family,
    index: index === indexOfAll ? 'all' : index === indexOfDefault ? 'default' : index,
    ...present<Netconf>({
      forwarding: values.NETCONFA_FORWARDING,
      rpFilter: values.NETCONFA_RP_FILTER,
      ignoreRoutesWithLinkdown: values.NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN,
      input: values.NETCONFA_INPUT,
      unknown: values.unknown,
    }),
  };
}
