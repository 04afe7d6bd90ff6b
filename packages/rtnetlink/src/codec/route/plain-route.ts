// The fast way for the requests that come by the hundred thousand: IP routes that lead to a nexthop object, or nowhere. Writes the bytes that
// route.ts would, many times as fast: by whole words and from numbers. Leaves every other route, and every wrong one, to route.ts.
import { readIpv4PrefixWords, readIpv6PrefixWords } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { RouteColumns, RouteOperation } from '../../kernel.ts';
import type { IpRoute } from '../../objects.ts';
import { familyNumber } from '../wire/family.ts';
import { littleEndian } from '../wire/host-order.ts';
import { messageFlag } from '../wire/message.ts';
import { deleteMessage, newMessage } from '../wire/message-types.ts';
import type { MessageWriter } from '../wire/writer.ts';

const attribute = { destination: 1, metric: 6, table: 15, nexthopId: 30 } as const;
/** RTN_* */
const type = { any: 0, unicast: 1, local: 2, multicast: 5, throw: 9 } as const;
/** RT_SCOPE_* */
const scope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
const protocolBoot = 3;
/** Words of the netlink header and of struct rtmsg. */
const headerWords = 7;
/** Words of an attribute of one number. */
const numberWords = 2;

/** Words as they lie in memory. */
function ofHalves(first: number, second: number): number {
  return littleEndian ? (second << 16) | first : (first << 16) | second;
}

function ofBytes(first: number, second: number, third: number, fourth: number): number {
  return littleEndian
    ? (fourth << 24) | (third << 16) | (second << 8) | first
    : (first << 24) | (second << 16) | (third << 8) | fourth;
}

function networkOrder(word: number): number {
  if (!littleEndian) return word;
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

const metricHeader = ofHalves(8, attribute.metric);
const tableHeader = ofHalves(8, attribute.table);
const nexthopIdHeader = ofHalves(8, attribute.nexthopId);
const ipv4Header = ofHalves(8, attribute.destination);
const ipv6Header = ofHalves(20, attribute.destination);

/** The second word of a message, by operation. */
const messageHeader: Readonly<Record<RouteOperation, number>> = {
  add: ofHalves(newMessage.route, messageFlag.request | messageFlag.create | messageFlag.exclusive),
  replace: ofHalves(newMessage.route, messageFlag.request | messageFlag.create | messageFlag.replace),
  delete: ofHalves(deleteMessage('route'), messageFlag.request),
};

/** The most words that one message has: of IPv6, with a metric and a nexthop. */
const mostRouteWords = headerWords + 1 + 4 + 3 * numberWords;

/** One route in numbers. The same one is used again and again. */
export interface PlainRoute {
  ipv6: boolean;
  /** One number of IPv4, four of IPv6, most significant first. */
  words: Uint32Array;
  prefixLength: number;
  table: number;
  protocol: number;
  /** 0: the kernel's default. */
  metric: number;
  nexthopId: number;
}

export function newPlainRoute(): PlainRoute {
  return {
    ipv6: false,
    words: new Uint32Array(4),
    prefixLength: 0,
    table: 0,
    protocol: 0,
    metric: 0,
    nexthopId: 0,
  };
}

/** Appends the message. */
export function writePlainRoute(
  writer: MessageWriter,
  op: RouteOperation,
  { ipv6, words, prefixLength, table, protocol, metric, nexthopId }: PlainRoute,
  sequence: number,
): void {
  const start = writer.reserveWords(mostRouteWords);
  const end = putRoute(
    writer.words,
    start,
    op,
    sequence,
    ipv6,
    words,
    0,
    prefixLength,
    table,
    type.unicast,
    protocol,
    metric,
    nexthopId,
  );
  writer.endWords(end);
}

/**
 * Appends one operation with routes[from] to routes[to - 1]; the message of routes[n] has the sequence number `sequence + n - from`.
 * @param refused gets the place and the error (`invalid`) of each route that is not sent.
 * @returns where in the writer the last message begins, in bytes; negative: there is none.
 */
export function encodeRoutes(
  writer: MessageWriter,
  op: RouteOperation,
  routes: RouteColumns,
  from: number,
  to: number,
  sequence: number,
  refused: (at: number, error: RtnetlinkError) => void,
): number {
  const { family, addresses, prefixLengths, tables, types, protocols, metrics, nexthopIds } = routes;
  const ipv6 = family === 'ipv6';
  const width = ipv6 ? 4 : 1;
  let last = -1;
  let end = writer.reserveWords((to - from) * mostRouteWords);
  const words = writer.words;
  for (let at = from; at < to; at++) {
    const prefixLength = prefixLengths[at] as number;
    const table = tables[at] as number;
    const routeType = types[at] as number;
    const nexthopId = nexthopIds[at] as number;
    const wrong =
      faultOf(table, routeType, nexthopId) ?? faultOfPrefix(addresses, at * width, width, prefixLength);
    if (wrong !== undefined) {
      refused(at, new RtnetlinkError('invalid', wrong));
      continue;
    }
    last = end;
    end = putRoute(
      words,
      end,
      op,
      sequence + at - from,
      ipv6,
      addresses,
      at * width,
      prefixLength,
      table,
      routeType,
      protocols[at] as number,
      metrics[at] as number,
      nexthopId,
    );
  }
  writer.endWords(end);
  return last * 4;
}

/** Writes one message from `at` on. @param word where its address begins in `addresses`. @returns where the next one begins. */
function putRoute(
  words: Uint32Array,
  at: number,
  op: RouteOperation,
  sequence: number,
  ipv6: boolean,
  addresses: Uint32Array,
  word: number,
  prefixLength: number,
  table: number,
  routeType: number,
  protocol: number,
  metric: number,
  nexthopId: number,
): number {
  words[at + 1] = messageHeader[op];
  words[at + 2] = sequence;
  words[at + 3] = 0;
  words[at + 4] = ofBytes(ipv6 ? familyNumber.ipv6 : familyNumber.ipv4, prefixLength, 0, 0);
  words[at + 5] =
    op === 'delete'
      ? ofBytes(0, 0, ipv6 ? scope.universe : scope.nowhere, nexthopId === 0 ? routeType : type.any)
      : ofBytes(0, protocol, ipv6 ? scope.universe : ipv4Scope(routeType), routeType);
  words[at + 6] = 0;
  words[at + 7] = ipv6 ? ipv6Header : ipv4Header;
  words[at + 8] = networkOrder(addresses[word] as number);
  if (!ipv6) return putNumbers(words, at, at + 9, table, metric, nexthopId);
  words[at + 9] = networkOrder(addresses[word + 1] as number);
  words[at + 10] = networkOrder(addresses[word + 2] as number);
  words[at + 11] = networkOrder(addresses[word + 3] as number);
  return putNumbers(words, at, at + 12, table, metric, nexthopId);
}

/** Ends the message that begins at `start`. */
function putNumbers(
  words: Uint32Array,
  start: number,
  at: number,
  table: number,
  metric: number,
  nexthopId: number,
): number {
  let end = at + numberWords;
  words[at] = tableHeader;
  words[at + 1] = table;
  if (metric !== 0) {
    words[end] = metricHeader;
    words[end + 1] = metric;
    end += numberWords;
  }
  if (nexthopId !== 0) {
    words[end] = nexthopIdHeader;
    words[end + 1] = nexthopId;
    end += numberWords;
  }
  words[start] = (end - start) * 4;
  return end;
}

function ipv4Scope(routeType: number): number {
  if (routeType === type.unicast || routeType > type.multicast) return scope.universe;
  return routeType === type.local ? scope.host : scope.link;
}

/** @returns why no message can carry these numbers, if so. */
function faultOf(table: number, routeType: number, nexthopId: number): string | undefined {
  if (table === 0) return 'table 0 is none';
  if (routeType < type.unicast || routeType > type.throw) return `${routeType} is no type of a route`;
  if (routeType === type.unicast && nexthopId === 0) return 'a unicast route without a nexthop';
  return undefined;
}

/** @param first where the address begins; @param width its words. */
function faultOfPrefix(
  addresses: Uint32Array,
  first: number,
  width: number,
  prefixLength: number,
): string | undefined {
  if (prefixLength === width * 32) return undefined;
  if (prefixLength > width * 32) return `a prefix of ${prefixLength} bits`;
  for (let word = 0; word < width; word++) {
    const bits = addresses[first + word] as number;
    const inside = prefixLength - word * 32;
    if (inside < 32 && (inside <= 0 ? bits : bits << inside) !== 0)
      return 'a prefix with bits set behind its length';
  }
  return undefined;
}

/**
 * Fills `plain` with a unicast route that leads to a nexthop object and says nothing else.
 * @returns false where the route is another, or holds a value that is for route.ts to refuse: `plain` then holds anything.
 */
export function readPlainRoute(route: IpRoute, plain: PlainRoute): boolean {
  const { table, nexthopId = 0, metric, protocol = protocolBoot } = route;
  if (nexthopId === 0 || !isU32(nexthopId) || table === 0 || !isU32(table)) return false;
  if (metric === 0 || (metric !== undefined && !isU32(metric)) || (protocol & 0xff) !== protocol)
    return false;
  if (route.type !== undefined || route.device !== undefined || route.gateway !== undefined) return false;
  if (route.multipath !== undefined || route.metrics !== undefined || route.preferredSource !== undefined)
    return false;
  if (route.onlink !== undefined || route.encapLabels !== undefined || route.otherEncap !== undefined)
    return false;
  if (route.unknown !== undefined) return false;
  const ipv6 = route.family === 'ipv6';
  const length = ipv6
    ? readIpv6PrefixWords(route.prefix, plain.words)
    : readIpv4PrefixWords(route.prefix, plain.words);
  if (length < 0) return false;
  plain.ipv6 = ipv6;
  plain.prefixLength = length;
  plain.table = table;
  plain.protocol = protocol;
  plain.metric = metric ?? 0;
  plain.nexthopId = nexthopId;
  return true;
}

function isU32(value: number): boolean {
  return value >>> 0 === value;
}
