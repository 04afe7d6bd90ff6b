// What a route server tells to values, in every dialect, where it takes a session to know: which VPNs an End-of-RIB of all is of.
// Pure; keeps nothing.
import type { IpPrefix } from '@hostpe/net';
import { NetError, parseIpPrefix } from '@hostpe/net';
import type { Element } from 'ltx';
import { endOfRibNode, isUnicast, readContrailNode } from './contrail-node.ts';
import { decodeEvent, decodeItems, isDissociate, vpnOf } from './decode-message.ts';
import type { Dialect } from './dialects.ts';
import { attribute, child, malformed } from './element.ts';
import { quote, SignalingError } from './errors.ts';
import { isVpnName } from './limits.ts';
import type { VpnEvent } from './messages.ts';
import { eventNamespace, pubsubNamespace } from './namespaces.ts';
import type { Subscriptions } from './request-decoder.ts';

/** Children of an event that have nothing to say here: their collection's disassociate has said it, or nothing has changed. */
const silent: ReadonlySet<string> = new Set(['delete', 'configuration', 'subscription']);

/** A leaf node as draft-marques-l3vpn-end-system-07 names it: a system-id of 6 bytes, then the prefix. */
const leafOfSystem = /^[0-9a-fA-F]{12}:(.+)$/;

/**
 * @param event the child of a message.
 * @param session its dialect: where the same words mean different things, this decides; and the VPNs that the route server has
 * agreed to.
 * @returns what it says, in order; nothing where it changes nothing.
 * @throws SignalingError `unsupported` or `malformed` where the event as a whole is not understood; a bad item is in
 * `rejected` instead.
 */
export function decodeNotification(
  event: Element,
  session: { readonly dialect: Dialect; readonly subscriptions: Subscriptions },
): VpnEvent[] {
  if (!event.is('event', eventNamespace) && !event.is('event', pubsubNamespace)) return [decodeEvent(event)];
  const collection = child(event, 'collection');
  if (collection !== undefined) return decodeCollection(collection);
  const [first] = event.getChildElements();
  if (first !== undefined && silent.has(first.getName())) return [];
  if (session.dialect !== 'contrail') return [decodeEvent(event)];
  if (first === undefined) return endOfRibs(session.subscriptions);
  const items = child(event, 'items');
  const text = items && attribute(items, 'node');
  if (text === endOfRibNode) return endOfRibs(session.subscriptions);
  const node = text === undefined ? undefined : readContrailNode(text);
  if (items === undefined || node === undefined) return [decodeEvent(event)];
  if (!isUnicast(node))
    throw new SignalingError(
      'unsupported',
      `node ${quote(text ?? '')}: routes of af ${node.af} and safi ${node.safi} are not known here: 1/1 and 2/1 are`,
    );
  if (!isVpnName(node.rest))
    throw malformed(`node ${quote(text ?? '')} names no VPN: it has 1 to 128 printable ASCII characters`);
  // Only the node 0/0/EndOfRib says End-of-RIB: a family without a route is no news.
  return items.getChildElements().length === 0 ? [] : [decodeItems(items, node.rest, true)];
}

/** Leaf nodes leave the collection that is a VPN; that others join it their items say. */
function decodeCollection(collection: Element): VpnEvent[] {
  const vpn = vpnOf(collection);
  const retractedIds = new Set<string>();
  const retractedPrefixes = new Set<IpPrefix>();
  for (const element of collection.getChildElements().filter(isDissociate)) {
    const node = attribute(element, 'node');
    if (node === undefined) throw malformed(`the ${element.getName()} in VPN ${quote(vpn)} names no node`);
    retractedIds.add(node);
    const prefix = prefixOfLeaf(node);
    if (prefix !== undefined) retractedPrefixes.add(prefix);
  }
  if (retractedIds.size === 0) return [];
  return [
    {
      kind: 'items',
      vpn,
      routes: [],
      retractedIds: [...retractedIds],
      ...(retractedPrefixes.size > 0 && { retractedPrefixes: [...retractedPrefixes] }),
      rejected: [],
    },
  ];
}

/** The draft's item ids are not its node names: the prefix is all that they have in common. */
function prefixOfLeaf(node: string): IpPrefix | undefined {
  const [, text] = leafOfSystem.exec(node) ?? [];
  if (text === undefined) return undefined;
  try {
    return parseIpPrefix(text);
  } catch (error) {
    if (error instanceof NetError) return undefined;
    throw error;
  }
}

function endOfRibs(subscriptions: Subscriptions): VpnEvent[] {
  return Array.from(subscriptions.keys(), (vpn) => ({ kind: 'end-of-rib', vpn }));
}
