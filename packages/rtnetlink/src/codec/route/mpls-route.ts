// Label routes: struct rtmsg of family AF_MPLS and RTA_* of linux/rtnetlink.h.
import { RtnetlinkError } from '../../errors.ts';
import type { Operation } from '../../kernel.ts';
import type { MplsNexthop, MplsRoute } from '../../objects.ts';
import { AttributeTable, present, unsaid, type Values } from '../wire/attributes.ts';
import { bool, labels, u32 } from '../wire/formats.ts';
import { malformed, type Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';
import { type Member, multipath } from './multipath.ts';
import { protocolBoot, routeAttributeNames, routeHeaderLength, writeRouteHeader } from './route-header.ts';
import { via } from './via.ts';

const labelBits = 20;
/** The one table that MPLS has is called RT_TABLE_MAIN. */
const table = 254;
const typeUnicast = 1;

/** Of a route that has one nexthop, and of each member of one that has several. */
const legEntries = {
  RTA_VIA: [18, via],
  RTA_NEWDST: [19, labels],
} as const;

const memberEntries = { ...routeAttributeNames, ...legEntries } as const;

const mplsRouteAttributes = new AttributeTable({
  ...memberEntries,
  RTA_DST: [1, labels],
  RTA_OIF: [4, u32],
  RTA_MULTIPATH: [9, multipath(new AttributeTable(memberEntries))],
  RTA_TTL_PROPAGATE: [26, bool],
});

/** A delete sends the label. @throws RtnetlinkError `invalid` */
export function encodeMplsRoute(writer: MessageWriter, op: Operation, route: MplsRoute): void {
  const { device, multipath: members } = route;
  writeRouteHeader(writer, {
    family: 'mpls',
    length: labelBits,
    table,
    protocol: op === 'delete' ? 0 : (route.protocol ?? protocolBoot),
    scope: 0,
    type: typeUnicast,
  });
  if (op === 'delete') {
    mplsRouteAttributes.write(writer, { RTA_DST: [route.label] });
    return;
  }
  if (members !== undefined && (device !== 0 || route.via !== undefined || route.newLabels !== undefined))
    throw new RtnetlinkError('invalid', 'a multipath label route with a device, via or labels of its own');
  if (members?.length === 0) throw new RtnetlinkError('invalid', 'a multipath label route without a nexthop');
  mplsRouteAttributes.write(writer, {
    RTA_DST: [route.label],
    // Without one the kernel looks for the device behind which `via` is.
    RTA_OIF: device === 0 ? undefined : device,
    ...legValues(route),
    RTA_TTL_PROPAGATE: route.ttlPropagate,
    RTA_MULTIPATH: members?.map((member) => ({
      flags: 0,
      hops: 0,
      device: member.device,
      values: { ...legValues(member), unknown: member.unknown },
    })),
    unknown: route.unknown,
  });
}

type Leg = Pick<MplsNexthop, 'via' | 'newLabels'>;

function legValues(leg: Leg): Values<typeof legEntries> {
  return { RTA_VIA: leg.via, RTA_NEWDST: leg.newLabels };
}

function legFacts(values: Values<typeof legEntries>): Leg {
  return present<Leg>({ via: values.RTA_VIA, newLabels: values.RTA_NEWDST });
}

function memberFacts({ device, values }: Member<typeof memberEntries>): MplsNexthop {
  return { device, ...legFacts(values), ...present<MplsNexthop>({ unknown: unsaid(values) }) };
}

/** @throws RtnetlinkError `decode` */
export function decodeMplsRoute(payload: Payload): MplsRoute {
  const values = mplsRouteAttributes.read(payload, routeHeaderLength);
  const label = values.RTA_DST?.[0];
  if (label === undefined) throw malformed('a label route without a label');
  return {
    object: 'route',
    family: 'mpls',
    label,
    protocol: payload.u8(5),
    device: values.RTA_OIF ?? 0,
    ...legFacts(values),
    ...present<MplsRoute>({
      ttlPropagate: values.RTA_TTL_PROPAGATE,
      multipath: values.RTA_MULTIPATH?.map(memberFacts),
      unknown: unsaid(values),
    }),
  };
}
