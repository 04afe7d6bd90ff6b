// Nexthop objects and groups: struct nhmsg and NHA_* of linux/nexthop.h.
import type { IpAddress, Label } from '@hostpe/net';
import type { Operation } from '../kernel.ts';
import type { Nexthop } from '../objects.ts';
import { familyNumber, ipFamily } from './family.ts';
import { readLabelStack, writeLabelStack } from './label-stack.ts';
import { malformed, type Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 8;
const attribute = { id: 1, group: 2, blackhole: 4, device: 5, gateway: 6, encapType: 7, encap: 8 } as const;
/** RTNH_F_ONLINK */
const flagOnlink = 4;
/** LWTUNNEL_ENCAP_MPLS */
const encapMpls = 1;
/** MPLS_IPTUNNEL_DST of linux/mpls_iptunnel.h */
const encapLabels = 1;
/** struct nexthop_grp: u32 id, u8 weight less 1, u8 its high byte (kernel 6.12), u16 reserved. */
const memberLength = 8;

/** A delete sends the id. */
export function encodeNexthop(writer: MessageWriter, op: Operation, nexthop: Nexthop): void {
  if (op === 'delete') {
    writeHeader(writer, 0, 0, 0);
    writer.attributeU32(attribute.id, nexthop.id);
    return;
  }
  const family = nexthop.family === undefined ? 0 : familyNumber[nexthop.family];
  writeHeader(writer, family, nexthop.protocol ?? 0, nexthop.onlink === true ? flagOnlink : 0);
  writer.attributeU32(attribute.id, nexthop.id);
  if (nexthop.group !== undefined) writeGroup(writer, nexthop.group);
  if (nexthop.blackhole === true) writer.attributeFlag(attribute.blackhole);
  if (nexthop.device !== undefined) writer.attributeU32(attribute.device, nexthop.device);
  if (nexthop.gateway !== undefined) writer.attributeAddress(attribute.gateway, nexthop.gateway);
  if (nexthop.encapLabels === undefined) return;
  writer.attributeU16(attribute.encapType, encapMpls);
  const encap = writer.openNest(attribute.encap);
  writeLabelStack(writer, encapLabels, nexthop.encapLabels);
  writer.closeAttribute(encap);
}

export function encodeNexthopDump(writer: MessageWriter): void {
  writeHeader(writer, 0, 0, 0);
}

function writeHeader(writer: MessageWriter, family: number, protocol: number, flags: number): void {
  writer.u8(family);
  writer.u8(0);
  writer.u8(protocol);
  writer.u8(0);
  writer.u32(flags);
}

function writeGroup(writer: MessageWriter, group: NonNullable<Nexthop['group']>): void {
  const mark = writer.openAttribute(attribute.group);
  for (const { id, weight } of group) {
    writer.u32(id);
    writer.u8(weight - 1);
    writer.u8(0);
    writer.u16(0);
  }
  writer.closeAttribute(mark);
}

export function decodeNexthop(payload: Payload): Nexthop {
  const family = ipFamily(payload.u8(0));
  let id: number | undefined;
  let group: NonNullable<Nexthop['group']> | undefined;
  let blackhole = false;
  let device: number | undefined;
  let gateway: IpAddress | undefined;
  let encapType = 0;
  let encap: Payload | undefined;
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.id) id = value.u32(0);
    else if (type === attribute.group) group = readGroup(value);
    else if (type === attribute.blackhole) blackhole = true;
    else if (type === attribute.device) device = value.u32(0);
    else if (type === attribute.gateway) gateway = value.address();
    else if (type === attribute.encapType) encapType = value.u16(0);
    else if (type === attribute.encap) encap = value;
  });
  if (id === undefined) throw malformed('a nexthop without an id');
  const labels = encapType === encapMpls && encap !== undefined ? readEncap(encap) : undefined;
  return {
    object: 'nexthop',
    id,
    ...(family === undefined ? {} : { family }),
    protocol: payload.u8(2),
    ...(device === undefined ? {} : { device }),
    ...(gateway === undefined ? {} : { gateway }),
    ...((payload.u32(4) & flagOnlink) !== 0 ? { onlink: true } : {}),
    ...(labels === undefined ? {} : { encapLabels: labels }),
    ...(blackhole ? { blackhole } : {}),
    ...(group === undefined ? {} : { group }),
  };
}

function readGroup(payload: Payload): NonNullable<Nexthop['group']> {
  if (payload.length % memberLength !== 0) throw malformed(`a nexthop group of ${payload.length} bytes`);
  return Array.from({ length: payload.length / memberLength }, (_, member) => {
    const at = member * memberLength;
    return { id: payload.u32(at), weight: 1 + payload.u8(at + 4) + payload.u8(at + 5) * 256 };
  });
}

function readEncap(payload: Payload): readonly Label[] | undefined {
  let labels: readonly Label[] | undefined;
  payload.attributes(0, (type, value) => {
    if (type === encapLabels) labels = readLabelStack(value);
  });
  return labels;
}
