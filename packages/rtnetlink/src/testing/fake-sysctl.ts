// The sysctls of the fake kernel: those that a VPN forwarder reads or writes, at the values that a new namespace has.
// Paths of a device come and go with the device. Values are text without the closing newline.
import { RtnetlinkError } from '../errors.ts';
import type { Sysctl } from '../kernel.ts';
import type { SysctlKey, SysctlValue } from '../sysctl-keys.ts';
import { formatSysctl, parseSysctl } from '../sysctl-keys.ts';

const hostDefaults: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'net/ipv4/nexthop_compat_mode': '1',
  'net/ipv4/fib_multipath_hash_policy': '0',
  'net/ipv4/ip_local_port_range': '32768\t60999',
  'net/ipv4/tcp_l3mdev_accept': '0',
  'net/ipv4/udp_l3mdev_accept': '0',
  'net/ipv4/raw_l3mdev_accept': '1',
  'net/ipv6/fib_multipath_hash_policy': '0',
  'net/ipv6/fwmark_reflect': '0',
  'net/mpls/platform_labels': '0',
  'net/mpls/ip_ttl_propagate': '1',
  'net/vrf/strict_mode': '0',
};

/** Below net/FAMILY/conf/DEVICE, where DEVICE may be `all` and `default`. */
const ipv4Conf: Readonly<Record<string, string>> = {
  accept_local: '0',
  accept_redirects: '1',
  arp_announce: '0',
  arp_filter: '0',
  arp_ignore: '0',
  forwarding: '0',
  ignore_routes_with_linkdown: '0',
  proxy_arp: '0',
  route_localnet: '0',
  rp_filter: '0',
  send_redirects: '1',
};
const ipv6Conf: Readonly<Record<string, string>> = {
  accept_dad: '1',
  accept_ra: '1',
  accept_redirects: '1',
  addr_gen_mode: '0',
  autoconf: '1',
  dad_transmits: '1',
  disable_ipv6: '0',
  forwarding: '0',
  ignore_routes_with_linkdown: '0',
  keep_addr_on_down: '0',
  proxy_ndp: '0',
};

export class FakeSysctl implements Sysctl {
  /** Every value that a caller of `set` wrote, refused ones too, oldest first; a test may empty it. */
  readonly log: { readonly path: string; readonly value: string }[] = [];
  private readonly values = new Map<string, string>();
  /** Asked before strict mode goes on: whether two VRFs share a table. */
  private readonly sharedVrfTable: () => boolean;
  private readonly changed: (path: string) => void;

  /** @param changed told each path whose value is another one now. */
  constructor(sharedVrfTable: () => boolean, changed: (path: string) => void) {
    this.sharedVrfTable = sharedVrfTable;
    this.changed = changed;
    for (const [path, value] of Object.entries(hostDefaults)) this.values.set(path, value);
    for (const scope of ['all', 'default']) this.addConf(scope);
  }

  async get<K extends SysctlKey>(key: K): Promise<SysctlValue<K> | undefined> {
    const text = this.values.get(key.path);
    return text === undefined ? undefined : parseSysctl(key, text);
  }

  async set<K extends SysctlKey>(key: K, wanted: SysctlValue<K>): Promise<void> {
    const { path } = key;
    const value = formatSysctl(key, wanted);
    this.log.push({ path, value });
    if (!this.values.has(path)) throw sysctlError(path, value, 'ENOENT');
    if (path === 'net/vrf/strict_mode' && value !== '0' && this.sharedVrfTable()) {
      throw sysctlError(path, value, 'EBUSY');
    }
    this.put(path, value);
  }

  /** A hand at the kernel: no log, no verdict; a path that does not exist comes to be. */
  put(path: string, value: string): void {
    this.change(path, value);
    // Forwarding of a host is forwarding of all its devices, and of those to come.
    if (path === 'net/ipv4/ip_forward' || path === 'net/ipv4/conf/all/forwarding') {
      this.change('net/ipv4/ip_forward', value);
      this.setEverywhere('net/ipv4/conf/', '/forwarding', value);
    }
    if (path === 'net/ipv6/conf/all/forwarding') this.setEverywhere('net/ipv6/conf/', '/forwarding', value);
  }

  /** A hand at the kernel: as on a kernel without the module that owns the path. */
  remove(path: string): void {
    this.values.delete(path);
  }

  isOn(path: string): boolean {
    return (this.values.get(path) ?? '0') !== '0';
  }

  number(path: string): number {
    return Number(this.values.get(path) ?? '0');
  }

  addDevice(name: string): void {
    this.addConf(name);
    this.values.set(`net/mpls/conf/${name}/input`, '0');
    this.values.set(`net/ipv4/neigh/${name}/proxy_delay`, '80');
    this.values.set(`net/ipv6/neigh/${name}/proxy_delay`, '80');
  }

  removeDevice(name: string): void {
    for (const path of this.values.keys()) {
      if (path.includes(`/conf/${name}/`) || path.includes(`/neigh/${name}/`)) this.values.delete(path);
    }
  }

  private addConf(scope: string): void {
    for (const [family, conf] of [
      ['ipv4', ipv4Conf],
      ['ipv6', ipv6Conf],
    ] as const) {
      for (const [name, value] of Object.entries(conf)) {
        const inherited = this.values.get(`net/${family}/conf/default/${name}`);
        this.values.set(`net/${family}/conf/${scope}/${name}`, inherited ?? value);
      }
    }
  }

  private setEverywhere(start: string, end: string, value: string): void {
    for (const path of this.values.keys()) {
      if (path.startsWith(start) && path.endsWith(end)) this.change(path, value);
    }
  }

  private change(path: string, value: string): void {
    const before = this.values.get(path);
    this.values.set(path, value);
    if (before !== value) this.changed(path);
  }
}

function sysctlError(path: string, value: string, errno: string): RtnetlinkError {
  return new RtnetlinkError('sysctl', `sysctl ${path} = ${value}: ${errno}`, { errno });
}
