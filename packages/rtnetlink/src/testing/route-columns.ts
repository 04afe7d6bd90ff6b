// Routes of the fake kernel in columns, as `dumpRoutes` gives them.
import { addressToBytes, prefixAddress, prefixLength } from '@hostpe/net';
import { routeTypes } from '../codec/route/route.ts';
import type { RouteColumns } from '../kernel.ts';
import type { IpRoute } from '../objects.ts';

export function routeColumns(family: IpRoute['family'], routes: readonly IpRoute[]): RouteColumns {
  return {
    family,
    length: routes.length,
    addresses: Uint32Array.from(routes.flatMap(({ prefix }) => words(addressToBytes(prefixAddress(prefix))))),
    prefixLengths: Uint8Array.from(routes, ({ prefix }) => prefixLength(prefix)),
    tables: Uint32Array.from(routes, ({ table }) => table),
    nexthopIds: Uint32Array.from(routes, ({ nexthopId }) => nexthopId ?? 0),
    metrics: Uint32Array.from(routes, ({ metric }) => metric ?? 0),
    protocols: Uint8Array.from(routes, ({ protocol }) => protocol ?? 0),
    types: Uint8Array.from(routes, ({ type }) => routeTypes.indexOf(type ?? 'unicast')),
  };
}

function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, word) => view.getUint32(word * 4, false));
}
