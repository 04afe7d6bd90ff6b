// Values to messages of the dialect end-system-07m, strictly as draft-marques-l3vpn-end-system-07 section 6 prints them: a
// leaf node for each route, tied to the collection node that is the VPN. What the draft only names (disassociate, delete)
// is spelled as XEP-0248 and XEP-0060 have it; End-of-RIB is an extension: a collection or items without children.
//
// Node names. The draft calls a leaf SYSTEM-ID:PREFIX, which two VPNs of one host with the same prefix would share; here it is
// SYSTEM-ID:ITEM-ID, and towards a forwarder VPN:ITEM-ID, so that a delete names one route of one VPN.
import { Element } from 'ltx';
import {
  checkedContent,
  checkedId,
  checkedNexthops,
  checkedNumber,
  checkedOwnNexthop,
  checkedVpn,
  familyNumber,
  notEncodable,
} from './checked.ts';
import { quote } from './errors.ts';
import { greatestNumber } from './limits.ts';
import type { VpnEvent, VpnNexthop, VpnRequest, VpnRoute } from './messages.ts';
import { earlyEntryNamespace, eventNamespace, ownerNamespace, pubsubNamespace } from './namespaces.ts';

/**
 * The children of the iq sets that make a request, in order: two for each route. The instance-id of a subscribe is left out:
 * the draft has none, and the route server chooses.
 * @param jid the forwarder's; its localpart is the system-id.
 * @throws SignalingError `not-encodable` for a value that a decoder would refuse or that the draft has no element for.
 */
export function encodeMarquesRequest(request: VpnRequest, jid: string): Element[] {
  const vpn = checkedVpn(request.vpn);
  switch (request.kind) {
    case 'subscribe':
      return [pubsub('subscribe', { node: vpn })];
    case 'unsubscribe':
      return [pubsub('unsubscribe', { node: vpn, jid })];
    case 'publish':
      return checkedContent(request.routes, `a publish in VPN ${quote(vpn)} without a route`).flatMap(
        (route) => {
          const node = leafNode(systemId(jid), route.id);
          const leaf = pubsub('publish', { node });
          const item = new Element('item');
          encodeEntry(item, route, checkedOwnNexthop(vpn, route));
          leaf.getChild('publish')?.cnode(item);
          return [leaf, collection(vpn, 'associate', node)];
        },
      );
    case 'retract':
      return checkedContent(request.ids, `a retract in VPN ${quote(vpn)} without an item`).flatMap((id) => {
        const node = leafNode(systemId(jid), id);
        const deletion = new Element('pubsub', ownerNamespace);
        deletion.c('delete', { node });
        return [collection(vpn, 'disassociate', node), deletion];
      });
    case 'end-of-rib':
      return [pubsub('collection', { node: vpn })];
  }
}

/**
 * The event children of the messages that make an event, in order: one disassociate for all retracted items, a delete for
 * each, then the routes.
 * @throws SignalingError `not-encodable` for a value that a decoder would refuse or that the draft has no element for.
 */
export function encodeMarquesEvent(event: VpnEvent): Element[] {
  const vpn = checkedVpn(event.vpn);
  if (event.kind === 'end-of-rib') return [itemsEvent(vpn)];
  checkedContent([...event.routes, ...event.retractedIds], `items of VPN ${quote(vpn)} without an item`);
  const events: Element[] = [];
  const nodes = event.retractedIds.map((id) => leafNode(vpn, id));
  if (nodes.length > 0) {
    const withdrawn = new Element('event', eventNamespace);
    const from = withdrawn.c('collection', { node: vpn });
    for (const node of nodes) from.c('disassociate', { node });
    events.push(withdrawn);
  }
  for (const node of nodes) {
    const deleted = new Element('event', eventNamespace);
    deleted.c('delete', { node });
    events.push(deleted);
  }
  if (event.routes.length === 0) return events;
  const changed = itemsEvent(vpn);
  for (const route of event.routes) {
    const [nexthop, ...others] = checkedNexthops(route);
    if (nexthop === undefined || others.length > 0)
      throw notEncodable(
        `${route.prefix} in VPN ${quote(vpn)} with ${route.nexthops.length} next-hops: end-system-07m has one`,
      );
    const item = new Element('item', { id: leafNode(vpn, route.id) });
    encodeEntry(item, route, nexthop);
    changed.getChild('items')?.cnode(item);
  }
  return [...events, changed];
}

function encodeEntry(item: Element, route: VpnRoute, { address, label, encapsulations }: VpnNexthop): void {
  const { prefix, sequenceNumber, localPreference } = route;
  if (localPreference !== undefined)
    throw notEncodable(`${prefix} with a local-preference: end-system-07m has none`);
  if (encapsulations.length > 0)
    throw notEncodable(`${prefix} with a list of encapsulations: end-system-07m has GRE only, unsaid`);
  const entry = item.c('entry', { xmlns: earlyEntryNamespace });
  entry.c('nlri', { af: familyNumber(prefix) }).t(prefix);
  entry.c('next-hop', { af: familyNumber(address) }).t(address);
  if (sequenceNumber !== undefined)
    entry.c('version', { id: checkedNumber(sequenceNumber, greatestNumber, 'version') });
  entry.c('label').t(String(label));
}

function pubsub(operation: string, attributes: Readonly<Record<string, string>>): Element {
  const element = new Element('pubsub', pubsubNamespace);
  element.c(operation, { ...attributes });
  return element;
}

function collection(vpn: string, operation: 'associate' | 'disassociate', node: string): Element {
  const element = new Element('pubsub', pubsubNamespace);
  element.c('collection', { node: vpn }).c(operation, { node });
  return element;
}

function itemsEvent(vpn: string): Element {
  const event = new Element('event', eventNamespace);
  event.c('items', { node: vpn });
  return event;
}

function leafNode(owner: string, id: string): string {
  return checkedId(`${owner}:${checkedId(id)}`);
}

function systemId(jid: string): string {
  const [localpart = ''] = jid.split('@');
  if (localpart === '' || localpart === jid)
    throw notEncodable(`nodes of the JID ${quote(jid)}: it has no localpart, which is the system-id`);
  return localpart;
}
