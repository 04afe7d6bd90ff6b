// Attachments of the multipoint model: their machines take a whole subnet for on-link, and the gateway answers their ARP queries for every address
// with the virtual MAC address (draft-ietf-l3vpn-end-system-06 section 4). Pure.
// The kernel's proxy ARP answers for an address that it has a unicast route to by another device, so not for one that the VPN does not know. Therefore
// queries are marked in nftables, and a rule leads the mark to a table with nothing but such a route. It is no table of packets: none has the mark.
import type { IpPrefix } from '@hostpe/net';
import { parseIpPrefix } from '@hostpe/net';
import type { IpRoute, Rule } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredState } from './desired.ts';
import type { Json } from './guard-expressions.ts';
import { FORWARDER_PROTOCOL, filterDevice, VRF_TABLE_BASE } from './layout.ts';
import { MARK_BASE, MARK_RULE_PRIORITY, WHOLE_MARK } from './path-mtu.ts';
import type { Phases } from './step.ts';
import { kernelStep } from './step.ts';

/** Of no VPN: instance-ids begin at 1. */
export const ARP_ANSWERS_TABLE = VRF_TABLE_BASE;
const ARP_MARK = MARK_BASE;
const everything: IpPrefix = parseIpPrefix('0.0.0.0/0');

/** Chain of the guard's ARP table, with its sets `multipoint` and `sources`; behind the checks of the sender. */
export const arpAnswersChain = {
  hook: { hook: 'input', prio: 10 },
  rules: [
    [
      { match: { op: '==', left: { meta: { key: 'iifname' } }, right: '@multipoint' } },
      {
        match: { op: '==', left: { payload: { protocol: 'arp', field: 'operation' } }, right: 'request' },
      },
      // Not for what is behind the interface: the machine would take the answer for another one with its address.
      {
        match: {
          op: '!=',
          left: {
            concat: [{ meta: { key: 'iifname' } }, { payload: { protocol: 'arp', field: 'daddr ip' } }],
          },
          right: '@sources',
        },
      },
      { mangle: { key: { meta: { key: 'mark' } }, value: ARP_MARK } },
    ],
  ],
} satisfies { hook: { hook: string; prio: number }; rules: readonly (readonly Json[])[] };

/** Whether a rule is ours for marked ARP queries. */
export function isArpAnswersRule({ family, priority, mark }: Rule): boolean {
  return (
    family === 'ipv4' &&
    priority === MARK_RULE_PRIORITY &&
    mark?.value === ARP_MARK &&
    mark.mask === WHOLE_MARK
  );
}

/** The rule and the route, where an attachment needs them; the device of the route is any that is up and is not an attachment. */
export function planArpAnswers(desired: DesiredState, devices: Devices): Phases {
  const isWanted = desired.vpns.some((vpn) => vpn.attachments.some(({ multipoint }) => multipoint === true));
  const picking = devices.links.get(filterDevice(desired.underlay.address));
  const key = 'arp answers';
  const rule: Rule = {
    object: 'rule',
    family: 'ipv4',
    priority: MARK_RULE_PRIORITY,
    table: ARP_ANSWERS_TABLE,
    mark: { value: ARP_MARK, mask: WHOLE_MARK },
  };
  const rules = devices.rules.filter(isArpAnswersRule);
  const hasRule = rules.some(({ table }) => table === ARP_ANSWERS_TABLE);
  const ours = devices.arpAnswers.filter(({ protocol }) => protocol === FORWARDER_PROTOCOL);
  const ruleName = 'ipv4 rule for ARP queries of multipoint attachments';
  const routeName = 'route for ARP queries of multipoint attachments';
  if (!isWanted)
    return [
      [
        ...rules.map((object) => kernelStep(key, ruleName, { op: 'delete', object })),
        ...ours.map((object) => kernelStep(key, routeName, { op: 'delete', object })),
      ],
    ];
  const device = picking?.up === true ? picking.index : undefined;
  const hasRoute = ours.some((route) => route.prefix === everything && route.device === device);
  const route = (index: number): IpRoute => ({
    object: 'route',
    family: 'ipv4',
    table: ARP_ANSWERS_TABLE,
    prefix: everything,
    device: index,
    protocol: FORWARDER_PROTOCOL,
  });
  return [
    hasRule ? [] : [kernelStep(key, ruleName, { op: 'add', object: rule }, { accept: ['EEXIST'] })],
    hasRoute || device === undefined
      ? []
      : [kernelStep(key, routeName, { op: 'replace', object: route(device) })],
  ];
}
