// Neighbour entries: struct ndmsg and NDA_* of linux/neighbour.h.
import type { AddressFamily } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Operation } from '../kernel.ts';
import type { Neighbour, NeighbourState } from '../objects.ts';
import { AttributeTable, present, unsaid } from './wire/attributes.ts';
import { familyNumber, ipFamily, sameFamily } from './wire/family.ts';
import { ignored, ip, keptUnlessZero, u8, u32 } from './wire/formats.ts';
import { linkLayer } from './wire/link-layer-address.ts';
import { malformed, type Payload } from './wire/reader.ts';
import type { MessageWriter } from './wire/writer.ts';

export const neighbourHeaderLength = 12;
/** NUD_*; an entry that the kernel shows is in one state. */
const stateNumber: Readonly<Record<NeighbourState, number>> = {
  permanent: 0x80,
  noarp: 0x40,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  incomplete: 0x01,
  failed: 0x20,
  none: 0,
};
const states = Object.keys(stateNumber) as NeighbourState[];
/** NTF_*; a proxy is an answer for others, not a neighbour. */
const flag = { proxy: 0x08, externallyLearned: 0x10, router: 0x80 } as const;

export const neighbourAttributes = new AttributeTable({
  NDA_DST: [1, ip],
  NDA_LLADDR: [2, linkLayer],
  NDA_CACHEINFO: [3, ignored],
  NDA_PROBES: [4, ignored],
  NDA_VLAN: [5, ignored],
  NDA_PORT: [6, ignored],
  NDA_VNI: [7, ignored],
  NDA_IFINDEX: [8, u32],
  NDA_MASTER: [9, ignored],
  NDA_LINK_NETNSID: [10, ignored],
  NDA_SRC_VNI: [11, ignored],
  NDA_PROTOCOL: [12, u8],
  NDA_NH_ID: [13, ignored],
  NDA_FDB_EXT_ATTRS: [14, ignored],
  NDA_FLAGS_EXT: [15, keptUnlessZero],
  NDA_NDM_STATE_MASK: [16, ignored],
  NDA_NDM_FLAGS_MASK: [17, ignored],
});

/** A delete sends device and address. @throws RtnetlinkError `invalid` */
export function encodeNeighbour(writer: MessageWriter, op: Operation, neighbour: Neighbour): void {
  const { address } = neighbour;
  const family = familyNumber[addressFamily(address)];
  if (op === 'delete') {
    writeHeader(writer, family, neighbour.index, 0, 0);
    neighbourAttributes.write(writer, { NDA_DST: address });
    return;
  }
  const flags =
    (neighbour.router === true ? flag.router : 0) |
    (neighbour.externallyLearned === true ? flag.externallyLearned : 0);
  writeHeader(writer, family, neighbour.index, stateNumber[neighbour.state], flags);
  neighbourAttributes.write(writer, {
    NDA_DST: address,
    NDA_LLADDR: neighbour.linkLayerAddress,
    NDA_PROTOCOL: neighbour.protocol,
    unknown: neighbour.unknown,
  });
}

export function encodeNeighbourDump(
  writer: MessageWriter,
  family: AddressFamily | undefined,
  index: number | undefined,
): void {
  // With strict checking the interface is an attribute; in the header it would be refused.
  writeHeader(writer, familyNumber[family ?? 'unspecified'], 0, 0, 0);
  neighbourAttributes.write(writer, { NDA_IFINDEX: index });
}

function writeHeader(
  writer: MessageWriter,
  family: number,
  index: number,
  state: number,
  flags: number,
): void {
  writer.u8(family);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u16(state);
  writer.u8(flags);
  writer.u8(0);
}

/** @returns undefined for bridge forwarding entries and proxies. @throws RtnetlinkError `decode` */
export function decodeNeighbour(payload: Payload): Neighbour | undefined {
  const family = ipFamily(payload.u8(0));
  const flags = payload.u8(10);
  if (family === undefined || (flags & flag.proxy) !== 0) return undefined;
  const values = neighbourAttributes.read(payload, neighbourHeaderLength);
  const address = values.NDA_DST;
  if (address === undefined) return undefined;
  if (!sameFamily(family, address)) throw malformed(`${address} as an ${family} neighbour`);
  return {
    object: 'neighbour',
    index: payload.u32(4),
    address,
    state: stateName(payload.u16(8)),
    ...present<Neighbour>({
      linkLayerAddress: values.NDA_LLADDR,
      router: (flags & flag.router) !== 0 || undefined,
      externallyLearned: (flags & flag.externallyLearned) !== 0 || undefined,
      protocol: values.NDA_PROTOCOL || undefined,
      unknown: unsaid(values),
    }),
  };
}

function stateName(state: number): NeighbourState {
  return states.find((name) => (state & stateNumber[name]) !== 0) ?? 'none';
}
