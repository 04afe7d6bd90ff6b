// RTA_MULTIPATH: an array of struct rtnexthop (linux/rtnetlink.h), each with attributes of its own. What these mean is the route's to know.
import type { AttributeNames, AttributeTable, Entries, Format, Values } from '../wire/attributes.ts';
import { malformed, type Payload } from '../wire/reader.ts';

const headerLength = 8;
const alignment = 4;

export interface Member<E extends Entries> {
  /** rtnh_flags: RTNH_F_* */
  readonly flags: number;
  /** rtnh_hops: of IP routes the weight less one. */
  readonly hops: number;
  /** rtnh_ifindex */
  readonly device: number;
  readonly values: Values<E>;
}

/** @param table the attributes of a member. */
export function multipath<E extends Entries>(table: AttributeTable<E>): Format<readonly Member<E>[]> {
  const names: AttributeNames = {
    nameOf: (type) => table.nameOf(type),
    at: (payload, offset) => {
      for (const { start, member } of members(payload)) {
        const inner = offset - start;
        if (inner >= 0 && inner < member.length) return table.at(member, inner, headerLength);
      }
      return undefined;
    },
  };
  return {
    inside: () => names,
    read: (payload) =>
      Array.from(members(payload), ({ member }) => ({
        flags: member.u8(2),
        hops: member.u8(3),
        device: member.u32(4),
        values: table.read(member, headerLength),
      })),
    write: (writer, all) => {
      for (const { flags, hops, device, values } of all) {
        const mark = writer.openStruct();
        writer.u8(flags);
        writer.u8(hops);
        writer.u32(device);
        table.write(writer, values);
        writer.closeAttribute(mark);
      }
    },
  };
}

/** @throws RtnetlinkError `decode` */
function* members(payload: Payload): Generator<{ readonly start: number; readonly member: Payload }> {
  // Less than a header may be left over, which the kernel overlooks too.
  for (let start = 0; payload.length - start >= headerLength; ) {
    const length = payload.u16(start);
    if (length < headerLength) throw malformed(`a nexthop of ${length} bytes`);
    yield { start, member: payload.part(start, length) };
    start += (length + alignment - 1) & -alignment;
  }
}
