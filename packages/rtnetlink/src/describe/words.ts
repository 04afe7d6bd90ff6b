// What the descriptions of all kinds are put together of: iproute2's words.
import type { IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { isMac } from '../codec/wire/link-layer-address.ts';
import type { RouteFamily } from '../objects.ts';

/** What is undefined or false is left out. */
export type Word = string | number | false | undefined;

/** A device by its index. */
export function device(index: number): string {
  return `dev if${index}`;
}

export function familyOption(family: RouteFamily): Word {
  return family === 'ipv4' ? undefined : family === 'ipv6' ? '-6' : '-f mpls';
}

/** A keyword and its value, where there is one. */
export function pair(keyword: string, value: string | number | undefined): Word[] {
  return value === undefined ? [] : [keyword, value];
}

/** @param family of the route; a gateway of another one is told by its own. */
export function via(gateway: IpAddress | MacAddress, family: 'ipv4' | 'ipv6' | undefined): Word[] {
  if (isMac(gateway)) return ['via link', gateway];
  const own = addressFamily(gateway);
  if (own === family) return ['via', gateway];
  return ['via', own === 'ipv6' ? 'inet6' : 'inet', gateway];
}

export function join(...all: Word[]): string {
  return all.filter((word) => word !== undefined && word !== false).join(' ');
}
