// Values to messages of the current draft dialect, strictly as draft-ietf-l3vpn-end-system-06 section 6 prints them.
// Where the draft prints nothing, XEP-0060 holds; End-of-RIB is an extension: a publish or items without an item.
import type { IpAddress, IpPrefix } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { Element } from 'ltx';
import { quote, SignalingError } from './errors.ts';
import { greatestInstanceId, greatestNumber, isItemId, isUnspecified, isVpnName } from './limits.ts';
import type { VpnEvent, VpnNexthop, VpnRequest, VpnRoute } from './messages.ts';
import { entryNamespace, eventNamespace, pubsubNamespace } from './namespaces.ts';

/**
 * The pubsub child of an iq set.
 * @param jid the forwarder's JID, for the subscription.
 * @throws SignalingError `not-encodable` for a value that a decoder would refuse.
 */
export function encodeRequest(request: VpnRequest, jid: string): Element {
  const pubsub = new Element('pubsub', pubsubNamespace);
  const node = checkedVpn(request.vpn);
  switch (request.kind) {
    case 'subscribe':
      pubsub.c('subscribe', { node, jid });
      if (request.instanceId !== undefined) {
        pubsub
          .c('options')
          .c('instance-id')
          .t(checkedNumber(request.instanceId, greatestInstanceId, 'instance-id'));
      }
      break;
    case 'unsubscribe':
      pubsub.c('unsubscribe', { node, jid });
      break;
    case 'publish': {
      // Without a route it would be read as End-of-RIB.
      if (request.routes.length === 0) throw notEncodable(`a publish in VPN ${quote(node)} without a route`);
      const publish = pubsub.c('publish', { node });
      for (const route of request.routes) {
        if (route.nexthops.length !== 1) {
          throw notEncodable(
            `${route.prefix} in VPN ${quote(node)} with ${route.nexthops.length} next-hops: a forwarder publishes one`,
          );
        }
        publish.cnode(encodeItem(route));
      }
      break;
    }
    case 'retract': {
      if (request.ids.length === 0) throw notEncodable(`a retract in VPN ${quote(node)} without an item`);
      const retract = pubsub.c('retract', { node });
      for (const id of request.ids) retract.c('item', { id: checkedId(id) });
      break;
    }
    case 'end-of-rib':
      pubsub.c('publish', { node });
      break;
  }
  return pubsub;
}

/**
 * The child of the iq result that answers a request, undefined for an empty result. The drafts print no answer; XEP-0060
 * section 6.1.1 has one for subscribe.
 * @param jid the forwarder's JID, as in its request.
 */
export function encodeReply(request: VpnRequest, jid: string): Element | undefined {
  if (request.kind !== 'subscribe') return undefined;
  const pubsub = new Element('pubsub', pubsubNamespace);
  pubsub.c('subscription', { node: checkedVpn(request.vpn), jid, subscription: 'subscribed' });
  return pubsub;
}

/**
 * The event child of a message. Retracted items go first, so that a receiver that applies them in order ends with the
 * routes.
 * @throws SignalingError `not-encodable` for a value that a decoder would refuse.
 */
export function encodeEvent(event: VpnEvent): Element {
  const element = new Element('event', eventNamespace);
  const items = element.c('items', { node: checkedVpn(event.vpn) });
  if (event.kind === 'end-of-rib') return element;
  if (event.routes.length + event.retractedIds.length === 0) {
    throw notEncodable(`items of VPN ${quote(event.vpn)} without an item`);
  }
  for (const id of event.retractedIds) items.c('retract', { id: checkedId(id) });
  for (const route of event.routes) items.cnode(encodeItem(route));
  return element;
}

function encodeItem(route: VpnRoute): Element {
  const { nexthops, sequenceNumber, localPreference } = route;
  const item = new Element('item', { id: checkedId(route.id) });
  const entry = item.c('entry', { xmlns: entryNamespace });
  const nlri = entry.c('nlri');
  nlri.c('af').t(familyNumber(route.prefix));
  // The draft's examples leave it out and its schema has it: who goes by the schema needs it, others ignore it.
  nlri.c('safi').t('1');
  nlri.c('address').t(route.prefix);
  if (nexthops.length === 0) throw notEncodable(`${route.prefix} without a next-hop`);
  if (new Set(nexthops.map(({ address, label }) => `${address} ${label}`)).size < nexthops.length) {
    throw notEncodable(`${route.prefix} with the same next-hop twice`);
  }
  const list = entry.c('next-hops');
  for (const nexthop of nexthops) encodeNexthop(list.c('next-hop'), nexthop);
  if (sequenceNumber !== undefined) {
    entry.c('sequence-number').t(checkedNumber(sequenceNumber, greatestNumber, 'sequence-number'));
  }
  if (localPreference !== undefined) {
    entry.c('local-preference').t(checkedNumber(localPreference, greatestNumber, 'local-preference'));
  }
  return item;
}

function encodeNexthop(element: Element, nexthop: VpnNexthop): void {
  if (isUnspecified(nexthop.address)) throw notEncodable(`the next-hop ${nexthop.address}`);
  element.c('af').t(familyNumber(nexthop.address));
  element.c('address').t(nexthop.address);
  element.c('label').t(String(nexthop.label));
  if (nexthop.encapsulations.length === 0) return;
  const list = element.c('tunnel-encapsulation-list');
  for (const encapsulation of nexthop.encapsulations) list.c('tunnel-encapsulation').t(encapsulation);
}

function familyNumber(addressOrPrefix: IpAddress | IpPrefix): string {
  return addressFamily(addressOrPrefix) === 'ipv4' ? '1' : '2';
}

function checkedVpn(name: string): string {
  if (!isVpnName(name)) {
    throw notEncodable(`the VPN name ${quote(name)}: 1 to 128 printable ASCII characters are allowed`);
  }
  return name;
}

function checkedId(id: string): string {
  if (!isItemId(id)) {
    throw notEncodable(
      `the item id ${quote(id)}: 1 to 256 characters without control characters are allowed`,
    );
  }
  return id;
}

function checkedNumber(value: number, greatest: number, what: string): string {
  if (!Number.isInteger(value) || value < 0 || value > greatest) {
    throw notEncodable(`the ${what} ${value}: 0 to ${greatest} are allowed`);
  }
  return String(value);
}

function notEncodable(what: string): SignalingError {
  return new SignalingError('not-encodable', `cannot send ${what}`);
}
