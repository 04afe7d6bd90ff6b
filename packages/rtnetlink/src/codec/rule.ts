// Routing-policy rules: struct fib_rule_hdr and FRA_* of linux/fib_rules.h.
import type { AddressFamily, IpAddress, IpPrefix } from '@hostpe/net';
import { prefixOf } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { Operation } from '../kernel.ts';
import type { Rule } from '../objects.ts';
import { AttributeTable, present, unsaid } from './wire/attributes.ts';
import { checkedPrefix } from './wire/checked-ip.ts';
import { addressBits, familyNumber, ipFamily, sameFamily } from './wire/family.ts';
import { deviceName, i32, ignored, ip, kept, ranged, u8, u32 } from './wire/formats.ts';
import { inRange } from './wire/in-range.ts';
import { malformed, type Payload } from './wire/reader.ts';
import type { MessageWriter } from './wire/writer.ts';

export const ruleHeaderLength = 12;
/** FR_ACT_* */
const actionNumber = {
  lookUp: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;
/** FIB_RULE_INVERT: what does not match. The other flags tell of the rule's state. */
const flagInvert = 2;
/** RTPROT_KERNEL: systemd-networkd removes the rules of any other protocol that it does not know. */
const protocolKernel = 2;
const largest = 0xffffffff;
const wholeMark = largest;

export const ruleAttributes = new AttributeTable({
  FRA_DST: [1, ip],
  FRA_SRC: [2, ip],
  FRA_IIFNAME: [3, deviceName],
  FRA_GOTO: [4, u32],
  FRA_UNUSED2: [5, ignored],
  FRA_PRIORITY: [6, u32],
  FRA_UNUSED3: [7, ignored],
  FRA_UNUSED4: [8, ignored],
  FRA_UNUSED5: [9, ignored],
  FRA_FWMARK: [10, u32],
  FRA_FLOW: [11, kept],
  FRA_TUN_ID: [12, kept],
  FRA_SUPPRESS_IFGROUP: [13, kept],
  FRA_SUPPRESS_PREFIXLEN: [14, i32],
  FRA_TABLE: [15, ranged(u32, 1, largest)],
  FRA_FWMASK: [16, u32],
  FRA_OIFNAME: [17, deviceName],
  FRA_PAD: [18, ignored],
  FRA_L3MDEV: [19, u8],
  FRA_UID_RANGE: [20, kept],
  FRA_PROTOCOL: [21, u8],
  FRA_IP_PROTO: [22, u8],
  FRA_SPORT_RANGE: [23, kept],
  FRA_DPORT_RANGE: [24, kept],
  FRA_DSCP: [25, kept],
  FRA_FLOWLABEL: [26, kept],
  FRA_FLOWLABEL_MASK: [27, kept],
  FRA_SPORT_MASK: [28, kept],
  FRA_DPORT_MASK: [29, kept],
  FRA_DSCP_MASK: [30, kept],
});

/**
 * A delete sends the same, but for the protocol: a rule has no key but its whole, and it may be of any protocol.
 * @throws RtnetlinkError `invalid`
 */
export function encodeRule(writer: MessageWriter, op: Operation, rule: Rule): void {
  const { family, action, l3mdev, table, mark } = rule;
  const looksUp = action === undefined && l3mdev !== true;
  if (!looksUp && table !== 0)
    throw new RtnetlinkError(
      'invalid',
      `FRA_TABLE: ${action ?? 'l3mdev'} has no table, and this is ${table}`,
    );
  if ((action === 'goto') !== (rule.target !== undefined))
    throw new RtnetlinkError('invalid', 'FRA_GOTO: a target is what goto has, and nothing else');
  const source = rule.source === undefined ? undefined : checkedPrefix(rule.source, family);
  const destination = rule.destination === undefined ? undefined : checkedPrefix(rule.destination, family);
  const suppress = rule.suppressPrefixLength;
  if (suppress !== undefined) inRange(suppress, 0, addressBits[family], 'FRA_SUPPRESS_PREFIXLEN');
  writeHeader(writer, family, {
    destinationLength: destination?.length ?? 0,
    sourceLength: source?.length ?? 0,
    action: actionNumber[action ?? 'lookUp'],
  });
  ruleAttributes.write(writer, {
    FRA_PRIORITY: rule.priority,
    FRA_SRC: source?.address,
    FRA_DST: destination?.address,
    FRA_IIFNAME: rule.inputDevice,
    FRA_OIFNAME: rule.outputDevice,
    FRA_FWMARK: mark?.value,
    FRA_FWMASK: mark?.mask,
    FRA_IP_PROTO: rule.ipProtocol,
    FRA_SUPPRESS_PREFIXLEN: suppress,
    FRA_L3MDEV: l3mdev === true ? 1 : undefined,
    FRA_TABLE: looksUp ? table : undefined,
    FRA_GOTO: rule.target,
    FRA_PROTOCOL: op === 'delete' ? undefined : protocolKernel,
    unknown: rule.unknown,
  });
}

export function encodeRuleDump(writer: MessageWriter, family: AddressFamily): void {
  writeHeader(writer, family, { destinationLength: 0, sourceLength: 0, action: 0 });
}

interface RuleHeader {
  readonly destinationLength: number;
  readonly sourceLength: number;
  readonly action: number;
}

/** The table is an attribute, as its number may not fit the header. */
function writeHeader(writer: MessageWriter, family: AddressFamily, header: RuleHeader): void {
  writer.u8(familyNumber[family]);
  writer.u8(header.destinationLength);
  writer.u8(header.sourceLength);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(header.action);
  writer.u32(0);
}

/**
 * @returns undefined for rules of other families, and for those that no object says: of another action, of what does not match (`not`),
 *   of a type of service (`tos`).
 * @throws RtnetlinkError `decode`
 */
export function decodeRule(payload: Payload): Rule | undefined {
  const family = ipFamily(payload.u8(0));
  const action = actionName(payload.u8(7));
  const tos = payload.u8(3);
  if (family === undefined || action === undefined || tos !== 0 || (payload.u32(8) & flagInvert) !== 0)
    return undefined;
  const values = ruleAttributes.read(payload, ruleHeaderLength);
  const l3mdev = values.FRA_L3MDEV !== undefined && values.FRA_L3MDEV !== 0;
  const looksUp = action === 'lookUp' && !l3mdev;
  const suppress = values.FRA_SUPPRESS_PREFIXLEN;
  return {
    object: 'rule',
    family,
    priority: values.FRA_PRIORITY ?? 0,
    table: looksUp ? (values.FRA_TABLE ?? payload.u8(4)) : 0,
    ...present<Rule>({
      action: action === 'lookUp' ? undefined : action,
      l3mdev: l3mdev || undefined,
      target: values.FRA_GOTO,
      source: prefix(family, values.FRA_SRC, payload.u8(2)),
      destination: prefix(family, values.FRA_DST, payload.u8(1)),
      inputDevice: values.FRA_IIFNAME,
      outputDevice: values.FRA_OIFNAME,
      mark: markOf(values.FRA_FWMARK, values.FRA_FWMASK),
      ipProtocol: values.FRA_IP_PROTO || undefined,
      // The kernel says -1 for none.
      suppressPrefixLength: suppress === undefined || suppress < 0 ? undefined : suppress,
      unknown: unsaid(values),
    }),
  };
}

function actionName(number: number): keyof typeof actionNumber | undefined {
  return (Object.keys(actionNumber) as (keyof typeof actionNumber)[]).find(
    (name) => actionNumber[name] === number,
  );
}

function prefix(family: AddressFamily, address: IpAddress | undefined, length: number): IpPrefix | undefined {
  if (address === undefined) return undefined;
  if (!sameFamily(family, address)) throw malformed(`${address} in an ${family} rule`);
  return prefixOf(address, length);
}

/** The kernel takes a mark without a mask for the whole mark, and does not show what is zero. */
function markOf(value: number | undefined, mask: number | undefined): Rule['mark'] {
  if (value === undefined && mask === undefined) return undefined;
  return { value: value ?? 0, mask: mask ?? (value === 0 ? 0 : wholeMark) };
}
