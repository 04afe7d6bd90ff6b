// Route distinguishers (RFC 4364 section 4.2) as canonical text, for example '64512:1'; what makes equal prefixes of two VPNs distinct.
import {
  administeredNumberFromWords,
  administeredNumberToBytes,
  readAdministeredNumber,
} from './administered-number.ts';
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

export type RouteDistinguisher = Brand<string, 'RouteDistinguisher'>;

/**
 * @param text '64512:1', '192.0.2.1:1', '4200000000:1', or '64512L:1' for an AS number of four octets (type 2) that would fit in two (type 0).
 * @throws NetError `invalid-route-distinguisher`
 */
export function parseRouteDistinguisher(text: string): RouteDistinguisher {
  const distinguisher = readAdministeredNumber(text);
  if (distinguisher === undefined) {
    throw new NetError('invalid-route-distinguisher', text, 'is not a route distinguisher');
  }
  return distinguisher as RouteDistinguisher;
}

/** @returns 8 bytes: type and value (RFC 4364 section 4.2). */
export function routeDistinguisherToBytes(distinguisher: RouteDistinguisher): Uint8Array {
  return administeredNumberToBytes(distinguisher, undefined);
}

/**
 * Two words rather than bytes: decoders do it a million times.
 * @param high the first four octets. @param low the last four. Both unsigned.
 * @returns undefined for a type other than 0, 1 and 2, which has no text.
 */
export function routeDistinguisherFromWords(high: number, low: number): RouteDistinguisher | undefined {
  return administeredNumberFromWords(high >>> 16, high & 0xffff, low) as RouteDistinguisher | undefined;
}
