// The fast way for the requests that come by the hundred thousand: IP routes that lead to a nexthop object, or nowhere. Writes the bytes that
// route.ts would, many times as fast: by whole words and from numbers. Leaves every other route, and every wrong one, to route.ts.
import { readIpv4PrefixWords, readIpv6PrefixWords } from '@hostpe/net';
import type { RouteOperation } from '../../kernel.ts';
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

const messageHeader: Readonly<Record<RouteOperation, number>> = {
  add: ofHalves(newMessage.route, messageFlag.request | messageFlag.create | messageFlag.exclusive),
  replace: ofHalves(newMessage.route, messageFlag.request | messageFlag.create | messageFlag.replace),
  delete: ofHalves(deleteMessage('route'), messageFlag.request),
};

/** One route in numbers. The same one is used again and again. */
export interface PlainRoute {
  ipv6: boolean;
  /** The address begins at `word` of these: one number of IPv4, four of IPv6, most significant first. */
  words: Uint32Array;
  word: number;
  prefixLength: number;
  table: number;
  /** RTN_* */
  type: number;
  protocol: number;
  /** 0: the kernel's default. */
  metric: number;
  /** 0: none. */
  nexthopId: number;
}

export function newPlainRoute(): PlainRoute {
  return {
    ipv6: false,
    words: new Uint32Array(4),
    word: 0,
    prefixLength: 0,
    table: 0,
    type: type.unicast,
    protocol: 0,
    metric: 0,
    nexthopId: 0,
  };
}

/** Appends the message. */
export function writePlainRoute(
  writer: MessageWriter,
  op: RouteOperation,
  route: PlainRoute,
  sequence: number,
): void {
  const addressWords = route.ipv6 ? 4 : 1;
  const length =
    headerWords +
    1 +
    addressWords +
    numberWords +
    (route.metric === 0 ? 0 : numberWords) +
    (route.nexthopId === 0 ? 0 : numberWords);
  let at = writer.reserveWords(length);
  const words = writer.words;
  words[at++] = length * 4;
  words[at++] = messageHeader[op];
  words[at++] = sequence;
  words[at++] = 0;
  words[at++] = ofBytes(route.ipv6 ? familyNumber.ipv6 : familyNumber.ipv4, route.prefixLength, 0, 0);
  words[at++] =
    op === 'delete'
      ? ofBytes(
          0,
          0,
          route.ipv6 ? scope.universe : scope.nowhere,
          route.nexthopId === 0 ? route.type : type.any,
        )
      : ofBytes(0, route.protocol, scopeOf(route), route.type);
  words[at++] = 0;
  const { words: address, word } = route;
  words[at++] = route.ipv6 ? ipv6Header : ipv4Header;
  words[at++] = networkOrder(address[word] as number);
  if (route.ipv6) {
    words[at++] = networkOrder(address[word + 1] as number);
    words[at++] = networkOrder(address[word + 2] as number);
    words[at++] = networkOrder(address[word + 3] as number);
  }
  words[at++] = tableHeader;
  words[at++] = route.table;
  if (route.metric !== 0) {
    words[at++] = metricHeader;
    words[at++] = route.metric;
  }
  if (route.nexthopId !== 0) {
    words[at++] = nexthopIdHeader;
    words[at] = route.nexthopId;
  }
}

function scopeOf(route: PlainRoute): number {
  if (route.ipv6 || route.type === type.unicast || route.type > type.multicast) return scope.universe;
  return route.type === type.local ? scope.host : scope.link;
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
  plain.word = 0;
  plain.prefixLength = length;
  plain.table = table;
  plain.type = type.unicast;
  plain.protocol = protocol;
  plain.metric = metric ?? 0;
  plain.nexthopId = nexthopId;
  return true;
}

/** @returns why no message can carry these numbers, if so. */
export function faultOfPlain(route: PlainRoute): string | undefined {
  if (route.table === 0) return 'table 0 is none';
  if (route.type < type.unicast || route.type > type.throw) return `${route.type} is no type of a route`;
  if (route.type === type.unicast && route.nexthopId === 0) return 'a unicast route without a nexthop';
  const width = route.ipv6 ? 4 : 1;
  if (route.prefixLength === width * 32) return undefined;
  if (route.prefixLength > width * 32) return `a prefix of ${route.prefixLength} bits`;
  for (let word = 0; word < width; word++) {
    const bits = route.words[route.word + word] as number;
    const inside = route.prefixLength - word * 32;
    if (inside < 32 && (inside <= 0 ? bits : bits << inside) !== 0)
      return 'a prefix with bits set behind its length';
  }
  return undefined;
}

function isU32(value: number): boolean {
  return value >>> 0 === value;
}
