// What a daemon of FRR's tells zebra through its socket (ZAPI), as far as it takes to give it routes: who it is, and routes with one gateway.
// Bytes only, numbers in network order; opens no socket. Layout as in lib/zclient.c of FRR 8.0 to 8.5, which agree in what is written here.
import { addressToBytes, type IpAddress, type IpPrefix, prefixAddress, prefixLength } from '@hostpe/net';

/** What zebra says of itself, without `version`, where the numbers below are known to be right: commands move between versions. */
export const knownFrr = /^zebra 8\.[0-5]\b/;

/** Bytes of every message's head: length, marker, version, VRF, command. */
const headLength = 10;
const marker = 0xfe;
const version = 6;
const defaultVrf = 0;

/** enum zebra_message_types_t, lib/zclient.h. */
const command = { routeAdd: 8, hello: 18 } as const;

/** ZEBRA_ROUTE_SHARP, lib/route_types.txt: the daemon by which FRR's own developers measure zebra. */
const sharp = 23;
/** ZEBRA_FLAG_ALLOW_RECURSION, which sharpd sets. */
const allowRecursion = 0x01;
/** ZAPI_MESSAGE_NEXTHOP: nothing but nexthops behind the prefix. */
const withNexthops = 0x01;
const safiUnicast = 1;
/** By family: AF_INET and AF_INET6; NEXTHOP_TYPE_IPV4 and NEXTHOP_TYPE_IPV6, lib/nexthop.h, whose interface zebra finds itself. */
const family = { 4: { number: 2, nexthop: 2 }, 16: { number: 10, nexthop: 4 } } as const;

/** ZEBRA_HELLO: routes of sharpd's follow; zebra need not tell what becomes of them. It answers with its capabilities. */
export function encodeHello(): Uint8Array {
  // Protocol, instance (2), session (4), no notifications, not synchronous.
  return message(command.hello, [sharp, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** ZEBRA_ROUTE_ADD, default VRF. @param prefix of the family of the gateway. */
export function encodeRouteAdd(prefix: IpPrefix, gateway: IpAddress): Uint8Array {
  const address = addressToBytes(prefixAddress(prefix));
  const length = prefixLength(prefix);
  const via = addressToBytes(gateway);
  const { number, nexthop } = family[via.length === 4 ? 4 : 16];
  const instance = [0, 0];
  const flags = [0, 0, 0, allowRecursion];
  const contents = [0, 0, 0, withNexthops];
  const nexthops = [0, 1];
  const noInterface = [0, 0, 0, 0];
  return message(command.routeAdd, [
    ...[sharp, ...instance, ...flags, ...contents, safiUnicast],
    ...[number, length, ...address.subarray(0, Math.ceil(length / 8))],
    ...[...nexthops, 0, 0, 0, defaultVrf, nexthop, 0, ...via, ...noInterface],
  ]);
}

function message(number: number, body: readonly number[]): Uint8Array {
  const length = headLength + body.length;
  return Uint8Array.of(0, length, marker, version, 0, 0, 0, defaultVrf, 0, number, ...body);
}
