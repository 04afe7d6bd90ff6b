// The network namespace that the benchmark has for itself: a plain device that all routes lead over, as not every kernel has VRF, GRE and MPLS.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/** A veth pair, as not every kernel has dummy devices. */
const device = 'v0';

export function prepareNamespace(): void {
  // What the forwarder sets in its own kernel: else to replace a nexthop object tells of all its routes.
  writeFileSync('/proc/sys/net/ipv4/nexthop_compat_mode', '0');
  ip(['link', 'add', device, 'type', 'veth', 'peer', 'name', 'v1']);
  for (const name of [device, 'v1']) ip(['link', 'set', name, 'up']);
}

/** Interface index of what stands for all devices. Not from /sys, which belongs to the namespace that mounted it. */
export function deviceIndex(): number {
  return Number(JSON.parse(ip(['-j', 'link', 'show', 'dev', device]))[0].ifindex);
}

/** @throws Error with what iproute2 said */
export function ip(args: readonly string[]): string {
  return execFileSync('ip', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  });
}
