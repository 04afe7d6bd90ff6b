// The network namespace that the benchmark has for itself, and what its routes lead to: nexthop objects of family IPv6, as the forwarder's are,
// used by routes of both families.
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { benchTable, type Family } from './side.ts';

/** A veth pair, as not every kernel has dummy devices. */
export const benchDevice = 'v0';
export const nexthopCount = 64;

/** @returns the device's interface index. */
export function benchDeviceIndex(): number {
  // Not from /sys, which belongs to the namespace that mounted it.
  index ??= Number(JSON.parse(ip(['-j', 'link', 'show', 'dev', benchDevice]))[0].ifindex);
  return index;
}
let index: number | undefined;

/** Where there is no MPLS, labels cannot be benchmarked. */
export const kernelHasMpls = (): boolean => existsSync('/proc/sys/net/mpls/platform_labels');

export function prepareNamespace(): void {
  setCompatMode(0);
  const lines = [
    `link add ${benchDevice} type veth peer name v1`,
    `link set ${benchDevice} up`,
    'link set v1 up',
  ];
  for (let id = 1; id <= nexthopCount; id++)
    lines.push(`nexthop add id ${id} via fe80::${id.toString(16)} dev ${benchDevice}`);
  ip(['-batch', '-'], lines.join('\n'));
}

/** 1, the kernel's default: to replace a nexthop object tells of all its routes. */
export function setCompatMode(mode: 0 | 1): void {
  writeFileSync('/proc/sys/net/ipv4/nexthop_compat_mode', String(mode));
}

/** Empties the benchmark's table, whoever filled it. */
export async function flushTable(family: Family): Promise<void> {
  ip([family === 'ipv4' ? '-4' : '-6', 'route', 'flush', 'table', String(benchTable)]);
}

/** @throws Error with what iproute2 said. */
export function ip(args: readonly string[], input = ''): string {
  return execFileSync('ip', args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  });
}
