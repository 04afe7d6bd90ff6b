// Routing-policy rules: struct fib_rule_hdr and FRA_* of linux/fib_rules.h, as far as VRFs need them. Selectors are not read.
import type { AddressFamily } from '@hostpe/net';
import type { Operation } from '../kernel.ts';
import type { Rule } from '../objects.ts';
import { familyNumber, ipFamily } from './family.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 12;
const attribute = { priority: 6, table: 15, l3mdev: 19, protocol: 21 } as const;
/** FR_ACT_TO_TBL */
const actionLookUp = 1;

/** RTPROT_KERNEL: systemd-networkd removes the rules of any other protocol that it does not know. */
const protocolKernel = 2;

/** A delete sends the same, but for the protocol: a rule has no key but its whole, and it may be of any protocol. */
export function encodeRule(writer: MessageWriter, op: Operation, rule: Rule): void {
  writeHeader(writer, rule.family, actionLookUp);
  writer.attributeU32(attribute.priority, rule.priority);
  if (rule.l3mdev === true) writer.attributeU8(attribute.l3mdev, 1);
  else writer.attributeU32(attribute.table, rule.table);
  if (op !== 'delete') writer.attributeU8(attribute.protocol, protocolKernel);
}

export function encodeRuleDump(writer: MessageWriter, family: AddressFamily): void {
  writeHeader(writer, family, 0);
}

function writeHeader(writer: MessageWriter, family: AddressFamily, action: number): void {
  writer.u8(familyNumber[family]);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(action);
  writer.u32(0);
}

/** @returns undefined for rules of other families and rules that look up no table (`goto`, `blackhole`). */
export function decodeRule(payload: Payload): Rule | undefined {
  const family = ipFamily(payload.u8(0));
  if (family === undefined || payload.u8(7) !== actionLookUp) return undefined;
  let priority = 0;
  let table = payload.u8(4);
  let l3mdev = false;
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.priority) priority = value.u32(0);
    else if (type === attribute.table) table = value.u32(0);
    else if (type === attribute.l3mdev) l3mdev = value.u8(0) !== 0;
  });
  return { object: 'rule', family, priority, table, ...(l3mdev ? { l3mdev } : {}) };
}
