// Nexthop objects and groups: struct nhmsg and NHA_* of linux/nexthop.h.
import { RtnetlinkError } from '../../errors.ts';
import type { Operation } from '../../kernel.ts';
import type { Nexthop } from '../../objects.ts';
import { AttributeTable, type Format, present, unsaid } from '../wire/attributes.ts';
import { familyNumber, ipFamily } from '../wire/family.ts';
import { flag, ignored, ip, kept, nest, ranged, u16, u32 } from '../wire/formats.ts';
import { inRange } from '../wire/in-range.ts';
import { malformed, type Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';
import { encap, encapFacts, encapValues } from './encap.ts';

export const nexthopHeaderLength = 8;
/** RTNH_F_ONLINK */
const flagOnlink = 4;
/** NEXTHOP_GRP_TYPE_* */
const groupType = { threshold: 0, resilient: 1 } as const;
/** struct nexthop_grp: u32 id, u8 weight less 1, u8 its high byte (kernel 6.12), u16 reserved. */
const memberLength = 8;
const heaviest = 0x10000;

type Group = NonNullable<Nexthop['group']>;

const group: Format<Group> = {
  read: (payload) => {
    if (payload.length % memberLength !== 0) throw malformed(`a nexthop group of ${payload.length} bytes`);
    return Array.from({ length: payload.length / memberLength }, (_, member) => {
      const at = member * memberLength;
      return { id: payload.u32(at), weight: 1 + payload.u8(at + 4) + payload.u8(at + 5) * 256 };
    });
  },
  write: (writer, members) => {
    if (members.length === 0) throw new RtnetlinkError('invalid', 'a nexthop group without members');
    for (const { id, weight } of members) {
      inRange(weight, 1, heaviest, 'weight');
      writer.u32(id);
      writer.u8((weight - 1) & 0xff);
      writer.u8((weight - 1) >>> 8);
      writer.u16(0);
    }
  },
};

const resilientGroup = new AttributeTable({
  NHA_RES_GROUP_BUCKETS: [1, ranged(u16, 1, 0xffff)],
  NHA_RES_GROUP_IDLE_TIMER: [2, u32],
  NHA_RES_GROUP_UNBALANCED_TIMER: [3, u32],
  NHA_RES_GROUP_UNBALANCED_TIME: [4, ignored],
});

export const nexthopAttributes = new AttributeTable({
  NHA_ID: [1, u32],
  NHA_GROUP: [2, group],
  NHA_GROUP_TYPE: [3, u16],
  NHA_BLACKHOLE: [4, flag],
  NHA_OIF: [5, u32],
  NHA_GATEWAY: [6, ip],
  NHA_ENCAP_TYPE: [7, u16],
  NHA_ENCAP: [8, encap('NHA_ENCAP_TYPE')],
  NHA_GROUPS: [9, ignored],
  NHA_MASTER: [10, ignored],
  NHA_FDB: [11, kept],
  NHA_RES_GROUP: [12, nest(resilientGroup)],
  NHA_RES_BUCKET: [13, ignored],
  NHA_OP_FLAGS: [14, ignored],
  NHA_GROUP_STATS: [15, ignored],
  NHA_HW_STATS_ENABLE: [16, ignored],
  NHA_HW_STATS_USED: [17, ignored],
});

/** A delete sends the id. @throws RtnetlinkError `invalid` */
export function encodeNexthop(writer: MessageWriter, op: Operation, nexthop: Nexthop): void {
  if (nexthop.id === 0) throw new RtnetlinkError('invalid', 'a nexthop of id 0: the kernel would choose one');
  if (op === 'delete') {
    writeHeader(writer, 0, 0, 0);
    nexthopAttributes.write(writer, { NHA_ID: nexthop.id });
    return;
  }
  const { family, resilient } = nexthop;
  const tunnel = encapValues(nexthop);
  const familyOf = family === undefined ? familyNumber.unspecified : familyNumber[family];
  writeHeader(writer, familyOf, nexthop.protocol ?? 0, nexthop.onlink === true ? flagOnlink : 0);
  nexthopAttributes.write(writer, {
    NHA_ID: nexthop.id,
    NHA_GROUP: nexthop.group,
    NHA_GROUP_TYPE: resilient && groupType.resilient,
    NHA_RES_GROUP: resilient && {
      NHA_RES_GROUP_BUCKETS: resilient.buckets,
      NHA_RES_GROUP_IDLE_TIMER: resilient.idleTimer,
      NHA_RES_GROUP_UNBALANCED_TIMER: resilient.unbalancedTimer,
    },
    NHA_BLACKHOLE: nexthop.blackhole === true ? true : undefined,
    NHA_OIF: nexthop.device,
    NHA_GATEWAY: nexthop.gateway,
    NHA_ENCAP_TYPE: tunnel.type,
    NHA_ENCAP: tunnel.encap,
    unknown: nexthop.unknown,
  });
}

export function encodeNexthopDump(writer: MessageWriter): void {
  writeHeader(writer, 0, 0, 0);
}

function writeHeader(writer: MessageWriter, family: number, protocol: number, flags: number): void {
  writer.u8(family);
  writer.u8(0);
  writer.u8(inRange(protocol, 0, 0xff, 'nh_protocol'));
  writer.u8(0);
  writer.u32(flags);
}

/** @throws RtnetlinkError `decode` */
export function decodeNexthop(payload: Payload): Nexthop {
  const values = nexthopAttributes.read(payload, nexthopHeaderLength);
  const { NHA_ID: id, NHA_RES_GROUP: resilient } = values;
  if (id === undefined) throw malformed('a nexthop without an id');
  return {
    object: 'nexthop',
    id,
    ...present<Nexthop>({
      family: ipFamily(payload.u8(0)),
      protocol: payload.u8(2),
      device: values.NHA_OIF,
      gateway: values.NHA_GATEWAY,
      onlink: (payload.u32(4) & flagOnlink) !== 0 || undefined,
      ...encapFacts(values.NHA_ENCAP_TYPE, values.NHA_ENCAP),
      blackhole: values.NHA_BLACKHOLE,
      group: values.NHA_GROUP,
      resilient: resilient && {
        buckets: resilient.NHA_RES_GROUP_BUCKETS ?? 0,
        ...present({
          idleTimer: resilient.NHA_RES_GROUP_IDLE_TIMER,
          unbalancedTimer: resilient.NHA_RES_GROUP_UNBALANCED_TIMER,
        }),
      },
      unknown: unsaid(values),
    }),
  };
}
