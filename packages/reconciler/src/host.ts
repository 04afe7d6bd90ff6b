// Settings of the whole host that VPNs need: sysctls and the order of the routing-policy rules. Pure: state in, steps out.
// Never lowers a protection of interfaces that are not attachments.
import type { Rule } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import type { DesiredState } from './desired.ts';
import {
  FOU_DEVICE,
  GRE_DEVICE,
  LOCAL_RULE_PRIORITY,
  LOCAL_TABLE,
  UDP_DEVICE,
  VRF_RULE_PRIORITY,
  vpnOfAlias,
} from './layout.ts';
import type { Phases, Step } from './step.ts';
import { kernelStep } from './step.ts';

interface HostSysctl {
  readonly path: string;
  readonly value: string;
  /** Values that do as well and are the operator's choice. */
  readonly alsoFine?: readonly string[];
  readonly why: string;
}

const strictMode = 'net/vrf/strict_mode';
const hashPolicies = { value: '1', alsoFine: ['2', '3'] };

const hostSysctls: readonly HostSysctl[] = [
  { path: 'net/ipv4/ip_forward', value: '1', why: 'this host routes for the machines on it' },
  { path: 'net/ipv6/conf/all/forwarding', value: '1', why: 'this host routes for the machines on it' },
  { path: 'net/mpls/platform_labels', value: '1048575', why: 'label routes need a label table' },
  {
    path: 'net/ipv4/nexthop_compat_mode',
    value: '0',
    why: 'a changed nexthop must not be announced once for each route that uses it',
  },
  {
    path: 'net/ipv4/fib_multipath_hash_policy',
    ...hashPolicies,
    why: 'flows between the same two machines are to use all paths',
  },
  {
    path: 'net/ipv6/fib_multipath_hash_policy',
    ...hashPolicies,
    why: 'flows between the same two machines are to use all paths',
  },
  { path: strictMode, value: '1', why: 'no two VRFs may share a table' },
];

function rpFilter(interface_: string): string {
  return `net/ipv4/conf/${interface_}/rp_filter`;
}

/** Whether IPv6 is off on a device: nexthops and gateways have IPv6 addresses. */
function disableIpv6(interface_: string): string {
  return `net/ipv6/conf/${interface_}/disable_ipv6`;
}

function mplsInput(device: string): string {
  return `net/mpls/conf/${device}/input`;
}

/** The sysctls that planHost and planDeviceSysctls look at. @param read reads one; undefined where it does not exist */
export async function readSysctls(
  desired: DesiredState,
  links: Iterable<string>,
  read: (path: string) => Promise<string | undefined>,
): Promise<Map<string, string>> {
  const attachments = attachedInterfaces(desired);
  const values = new Map<string, string>();
  const note = async (paths: Iterable<string>) => {
    for (const path of paths) {
      const value = await read(path);
      if (value !== undefined) values.set(path, value.trim());
    }
  };
  await note([
    ...hostSysctls.map(({ path }) => path),
    rpFilter('all'),
    ...[GRE_DEVICE, FOU_DEVICE].map(mplsInput),
    ...[GRE_DEVICE, UDP_DEVICE, ...attachments].map(disableIpv6),
    ...[...attachments].map(rpFilter),
  ]);
  // Those of all other interfaces matter only where `all` has to be given up.
  if (values.get(rpFilter('all')) !== '0') await note(['default', ...links].map(rpFilter));
  return values;
}

function attachedInterfaces(desired: DesiredState): Set<string> {
  return new Set(desired.vpns.flatMap((vpn) => vpn.attachments.map((one) => one.interface)));
}

/** To be run before the first VRF and the first tunnel device is up. */
export function planHost(desired: DesiredState, devices: Devices): Phases {
  return [
    hostSysctls.flatMap((one) => planHostSysctl(one, devices)),
    ...planRpFilter(desired, devices),
    ...planRules(devices),
  ];
}

function planHostSysctl(one: HostSysctl, devices: Devices): Step[] {
  const value = devices.sysctls.get(one.path);
  if (value === one.value || (value !== undefined && one.alsoFine?.includes(value))) return [];
  // The VRF module brings its sysctl, and comes itself with the first VRF device.
  if (value === undefined && one.path === strictMode && !hasVrf(devices)) return [];
  return [sysctlStep(`sysctl ${one.path}`, one.path, one.value, one.why)];
}

/**
 * The kernel uses the higher of `all` and the interface's own value, and a hub-and-spoke VPN's spoke may have no route to its own
 * address, so reverse path filtering of any kind would drop its packets (nftables checks their source). To have it off on the
 * attachments alone, what `all` asked for is given to each other interface by name.
 */
function planRpFilter(desired: DesiredState, devices: Devices): Phases {
  const all = Number(devices.sysctls.get(rpFilter('all')) ?? 0);
  if (all === 0) return [];
  const attachments = attachedInterfaces(desired);
  const key = 'sysctl rp_filter';
  const others = ['default', ...devices.links.keys()].filter((name) => !attachments.has(name));
  const raised = others.filter((name) => Number(devices.sysctls.get(rpFilter(name)) ?? all) < all);
  const why =
    'moved from net/ipv4/conf/all/rp_filter to each interface, as it must be off on the attachments, whose sources nftables checks';
  return [
    raised.map((name) => sysctlStep(key, rpFilter(name), String(all), why)),
    [sysctlStep(key, rpFilter('all'), '0', why)],
  ];
}

/** Whether VRFs depend on the rule: it looks up a VRF's table, or the host's own addresses. */
export function isVrfRule(rule: Rule): boolean {
  return rule.l3mdev === true || rule.table === LOCAL_TABLE;
}

/**
 * `lookup local` has to come behind the VRF rule, or tenants reach the host's own addresses. It is added there before the one at
 * the front is deleted, so that the host answers at every moment.
 */
function planRules(devices: Devices): Phases {
  const added: Step[] = [];
  const deleted: Step[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const rules = devices.rules.filter((rule) => rule.family === family);
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

/** Sysctls of a tunnel device. */
export function planTunnelSysctls(key: string, device: string, devices: Devices): Step[] {
  const input = mplsInput(device);
  return [
    ...(device === FOU_DEVICE ? [] : planWhereThere(key, disableIpv6(device), devices)),
    ...(device === UDP_DEVICE || devices.sysctls.get(input) === '1' ? [] : [sysctlStep(key, input, '1')]),
  ];
}

/** Sysctls of an attachment. */
export function planAttachmentSysctls(key: string, interface_: string, devices: Devices): Step[] {
  return [disableIpv6(interface_), rpFilter(interface_)].flatMap((path) =>
    planWhereThere(key, path, devices),
  );
}

/** Turns a feature off that a kernel built without it cannot have on. */
function planWhereThere(key: string, path: string, devices: Devices): Step[] {
  const value = devices.sysctls.get(path);
  return value === undefined || value === '0' ? [] : [sysctlStep(key, path, '0')];
}

function sysctlStep(key: string, path: string, value: string, why?: string): Step {
  return {
    key,
    name: `sysctl ${path}`,
    action: { kind: 'sysctl', path, value, ...(why === undefined ? {} : { why }) },
  };
}

function hasVrf(devices: Devices): boolean {
  return [...devices.links.values()].some((link) => vpnOfAlias(link.alias) !== undefined);
}
