// Values to messages of the dialect contrail, strictly as its control node and its agent write them: pairs of a publish and
// a collection, node strings, every child of an entry there even where it says nothing, few items a message. Makes payloads;
// contrail-stanza.ts makes stanzas of them.
// Source: xmpp_unicast.xsd of Contrail's API client; bgp_xmpp_channel.cc and xmpp_message_builder.cc of its controller.
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
import { contrailVrf, endOfRibNode, prefixNode, vrfNode } from './contrail-node.ts';
import { quote } from './errors.ts';
import { greatestInstanceId, greatestNumber } from './limits.ts';
import type { RequestContext, VpnEvent, VpnNexthop, VpnRequest, VpnRoute } from './messages.ts';
import { pubsubNamespace } from './namespaces.ts';

/** What an agent takes in one message; it takes routes or retracted items, never both. */
const routesPerMessage = 32;
const retractsPerMessage = 256;

/** What a control node says where nobody gave a preference. */
const defaultLocalPreference = 100;

/**
 * The children of the iq sets that make a request, in order: two for each route. End-of-RIB is of the whole session and is
 * the event child of a message.
 * @throws SignalingError `not-encodable` for a value that a decoder would refuse or that the dialect cannot say.
 */
export function encodeContrailRequest(request: VpnRequest, { prefixOf }: RequestContext): Element[] {
  const vpn = contrailVrf(checkedVpn(request.vpn));
  switch (request.kind) {
    case 'subscribe':
    case 'unsubscribe': {
      const element = new Element('pubsub', pubsubNamespace);
      const operation = element.c(request.kind, { node: vpn });
      if (request.kind === 'subscribe' && request.instanceId !== undefined)
        operation
          .c('options')
          .c('instance-id')
          .t(checkedNumber(request.instanceId, greatestInstanceId, 'instance-id'));
      return [element];
    }
    case 'publish':
      return checkedContent(request.routes, `a publish in VPN ${quote(vpn)} without a route`).flatMap(
        (route) => {
          const nexthop = checkedOwnNexthop(vpn, route);
          const node = prefixNode(vpn, route.prefix);
          const { element, entry } = publish(node);
          encodeEntry(entry, vpn, route, [nexthop], { localPreference: 0, med: 0 });
          return [element, collection(vpn, 'associate', node)];
        },
      );
    case 'retract':
      return checkedContent(request.ids, `a retract in VPN ${quote(vpn)} without an item`).flatMap((id) => {
        const prefix = prefixOf(request.vpn, id);
        if (prefix === undefined)
          throw notEncodable(`a retract of ${quote(id)} in VPN ${quote(vpn)}: it was not published`);
        const node = prefixNode(vpn, prefix);
        const { element, entry } = publish(node);
        encodeNlri(entry, prefix);
        return [element, collection(vpn, 'dissociate', node)];
      });
    case 'end-of-rib':
      return [itemsEvent(endOfRibNode)];
  }
}

/**
 * The event children of the messages that make an event, in order: retracted items, then routes, both by address family. End-of-RIB
 * is of the whole session.
 * @throws SignalingError `not-encodable` for a value that a decoder would refuse or that the dialect cannot say.
 */
export function encodeContrailEvent(event: VpnEvent): Element[] {
  const vpn = contrailVrf(checkedVpn(event.vpn));
  if (event.kind === 'end-of-rib') return [itemsEvent(endOfRibNode)];
  checkedContent([...event.routes, ...event.retractedIds], `items of VPN ${quote(vpn)} without an item`);
  const messages: Element[] = [];
  for (const family of ['1', '2'] as const) {
    // An id is a prefix in this dialect: the family can be seen.
    const ids = event.retractedIds.filter((id) => (id.includes(':') ? '2' : '1') === family);
    for (const some of inPieces(ids, retractsPerMessage)) {
      const { message, items } = itemsOf(vrfNode(family, vpn));
      // Its receiver takes the first attribute for the id, whatever its name is.
      for (const id of some) items.c('retract', { id: checkedId(id) });
      messages.push(message);
    }
  }
  for (const family of ['1', '2'] as const) {
    const routes = event.routes.filter(({ prefix }) => familyNumber(prefix) === family);
    for (const some of inPieces(routes, routesPerMessage)) {
      const { message, items } = itemsOf(vrfNode(family, vpn));
      for (const route of some) {
        if (route.id !== route.prefix)
          throw notEncodable(
            `${route.prefix} with the item id ${quote(route.id)}: in the dialect contrail it is the prefix`,
          );
        const entry = items.c('item', { id: route.id }).c('entry');
        const preference = route.localPreference ?? defaultLocalPreference;
        encodeEntry(entry, vpn, route, checkedNexthops(route), {
          localPreference: preference,
          med: medOf(preference),
        });
      }
      messages.push(message);
    }
  }
  return messages;
}

interface Unsaid {
  /** Where the route has none. */
  readonly localPreference: number;
  readonly med: number;
}

function encodeEntry(
  entry: Element,
  vpn: string,
  route: VpnRoute,
  nexthops: readonly VpnNexthop[],
  unsaid: Unsaid,
): void {
  const { prefix, sequenceNumber = 0, localPreference = unsaid.localPreference } = route;
  if (route.localPreference === 0)
    throw notEncodable(`${prefix} with local-preference 0: in the dialect contrail 0 is none at all`);
  const sequence = checkedNumber(sequenceNumber, greatestNumber, 'sequence-number');
  const network = virtualNetwork(vpn);
  encodeNlri(entry, prefix);
  const list = entry.c('next-hops');
  for (const nexthop of nexthops) encodeNexthop(list.c('next-hop'), nexthop, network);
  entry.c('version').t('1');
  entry.c('virtual-network').t(network);
  entry.c('mobility', { seqno: sequence, sticky: 'false' });
  entry.c('sequence-number').t(sequence);
  entry.c('security-group-list');
  entry.c('community-tag-list');
  entry.c('local-preference').t(checkedNumber(localPreference, greatestNumber, 'local-preference'));
  entry.c('med').t(String(unsaid.med));
  const balance = entry.c('load-balance');
  balance.c('load-balance-fields');
  balance.c('load-balance-decision').t('field-hash');
  entry.c('sub-protocol').t('interface');
}

function encodeNlri(entry: Element, prefix: VpnRoute['prefix']): void {
  const nlri = entry.c('nlri');
  nlri.c('af').t(familyNumber(prefix));
  nlri.c('safi').t('1');
  nlri.c('address').t(prefix);
}

function encodeNexthop(element: Element, nexthop: VpnNexthop, network: string): void {
  element.c('af').t(familyNumber(nexthop.address));
  element.c('address').t(nexthop.address);
  element.c('mac');
  element.c('label').t(String(nexthop.label));
  element.c('vni').t('0');
  const list = element.c('tunnel-encapsulation-list');
  // A control node writes gre where it knows a label and no encapsulation.
  const encapsulations = nexthop.encapsulations.length > 0 ? nexthop.encapsulations : ['gre'];
  for (const encapsulation of encapsulations) list.c('tunnel-encapsulation').t(encapsulation);
  element.c('virtual-network').t(network);
  element.c('tag-list');
}

/** The virtual network of a VRF: DOMAIN:PROJECT:NETWORK of DOMAIN:PROJECT:NETWORK:INSTANCE, other names as they are. */
function virtualNetwork(vrf: string): string {
  const parts = vrf.split(':');
  return parts.length === 4 ? parts.slice(0, 3).join(':') : vrf;
}

/** The MED that a control node computes of a local preference. */
function medOf(localPreference: number): number {
  if (localPreference === 100) return 200;
  if (localPreference === 200) return 100;
  return greatestNumber - localPreference;
}

function publish(node: string): { readonly element: Element; readonly entry: Element } {
  const element = new Element('pubsub', pubsubNamespace);
  const entry = element.c('publish', { node }).c('item').c('entry');
  return { element, entry };
}

function collection(vpn: string, operation: 'associate' | 'dissociate', node: string): Element {
  const element = new Element('pubsub', pubsubNamespace);
  element.c('collection', { node: vpn }).c(operation, { node });
  return element;
}

/** The event is in the namespace of the requests: without `#event`. */
function itemsOf(node: string): { readonly message: Element; readonly items: Element } {
  const message = new Element('event', pubsubNamespace);
  const items = message.c('items', { node });
  return { message, items };
}

function itemsEvent(node: string): Element {
  return itemsOf(node).message;
}

function* inPieces<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
