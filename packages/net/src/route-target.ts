// Route targets (RFC 4364 section 4.3.1) as canonical text, for example '64512:1'; which VPNs import a route.
import { readAdministeredNumber } from './administered-number.ts';
import type { Brand } from './brand.ts';
import { NetError } from './error.ts';

export type RouteTarget = Brand<string, 'RouteTarget'>;

const keyword = 'target:';

/** @param text '64512:1', '192.0.2.1:1' or '4200000000:1', with or without 'target:' in front. @throws NetError `invalid-route-target` */
export function parseRouteTarget(text: string): RouteTarget {
  const target = readAdministeredNumber(text.startsWith(keyword) ? text.slice(keyword.length) : text);
  if (target === undefined) throw new NetError('invalid-route-target', text, 'is not a route target');
  return target as RouteTarget;
}
