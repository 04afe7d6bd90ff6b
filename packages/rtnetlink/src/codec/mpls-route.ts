// Label routes: struct rtmsg of family AF_MPLS and RTA_* of linux/rtnetlink.h.
import type { IpAddress, Label, MacAddress } from '@hostpe/net';
import type { Operation } from '../kernel.ts';
import type { MplsRoute } from '../objects.ts';
import { readLabelStack, writeLabelStack } from './label-stack.ts';
import { malformed, type Payload } from './reader.ts';
import { routeHeaderLength, writeRouteHeader } from './route-header.ts';
import { readVia, writeVia } from './via.ts';
import type { MessageWriter } from './writer.ts';

const attribute = { destination: 1, device: 4, via: 18, newDestination: 19 } as const;
const labelBits = 20;
/** The one table that MPLS has is called RT_TABLE_MAIN. */
const table = 254;
const typeUnicast = 1;
const protocolBoot = 3;

export function encodeMplsRoute(writer: MessageWriter, op: Operation, route: MplsRoute): void {
  writeRouteHeader(writer, {
    family: 'mpls',
    length: labelBits,
    table,
    protocol: op === 'delete' ? 0 : (route.protocol ?? protocolBoot),
    scope: 0,
    type: typeUnicast,
  });
  writeLabelStack(writer, attribute.destination, [route.label]);
  if (op === 'delete') return;
  writer.attributeU32(attribute.device, route.device);
  if (route.via !== undefined) writeVia(writer, attribute.via, route.via);
  if (route.newLabels !== undefined) writeLabelStack(writer, attribute.newDestination, route.newLabels);
}

/** A multipath label route, which is never ours, has device 0. */
export function decodeMplsRoute(payload: Payload): MplsRoute {
  let label: Label | undefined;
  let device = 0;
  let via: IpAddress | MacAddress | undefined;
  let newLabels: Label[] | undefined;
  payload.attributes(routeHeaderLength, (type, value) => {
    if (type === attribute.destination) label = readLabelStack(value)[0];
    else if (type === attribute.device) device = value.u32(0);
    else if (type === attribute.via) via = readVia(value);
    else if (type === attribute.newDestination) newLabels = readLabelStack(value);
  });
  if (label === undefined) throw malformed('a label route without a label');
  return {
    object: 'route',
    family: 'mpls',
    label,
    protocol: payload.u8(5),
    device,
    ...(via === undefined ? {} : { via }),
    ...(newLabels === undefined ? {} : { newLabels }),
  };
}
