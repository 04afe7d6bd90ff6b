// Route distinguishers (RFC 4364 section 4.2) as canonical text, for example '64512:1'; what makes equal prefixes of two VPNs distinct.
import { readAdministeredNumber } from './administered-number.ts';
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

export type RouteDistinguisher = Brand<string, 'RouteDistinguisher'>;

/** @param text '64512:1', '192.0.2.1:1' or '4200000000:1'. @throws NetError `invalid-route-distinguisher` */
export function parseRouteDistinguisher(text: string): RouteDistinguisher {
  const distinguisher = readAdministeredNumber(text);
  if (distinguisher === undefined) {
    throw new NetError('invalid-route-distinguisher', text, 'is not a route distinguisher');
  }
  return distinguisher as RouteDistinguisher;
}
