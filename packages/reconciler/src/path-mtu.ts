// Path MTU discovery of machines. Pure: the chains of nftables, the sysctl's reason and the routing-policy rules that it takes.
// - TCP: the largest segment of each connection is clamped to the MTU of its way.
// - IPv6: the kernel routes the packet-too-big for a packet that does not fit into a tunnel by the host's own tables, as the tunnel is in no VRF
//   (linux net/ipv6/icmp.c takes the VRF of the device that the packet leaves by). So packets are marked with their VPN, the error takes the mark
//   of what it is about, and a rule leads the mark to the VPN's table. IPv4 needs none of this.
import type { Rule } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredState, DesiredVpn } from './desired.ts';
import type { Json } from './guard-expressions.ts';
import { LAST_INSTANCE_ID, VRF_TABLE_BASE } from './layout.ts';
import type { Phases } from './step.ts';
import { kernelStep } from './step.ts';

/** A VPN's packets bear this and its instance-id: a range that others hardly use. */
export const MARK_BASE = 0x68700000;
export const WHOLE_MARK = 0xffffffff;
/** Before the VRF rule, behind which an unmarked packet of the host goes on to the host's tables. */
export const MARK_RULE_PRIORITY = 900;
/** No packet up to IPv6's least MTU is ever too big. */
const NEVER_TOO_BIG = 1280;

const fromVrf: Json = { match: { op: '==', left: { meta: { key: 'iifname' } }, right: '@vrfs' } };

/** Chains of the guard's table, with its set `vrfs` and the map `vrf_marks`. */
export const pathMtuChains = {
  // `rt mtu` is of the way that the packet goes; a segment size is only ever lowered.
  clamp: {
    hook: { hook: 'forward', prio: -5 },
    rules: [
      [
        fromVrf,
        {
          match: {
            op: '==',
            left: { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['syn', 'rst']] },
            right: 'syn',
          },
        },
        {
          mangle: {
            key: { 'tcp option': { name: 'maxseg', field: 'size' } },
            value: { rt: { key: 'mtu' } },
          },
        },
      ],
    ],
  },
  marks: {
    hook: { hook: 'prerouting', prio: -290 },
    rules: [
      [
        fromVrf,
        { match: { op: '==', left: { meta: { key: 'nfproto' } }, right: 'ipv6' } },
        { match: { op: '>', left: { meta: { key: 'length' } }, right: NEVER_TOO_BIG } },
        {
          mangle: {
            key: { meta: { key: 'mark' } },
            value: { map: { key: { meta: { key: 'iifname' } }, data: '@vrf_marks' } },
          },
        },
      ],
    ],
  },
} satisfies Record<string, { hook: { hook: string; prio: number }; rules: readonly (readonly Json[])[] }>;

/** The mark of a VPN's packets. */
export function vpnMark({ table }: Pick<DesiredVpn, 'table'>): number {
  return MARK_BASE + table - VRF_TABLE_BASE;
}

/** Whether a rule is one of ours for marked packets. */
export function isPathMtuRule({ family, priority, mark }: Rule): boolean {
  if (family !== 'ipv6' || priority !== MARK_RULE_PRIORITY || mark?.mask !== WHOLE_MARK) return false;
  const instanceId = mark.value - MARK_BASE;
  return instanceId > 0 && instanceId <= LAST_INSTANCE_ID;
}

/** One rule a VPN, and none for a VPN that is gone. */
export function planPathMtuRules(desired: DesiredState, devices: Devices): Phases {
  const wanted = new Map(
    desired.vpns.map((vpn): [number, Rule] => [
      vpn.table,
      {
        object: 'rule',
        family: 'ipv6',
        priority: MARK_RULE_PRIORITY,
        table: vpn.table,
        mark: { value: vpnMark(vpn), mask: WHOLE_MARK },
      },
    ]),
  );
  const there = devices.rules.filter(isPathMtuRule);
  const isRight = (rule: Rule) => wanted.get(rule.table)?.mark?.value === rule.mark?.value;
  const present = new Set(there.filter(isRight).map(({ table }) => table));
  const key = ({ table }: Rule) => `rule path mtu ${table}`;
  const name = ({ table }: Rule) => `ipv6 rule for packets of table ${table} that are too big`;
  return [
    there
      .filter((rule) => !isRight(rule))
      .map((object) => kernelStep(`remove ${key(object)}`, name(object), { op: 'delete', object })),
    [...wanted.values()]
      .filter(({ table }) => !present.has(table))
      .map((object) => kernelStep(key(object), name(object), { op: 'add', object }, { accept: ['EEXIST'] })),
  ];
}
