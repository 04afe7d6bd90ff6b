// Route targets (RFC 4364 section 4.3.1) as canonical text, for example '64512:1'; which VPNs import a route.
import {
  administeredNumberFromWords,
  administeredNumberToBytes,
  readAdministeredNumber,
} from './administered-number.ts';
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

export type RouteTarget = Brand<string, 'RouteTarget'>;

const keyword = 'target:';
/** Subtype of a route target (RFC 4360 section 4). */
const subtype = 2;

/**
 * @param text '64512:1', '192.0.2.1:1', '4200000000:1', or '64512L:1' for an AS number of four octets (type 2) that would fit in two (type 0);
 *   with or without 'target:' in front.
 * @throws NetError `invalid-route-target`
 */
export function parseRouteTarget(text: string): RouteTarget {
  const target = readAdministeredNumber(text.startsWith(keyword) ? text.slice(keyword.length) : text);
  if (target === undefined) throw new NetError('invalid-route-target', text, 'is not a route target');
  return target as RouteTarget;
}

/** @returns 8 bytes: a transitive extended community (RFC 4360 section 4, RFC 5668). */
export function routeTargetToBytes(target: RouteTarget): Uint8Array {
  return administeredNumberToBytes(target, subtype);
}

/**
 * @param high the first four octets of an extended community. @param low the last four. Both unsigned.
 * @returns undefined where it is something else than a route target.
 */
export function routeTargetFromWords(high: number, low: number): RouteTarget | undefined {
  if (((high >>> 16) & 0xff) !== subtype) return undefined;
  return administeredNumberFromWords(high >>> 24, high & 0xffff, low) as RouteTarget | undefined;
}
