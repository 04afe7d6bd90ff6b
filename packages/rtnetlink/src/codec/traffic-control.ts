// struct tcmsg and TCA_* of linux/rtnetlink.h: queueing disciplines, and the frame of filters (their match is in flower.ts).
import { RtnetlinkError } from '../errors.ts';
import type { Operation } from '../kernel.ts';
import type { Filter, Qdisc } from '../objects.ts';
import { decodeFlower, encodeFlower } from './flower.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 20;
const attribute = { kind: 1, options: 2 } as const;
/** TC_H_CLSACT and the handle that goes with it. */
const clsactParent = 0xfffffff1;
const clsactHandle = 0xffff0000;
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS or TC_H_MIN_EGRESS). */
const hookParent = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const;
const longestKind = 15;

interface Header {
  readonly index: number;
  readonly handle: number;
  readonly parent: number;
  readonly priority: number;
  /** EtherType; the kernel has it in network order here. */
  readonly protocol: number;
}

function writeHeader(writer: MessageWriter, header: Header): void {
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(header.index);
  writer.u32(header.handle);
  writer.u32(header.parent);
  if (!(header.priority >= 0 && header.priority <= 0xffff)) {
    throw new RtnetlinkError('invalid', `${header.priority} is not a filter priority`);
  }
  writer.u32(header.priority * 0x10000 + swap16(header.protocol));
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

export function encodeQdisc(writer: MessageWriter, qdisc: Qdisc): void {
  if (qdisc.kind !== 'clsact')
    throw new RtnetlinkError('invalid', `a qdisc of kind ${qdisc.kind} has no codec`);
  writeHeader(writer, {
    index: qdisc.index,
    handle: clsactHandle,
    parent: clsactParent,
    priority: 0,
    protocol: 0,
  });
  writer.attributeString(attribute.kind, qdisc.kind, longestKind);
}

export function encodeQdiscDump(writer: MessageWriter, index: number): void {
  writeHeader(writer, { index, handle: 0, parent: 0, priority: 0, protocol: 0 });
}

export function decodeQdisc(payload: Payload): Qdisc {
  return { object: 'qdisc', index: payload.u32(4), kind: readKind(payload).kind };
}

/** A delete sends index, hook, priority, protocol and handle. */
export function encodeFilter(writer: MessageWriter, op: Operation, filter: Filter): void {
  writeHeader(writer, { ...filter, parent: hookParent[filter.hook] });
  if (op === 'delete') return;
  if (filter.match.kind === 'other') {
    throw new RtnetlinkError('invalid', `a filter of kind ${filter.match.name} and this shape has no codec`);
  }
  writer.attributeString(attribute.kind, filter.match.kind, longestKind);
  encodeFlower(writer, attribute.options, filter.protocol, filter.match);
}

export function encodeFilterDump(writer: MessageWriter, index: number, hook: Filter['hook']): void {
  writeHeader(writer, { index, handle: 0, parent: hookParent[hook], priority: 0, protocol: 0 });
}

/** @returns undefined for filters elsewhere than at clsact, and for the line without a handle that stands for a priority as a whole. */
export function decodeFilter(payload: Payload): Filter | undefined {
  const parent = payload.u32(12);
  const handle = payload.u32(8);
  if ((parent !== hookParent.ingress && parent !== hookParent.egress) || handle === 0) return undefined;
  const info = payload.u32(16);
  const protocol = swap16(info & 0xffff);
  const { kind, options } = readKind(payload);
  const flower = kind === 'flower' && options !== undefined ? decodeFlower(options, protocol) : undefined;
  return {
    object: 'filter',
    index: payload.u32(4),
    hook: parent === hookParent.ingress ? 'ingress' : 'egress',
    priority: info >>> 16,
    protocol,
    handle,
    match: flower ?? { kind: 'other', name: kind },
  };
}

function readKind(payload: Payload): { kind: string; options: Payload | undefined } {
  let kind = '';
  let options: Payload | undefined;
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.kind) kind = value.string();
    else if (type === attribute.options) options = value;
  });
  return { kind, options };
}
