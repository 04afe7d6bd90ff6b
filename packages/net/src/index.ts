// The networking values that everything else is written in; no I/O.
export type { AddressFamily, IpAddress } from './address.ts';
export {
  addressFamily,
  addressFromBytes,
  addressToBytes,
  compareAddresses,
  parseIpAddress,
} from './address.ts';
export type { Encapsulation } from './encapsulation.ts';
export type { NetErrorCode } from './error.ts';
export { NetError } from './error.ts';
export type { Label } from './label.ts';
export { parseLabel } from './label.ts';
export type { MacAddress } from './mac.ts';
export { macFromBytes, macToBytes, parseMac } from './mac.ts';
export type { IpPrefix } from './prefix.ts';
export {
  hostPrefix,
  parseIpPrefix,
  prefixAddress,
  prefixContains,
  prefixLength,
  prefixOf,
} from './prefix.ts';
export { PrefixIndex } from './prefix-index.ts';
export { readIpv4PrefixWords, readIpv6PrefixWords } from './prefix-words.ts';
export type { RouteDistinguisher } from './route-distinguisher.ts';
export {
  parseRouteDistinguisher,
  routeDistinguisherFromWords,
  routeDistinguisherToBytes,
} from './route-distinguisher.ts';
export type { RouteTarget } from './route-target.ts';
export { parseRouteTarget, routeTargetFromWords, routeTargetToBytes } from './route-target.ts';
