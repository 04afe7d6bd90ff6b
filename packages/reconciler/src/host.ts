// Settings of the whole host that VPNs need: sysctls and the order of the routing-policy rules. Pure: state in, steps out.
// Never lowers a protection of interfaces that are not attachments.
import type { Rule, Sysctl, SysctlKey, SysctlValue } from '@hostpe/rtnetlink';
import { sysctlKeys } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredAttachment, DesiredState } from './desired.ts';
import {
  FOU_DEVICE,
  GRE_DEVICE,
  LOCAL_RULE_PRIORITY,
  LOCAL_TABLE,
  PES_DEVICE,
  UDP_DEVICE,
  VRF_RULE_PRIORITY,
  vpnOfAlias,
} from './layout.ts';
import { isArpAnswersRule, planArpAnswers } from './multipoint.ts';
import { isPathMtuRule, planPathMtuRules } from './path-mtu.ts';
import { acceptRaReason } from './router-advertisements.ts';
import type { Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';

interface HostSysctl {
  readonly sysctl: SysctlKey;
  readonly value: SysctlValue;
  readonly why: string;
  /** Values that do as well and are the operator's choice. */
  readonly alsoFine: readonly SysctlValue[];
}

const hostSysctls: readonly HostSysctl[] = [
  hostSysctl(sysctlKeys.ipForward, true, 'this host routes for the machines on it'),
  hostSysctl(sysctlKeys.ipv6Forwarding('all'), true, 'this host routes for the machines on it'),
  hostSysctl(sysctlKeys.mplsPlatformLabels, 1048575, 'label routes need a label table'),
  hostSysctl(
    sysctlKeys.nexthopCompatMode,
    false,
    'a changed nexthop must not be announced once for each route that uses it',
  ),
  ...[sysctlKeys.ipv4MultipathHashPolicy, sysctlKeys.ipv6MultipathHashPolicy].map((policy) =>
    hostSysctl(policy, 1, 'flows between the same two machines are to use all paths', [2, 3]),
  ),
  hostSysctl(sysctlKeys.vrfStrictMode, true, 'no two VRFs may share a table'),
  hostSysctl(
    sysctlKeys.ipv6FwmarkReflect,
    true,
    "a packet-too-big for a VPN's packet has to find its way into the VPN by that packet's mark",
  ),
];

function hostSysctl<K extends SysctlKey>(
  sysctl: K,
  value: SysctlValue<K>,
  why: string,
  alsoFine: readonly SysctlValue<K>[] = [],
): HostSysctl {
  return { sysctl, value, why, alsoFine };
}

/** The sysctls that planHost and those for devices look at, by path. @param links by name: an interface that is not there has none. */
export async function readSysctls(
  desired: DesiredState,
  links: ReadonlyMap<string, unknown>,
  sysctl: Sysctl,
): Promise<Map<string, SysctlValue>> {
  const { rpFilter, mplsInput, disableIpv6, proxyArp, proxyArpDelay } = sysctlKeys;
  const attachments = [...attachedInterfaces(desired)].filter((name) => links.has(name));
  const values = new Map<string, SysctlValue>();
  const note = async (keys: readonly SysctlKey[]) => {
    for (const key of keys) {
      const value = await sysctl.get(key);
      if (value !== undefined) values.set(key.path, value);
    }
  };
  await note([
    ...hostSysctls.map((one) => one.sysctl),
    rpFilter('all'),
    ...[GRE_DEVICE, FOU_DEVICE].map(mplsInput),
    ...[GRE_DEVICE, UDP_DEVICE, PES_DEVICE, ...attachments].map(disableIpv6),
    ...attachments.flatMap((name) => [rpFilter(name), mplsInput(name), proxyArp(name), proxyArpDelay(name)]),
  ]);
  // Those of all other interfaces matter only where `all` has to be given up.
  if (values.get(rpFilter('all').path) !== 0) await note(['default', ...links.keys()].map(rpFilter));
  return values;
}

function attachedInterfaces(desired: DesiredState): Set<string> {
  return new Set(desired.vpns.flatMap((vpn) => vpn.attachments.map((one) => one.interface)));
}

/** To be run before the first VRF and the first tunnel device is up. */
export function planHost(desired: DesiredState, devices: Devices): Phases {
  return [
    planAcceptRa(desired, devices),
    hostSysctls.flatMap((one) => planHostSysctl(one, devices)),
    ...planRpFilter(desired, devices),
    ...planRules(devices),
    ...planPathMtuRules(desired, devices),
    ...planArpAnswers(desired, devices),
  ];
}

/** Not on attachments: a machine is no router of the host. */
function planAcceptRa(desired: DesiredState, { advertised }: Devices): Step[] {
  const attachments = attachedInterfaces(desired);
  return [...advertised]
    .filter((name) => !attachments.has(name))
    .map((name) => {
      const sysctl = sysctlKeys.acceptRa(name);
      return sysctlStep(`sysctl ${sysctl.path}`, sysctl, 2, acceptRaReason);
    });
}

function planHostSysctl(one: HostSysctl, devices: Devices): Step[] {
  const { sysctl, why } = one;
  const value = devices.sysctls.get(sysctl.path);
  if (value === one.value || (value !== undefined && one.alsoFine.includes(value))) return [];
  // The VRF module brings its sysctl, and comes itself with the first VRF device.
  if (value === undefined && sysctl === sysctlKeys.vrfStrictMode && !hasVrf(devices)) return [];
  return [sysctlStep(`sysctl ${sysctl.path}`, sysctl, one.value, why)];
}

/**
 * The kernel uses the higher of `all` and the interface's own value, and a hub-and-spoke VPN's spoke may have no route to its own
 * address, so reverse path filtering of any kind would drop its packets (nftables checks their source). To have it off on the
 * attachments alone, what `all` asked for is given to each other interface by name.
 */
function planRpFilter(desired: DesiredState, devices: Devices): Phases {
  const { rpFilter } = sysctlKeys;
  const valueAt = (name: string) => devices.sysctls.get(rpFilter(name).path);
  // The kernel takes any number, and all above the last for the last.
  const all = Math.min(Number(valueAt('all') ?? 0), rpFilter('all').max);
  if (all === 0) return [];
  const attachments = attachedInterfaces(desired);
  const key = 'sysctl rp_filter';
  const others = ['default', ...devices.links.keys()].filter((name) => !attachments.has(name));
  const raised = others.filter((name) => Number(valueAt(name) ?? all) < all);
  const why =
    'moved from net/ipv4/conf/all/rp_filter to each interface, as it must be off on the attachments, whose sources nftables checks';
  return [
    raised.map((name) => sysctlStep(key, rpFilter(name), all, why)),
    [sysctlStep(key, rpFilter('all'), 0, why)],
  ];
}

/** Whether VRFs depend on the rule: it looks up a VRF's table, or the host's own addresses. */
export function isVrfRule(rule: Rule): boolean {
  if (isPathMtuRule(rule) || isArpAnswersRule(rule)) return true;
  return isForAll(rule) && (rule.l3mdev === true || rule.table === LOCAL_TABLE);
}

/** Whether a rule is for every packet: one with a selector is another program's, and none of those that order the VRFs. */
function isForAll(rule: Rule): boolean {
  const {
    object: _,
    family: _family,
    priority: _priority,
    table: _table,
    l3mdev: _l3mdev,
    ...selectors
  } = rule;
  return Object.keys(selectors).length === 0;
}

/**
 * `lookup local` has to come behind the VRF rule, or tenants reach the host's own addresses. It is added there before the one at
 * the front is deleted, so that the host answers at every moment.
 */
function planRules(devices: Devices): Phases {
  const added: Step[] = [];
  const deleted: Step[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const rules = devices.rules.filter((rule) => rule.family === family && isForAll(rule));
    const local = rules.filter((rule) => rule.table === LOCAL_TABLE && rule.l3mdev !== true);
    const key = `rule ${family} local`;
    const name = `${family} rule lookup local`;
    const moved = { object: 'rule', family, priority: LOCAL_RULE_PRIORITY, table: LOCAL_TABLE } as const;
    if (!local.some((rule) => rule.priority === LOCAL_RULE_PRIORITY)) {
      added.push(kernelStep(key, name, { op: 'add', object: moved }));
    }
    for (const rule of local.filter(({ priority }) => priority === 0)) {
      deleted.push(kernelStep(`${key} first`, name, { op: 'delete', object: rule }, { needs: [key] }));
    }
    // The kernel makes it with the first VRF and never again.
    if (hasVrf(devices) && !rules.some((rule) => rule.l3mdev === true)) {
      const object = { object: 'rule', family, priority: VRF_RULE_PRIORITY, table: 0, l3mdev: true } as const;
      added.push(kernelStep(`rule ${family} vrf`, `${family} rule lookup VRF table`, { op: 'add', object }));
    }
  }
  return [added, deleted];
}

/** Sysctls of a tunnel device. @param ipv6 absent: as it is */
export function planTunnelSysctls(
  key: string,
  {
    name,
    ipv6,
    takesLabels,
  }: { readonly name: string; readonly ipv6?: boolean; readonly takesLabels: boolean },
  devices: Devices,
): Step[] {
  const input = sysctlKeys.mplsInput(name);
  return [
    ...(ipv6 === undefined ? [] : planWhereThere(key, sysctlKeys.disableIpv6(name), !ipv6, devices)),
    ...(takesLabels && devices.sysctls.get(input.path) !== true ? [sysctlStep(key, input, true)] : []),
  ];
}

/** Sysctls of an attachment. */
export function planAttachmentSysctls(key: string, attachment: DesiredAttachment, devices: Devices): Step[] {
  const { interface: interface_, multipoint = false } = attachment;
  const proxyArp = sysctlKeys.proxyArp(interface_);
  const delay = sysctlKeys.proxyArpDelay(interface_);
  const isLate = multipoint && devices.sysctls.get(delay.path) !== 0;
  return [
    ...(isLate ? [sysctlStep(key, delay, 0)] : []),
    ...((devices.sysctls.get(proxyArp.path) ?? false) === multipoint
      ? []
      : [sysctlStep(key, proxyArp, multipoint)]),
    ...planWhereThere(key, sysctlKeys.disableIpv6(interface_), false, devices),
    ...planWhereThere(key, sysctlKeys.rpFilter(interface_), 0, devices),
    // A label from a machine would lead into any VPN.
    ...planWhereThere(key, sysctlKeys.mplsInput(interface_), false, devices),
  ];
}

/** Turns a feature off that a kernel built without it cannot have on. */
function planWhereThere<K extends SysctlKey>(
  key: string,
  sysctl: K,
  off: SysctlValue<K>,
  devices: Devices,
): Step[] {
  const value = devices.sysctls.get(sysctl.path);
  return value === undefined || value === off ? [] : [sysctlStep(key, sysctl, off)];
}

function sysctlStep<K extends SysctlKey>(key: string, sysctl: K, value: SysctlValue<K>, why?: string): Step {
  return {
    key,
    name: `sysctl ${sysctl.path}`,
    action: { kind: 'sysctl', sysctl, value, ...(why === undefined ? {} : { why }) },
  };
}

function hasVrf(devices: Devices): boolean {
  return [...devices.links.values()].some((link) => vpnOfAlias(link.alias) !== undefined);
}
