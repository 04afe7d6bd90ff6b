// struct tcmsg and TCA_* of linux/rtnetlink.h: queueing disciplines, and the frame of filters (their match is in flower.ts).
import { RtnetlinkError } from '../../errors.ts';
import type { Operation } from '../../kernel.ts';
import type { Filter, Qdisc } from '../../objects.ts';
import { AttributeTable, type Format, present } from '../wire/attributes.ts';
import { ignored, text, u32 } from '../wire/formats.ts';
import { inRange } from '../wire/in-range.ts';
import type { Payload } from '../wire/reader.ts';
import type { MessageWriter } from '../wire/writer.ts';
import { type FlowerValues, flowerMatch, flowerValues } from './flower.ts';
import { flowerAttributes } from './flower-attributes.ts';

export const trafficControlHeaderLength = 20;
/** TC_H_CLSACT and the handle that goes with it. */
const clsactParent = 0xfffffff1;
const clsactHandle = 0xffff0000;
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS or TC_H_MIN_EGRESS). */
const hookParent = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const;
const longestKind = 15;

/** Of a flower filter its attributes; of everything else nothing. */
const options: Format<FlowerValues | undefined> = {
  isNested: true,
  isDependent: true,
  inside: ({ TCA_KIND: kind }) => (kind === 'flower' ? flowerAttributes : undefined),
  read: (payload, { TCA_KIND: kind }) => (kind === 'flower' ? flowerAttributes.read(payload) : undefined),
  write: (writer, values) => {
    if (values !== undefined) flowerAttributes.write(writer, values);
  },
};

export const trafficControlAttributes = new AttributeTable({
  TCA_KIND: [1, text(longestKind)],
  TCA_OPTIONS: [2, options],
  TCA_STATS: [3, ignored],
  TCA_XSTATS: [4, ignored],
  TCA_RATE: [5, ignored],
  TCA_FCNT: [6, ignored],
  TCA_STATS2: [7, ignored],
  TCA_STAB: [8, ignored],
  TCA_PAD: [9, ignored],
  TCA_DUMP_INVISIBLE: [10, ignored],
  TCA_CHAIN: [11, u32],
  TCA_HW_OFFLOAD: [12, ignored],
  TCA_INGRESS_BLOCK: [13, ignored],
  TCA_EGRESS_BLOCK: [14, ignored],
  TCA_DUMP_FLAGS: [15, ignored],
  TCA_EXT_WARN_MSG: [16, ignored],
});

interface Header {
  readonly index: number;
  readonly handle: number;
  readonly parent: number;
  readonly priority: number;
  /** EtherType; the kernel has it in network order here. */
  readonly protocol: number;
}

function writeHeader(writer: MessageWriter, header: Header): void {
  const priority = inRange(header.priority, 0, 0xffff, 'tcm_info, priority');
  const protocol = inRange(header.protocol, 0, 0xffff, 'tcm_info, protocol');
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(header.index);
  writer.u32(header.handle);
  writer.u32(header.parent);
  writer.u32(priority * 0x10000 + swap16(protocol));
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** @throws RtnetlinkError `invalid` */
export function encodeQdisc(writer: MessageWriter, op: Operation, qdisc: Qdisc): void {
  if (qdisc.kind !== 'clsact')
    throw new RtnetlinkError('invalid', `a qdisc of kind ${qdisc.kind} has no codec`);
  writeHeader(writer, {
    index: qdisc.index,
    handle: clsactHandle,
    parent: clsactParent,
    priority: 0,
    protocol: 0,
  });
  trafficControlAttributes.write(writer, {
    TCA_KIND: qdisc.kind,
    unknown: op === 'delete' ? undefined : qdisc.unknown,
  });
}

export function encodeQdiscDump(writer: MessageWriter, index: number): void {
  writeHeader(writer, { index, handle: 0, parent: 0, priority: 0, protocol: 0 });
}

/** @throws RtnetlinkError `decode` */
export function decodeQdisc(payload: Payload): Qdisc {
  const { TCA_KIND: kind = '', unknown } = trafficControlAttributes.read(payload, trafficControlHeaderLength);
  return { object: 'qdisc', index: payload.u32(4), kind, ...present<Qdisc>({ unknown }) };
}

/** A delete sends index, hook, priority, protocol and handle. @throws RtnetlinkError `invalid` */
export function encodeFilter(writer: MessageWriter, op: Operation, filter: Filter): void {
  const { match, hook, ...header } = filter;
  writeHeader(writer, { ...header, parent: hookParent[hook] });
  if (op === 'delete') return;
  if (match.kind === 'other') {
    throw new RtnetlinkError('invalid', `a filter of kind ${match.name} and this shape has no codec`);
  }
  trafficControlAttributes.write(writer, {
    TCA_KIND: match.kind,
    TCA_OPTIONS: flowerValues(filter.protocol, match),
  });
}

export function encodeFilterDump(writer: MessageWriter, index: number, hook: Filter['hook']): void {
  writeHeader(writer, { index, handle: 0, parent: hookParent[hook], priority: 0, protocol: 0 });
}

/**
 * @returns undefined for filters elsewhere than at clsact, and for the line without a handle that stands for a priority as a whole.
 * @throws RtnetlinkError `decode`
 */
export function decodeFilter(payload: Payload): Filter | undefined {
  const parent = payload.u32(12);
  const handle = payload.u32(8);
  if ((parent !== hookParent.ingress && parent !== hookParent.egress) || handle === 0) return undefined;
  const info = payload.u32(16);
  const protocol = swap16(info & 0xffff);
  const values = trafficControlAttributes.read(payload, trafficControlHeaderLength);
  // A packet comes to other chains than 0 only where an action sends it.
  const flower =
    values.TCA_OPTIONS === undefined || (values.TCA_CHAIN ?? 0) !== 0
      ? undefined
      : flowerMatch(values.TCA_OPTIONS, protocol);
  return {
    object: 'filter',
    index: payload.u32(4),
    hook: parent === hookParent.ingress ? 'ingress' : 'egress',
    priority: info >>> 16,
    protocol,
    handle,
    match: flower ?? { kind: 'other', name: values.TCA_KIND ?? '' },
  };
}
