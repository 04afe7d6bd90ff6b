// What forwarding objects are told apart by: the same text for the wanted and the actual object, and the key of the steps on it. Pure.
import type { IpAddress, IpPrefix, Label } from '@hostpe/net';

/** Of a nexthop without its id. */
export function nexthopKey(device: number, gateway: IpAddress | undefined, labels: readonly Label[]): string {
  return `${device} ${gateway ?? ''} ${labels.join('/')}`;
}

/** @param metric absent for the kernel's default */
export function routeKey(table: number, prefix: IpPrefix, metric?: number): string {
  return metric === undefined ? `route ${table} ${prefix}` : `route ${table} ${prefix} ${metric}`;
}

export function neighbourKey(index: number, gateway: IpAddress): string {
  return `neighbour ${index} ${gateway}`;
}

export function filterKey(handle: number): string {
  return `filter ${handle}`;
}

export function labelKey(label: Label): string {
  return `label ${label}`;
}
