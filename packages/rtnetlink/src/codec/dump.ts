// Dump requests, and which of the objects that come back were asked for: not every kernel filters by every field.

import { addressFamily } from '@hostpe/net';
import type { DumpFilter } from '../kernel.ts';
import type { KernelObject } from '../objects.ts';
import { encodeAddressDump } from './address.ts';
import { encodeFilterDump, encodeQdiscDump } from './filter/traffic-control.ts';
import { encodeFouDump } from './fou.ts';
import { encodeLinkDump } from './link/link.ts';
import { encodeNeighbourDump } from './neighbour.ts';
import { encodeNetconfDump } from './netconf.ts';
import { encodeNexthopDump } from './route/nexthop.ts';
import { encodeRouteDump } from './route/route.ts';
import { encodeRuleDump } from './rule.ts';
import { messageFlag } from './wire/message.ts';
import { getMessage } from './wire/message-types.ts';
import type { MessageWriter } from './wire/writer.ts';

/** @param fouType message type of the generic-netlink family `fou`; needed for fou ports only. */
export function encodeDump(
  writer: MessageWriter,
  filter: DumpFilter,
  sequence: number,
  fouType?: number,
): void {
  const type = filter.object === 'fou' ? (fouType ?? 0) : getMessage(filter.object);
  writer.begin(type, messageFlag.request | messageFlag.dump, sequence);
  switch (filter.object) {
    case 'link':
      encodeLinkDump(writer);
      break;
    case 'address':
      encodeAddressDump(writer, filter.family);
      break;
    case 'neighbour':
      encodeNeighbourDump(writer, filter.family, filter.index);
      break;
    case 'route':
      // MPLS has one table, whatever its number.
      encodeRouteDump(
        writer,
        filter.family,
        filter.family === 'mpls' ? undefined : filter.table,
        filter.protocol,
      );
      break;
    case 'nexthop':
      encodeNexthopDump(writer);
      break;
    case 'rule':
      encodeRuleDump(writer, filter.family);
      break;
    case 'qdisc':
      encodeQdiscDump(writer, filter.index);
      break;
    case 'filter':
      encodeFilterDump(writer, filter.index, filter.hook);
      break;
    case 'fou':
      encodeFouDump(writer);
      break;
    case 'netconf':
      encodeNetconfDump(writer, filter.family);
      break;
  }
  writer.end();
}

export function matches(filter: DumpFilter, object: KernelObject): boolean {
  switch (filter.object) {
    case 'link':
    case 'nexthop':
    case 'fou':
      return object.object === filter.object;
    case 'address':
      return (
        object.object === 'address' &&
        (filter.family ?? addressFamily(object.address)) === addressFamily(object.address)
      );
    case 'neighbour':
      return (
        object.object === 'neighbour' &&
        (filter.family ?? addressFamily(object.address)) === addressFamily(object.address) &&
        (filter.index ?? object.index) === object.index
      );
    case 'route':
      return (
        object.object === 'route' &&
        object.family === filter.family &&
        (filter.protocol ?? object.protocol) === object.protocol &&
        (object.family === 'mpls' || (filter.table ?? object.table) === object.table)
      );
    case 'rule':
    case 'netconf':
      return object.object === filter.object && object.family === filter.family;
    case 'qdisc':
      return object.object === 'qdisc' && object.index === filter.index;
    case 'filter':
      return object.object === 'filter' && object.index === filter.index && object.hook === filter.hook;
  }
}
