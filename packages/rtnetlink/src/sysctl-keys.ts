// The sysctls that a VPN forwarder reads or sets, each as a value: where it is, what it holds, how far that goes. Pure: reads and
// writes nothing. Paths are below /proc/sys and '/'-separated, as names of devices may hold dots: `net/mpls/conf/trk.100/input`.
import { RtnetlinkError } from './errors.ts';

/** Off (0) or on (all else, as the kernel sees it; 1 is what is written). */
interface BooleanSysctl {
  readonly type: 'boolean';
  readonly path: string;
}

/** A whole number. The range is that of a value to be set: what the kernel holds may lie beyond, as it does not check all. */
interface IntegerSysctl {
  readonly type: 'integer';
  readonly path: string;
  readonly min: number;
  readonly max: number;
}

export type SysctlKey = BooleanSysctl | IntegerSysctl;

/** What a sysctl holds. */
export type SysctlValue<K extends SysctlKey = SysctlKey> = K extends BooleanSysctl ? boolean : number;

/**
 * The keys by name. `device` is the name of one, or `all` or `default` where the kernel has these; a name that no device can have
 * (empty, `.`, `..`, or with a `/`) is refused with RtnetlinkError `invalid`. Sources are in the kernel's Documentation/networking.
 */
export const sysctlKeys = {
  /** Whether the host forwards IPv4; to change it sets `forwarding` of all devices, and of those to come (ip-sysctl.rst). */
  ipForward: flag('net/ipv4/ip_forward'),
  /** Whether IPv4 packets that come in at the device are forwarded (ip-sysctl.rst). */
  ipv4Forwarding: (device: string) => flag(`net/ipv4/conf/${component(device)}/forwarding`),
  /** The same of IPv6; to change `all` changes it on all devices, and on those to come (ip-sysctl.rst). */
  ipv6Forwarding: (device: string) => flag(`net/ipv6/conf/${component(device)}/forwarding`),
  /** Whether IPv6 is off on the device: it then has no IPv6 addresses, nexthops or neighbours (ip-sysctl.rst). */
  disableIpv6: (device: string) => flag(`net/ipv6/conf/${component(device)}/disable_ipv6`),
  /** Whether router advertisements that come in at the device count: 0 never, 1 unless it forwards, 2 always (ip-sysctl.rst). */
  acceptRa: (device: string) => integer(`net/ipv6/conf/${component(device)}/accept_ra`, 0, 2),
  /**
   * Check of IPv4 sources by their reverse path: 0 none, 1 strict (RFC 3704: the best way back leads out of this device), 2 loose (there
   * is a way back). The kernel uses the higher of `all` and the device's own (ip-sysctl.rst).
   */
  rpFilter: (device: string) => integer(`net/ipv4/conf/${component(device)}/rp_filter`, 0, 2),
  /** Whether ARP queries are answered for addresses that lie behind another device (ip-sysctl.rst). */
  proxyArp: (device: string) => flag(`net/ipv4/conf/${component(device)}/proxy_arp`),
  /** The most that such an answer is put off, chosen by chance; hundredths of a second (arp(7)). */
  proxyArpDelay: (device: string) =>
    integer(`net/ipv4/neigh/${component(device)}/proxy_delay`, 0, 2147483647),
  /** Whether dumped routes repeat their nexthop object, and a change of that announces each route that uses it (ip-sysctl.rst). */
  nexthopCompatMode: flag('net/ipv4/nexthop_compat_mode'),
  /** What of an IPv4 packet chooses among paths: 0 addresses, 1 ports too, 2 inner addresses, 3 chosen fields (ip-sysctl.rst). */
  ipv4MultipathHashPolicy: integer('net/ipv4/fib_multipath_hash_policy', 0, 3),
  /** The same of an IPv6 packet (ip-sysctl.rst). */
  ipv6MultipathHashPolicy: integer('net/ipv6/fib_multipath_hash_policy', 0, 3),
  /** Whether an ICMPv6 error or a reply of the kernel bears the mark of the packet that it is about (ip-sysctl.rst). */
  ipv6FwmarkReflect: flag('net/ipv6/fwmark_reflect'),
  /** Size of the label table, entries: labels from there on have no route, and those that had one lose it (mpls-sysctl.rst). */
  mplsPlatformLabels: integer('net/mpls/platform_labels', 0, 1048575),
  /** Whether MPLS packets may come in at the device (mpls-sysctl.rst). */
  mplsInput: (device: string) => flag(`net/mpls/conf/${component(device)}/input`),
  /** Whether a table may have one VRF at the most; there once the VRF module is (linux drivers/net/vrf.c). */
  vrfStrictMode: flag('net/vrf/strict_mode'),
} as const;

/**
 * @returns what the value is in the sysctl's file
 * @throws RtnetlinkError with code `invalid`, naming sysctl and range, where the sysctl cannot hold the value
 */
export function formatSysctl<K extends SysctlKey>(key: K, value: SysctlValue<K>): string {
  if (key.type === 'boolean') {
    if (typeof value !== 'boolean') throw refusal(key, value, 'neither true nor false');
    return value ? '1' : '0';
  }
  const { min, max } = key;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw refusal(key, value, `no integer from ${min} to ${max}`);
  }
  return String(value);
}

/**
 * @param text content of the sysctl's file
 * @throws RtnetlinkError with code `sysctl`, naming sysctl and content, where that is no integer
 */
export function parseSysctl<K extends SysctlKey>(key: K, text: string): SysctlValue<K> {
  const content = text.trim();
  if (!/^-?\d{1,10}$/u.test(content)) {
    throw new RtnetlinkError('sysctl', `sysctl ${key.path} holds ${JSON.stringify(content)}: no integer`);
  }
  const number = Number(content);
  // The compiler does not follow that the type of the key decides which of the two it is.
  return (key.type === 'boolean' ? number !== 0 : number) as SysctlValue<K>;
}

function refusal({ path }: SysctlKey, value: unknown, what: string): RtnetlinkError {
  return new RtnetlinkError('invalid', `sysctl ${path} cannot be set to ${String(value)}: ${what}`);
}

function flag(path: string): BooleanSysctl {
  return { type: 'boolean', path };
}

function integer(path: string, min: number, max: number): IntegerSysctl {
  return { type: 'integer', path, min, max };
}

/** A device's name as one component of a path, so that the path cannot lead to another sysctl. */
function component(device: string): string {
  if (device === '' || device === '.' || device === '..' || /[/\0]/u.test(device)) {
    throw new RtnetlinkError(
      'invalid',
      `${JSON.stringify(device)} is no name of a device: it has no sysctls`,
    );
  }
  return device;
}
