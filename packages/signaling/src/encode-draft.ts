// Values to messages of the current draft dialect, strictly as draft-ietf-l3vpn-end-system-06 section 6 prints them.
// Where the draft prints nothing, XEP-0060 holds; End-of-RIB is an extension: a publish or items without an item.
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
import { greatestInstanceId, greatestNumber } from './limits.ts';
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
      const routes = checkedContent(request.routes, `a publish in VPN ${quote(node)} without a route`);
      const publish = pubsub.c('publish', { node });
      for (const route of routes) {
        checkedOwnNexthop(node, route);
        publish.cnode(encodeItem(route));
      }
      break;
    }
    case 'retract': {
      const ids = checkedContent(request.ids, `a retract in VPN ${quote(node)} without an item`);
      const retract = pubsub.c('retract', { node });
      for (const id of ids) retract.c('item', { id: checkedId(id) });
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
  const { sequenceNumber, localPreference } = route;
  const item = new Element('item', { id: checkedId(route.id) });
  const entry = item.c('entry', { xmlns: entryNamespace });
  const nlri = entry.c('nlri');
  nlri.c('af').t(familyNumber(route.prefix));
  // The draft's examples leave it out and its schema has it: who goes by the schema needs it, others ignore it.
  nlri.c('safi').t('1');
  nlri.c('address').t(route.prefix);
  const list = entry.c('next-hops');
  for (const nexthop of checkedNexthops(route)) encodeNexthop(list.c('next-hop'), nexthop);
  if (sequenceNumber !== undefined) {
    entry.c('sequence-number').t(checkedNumber(sequenceNumber, greatestNumber, 'sequence-number'));
  }
  if (localPreference !== undefined) {
    entry.c('local-preference').t(checkedNumber(localPreference, greatestNumber, 'local-preference'));
  }
  return item;
}

function encodeNexthop(element: Element, nexthop: VpnNexthop): void {
  element.c('af').t(familyNumber(nexthop.address));
  element.c('address').t(nexthop.address);
  element.c('label').t(String(nexthop.label));
  if (nexthop.encapsulations.length === 0) return;
  const list = element.c('tunnel-encapsulation-list');
  for (const encapsulation of nexthop.encapsulations) list.c('tunnel-encapsulation').t(encapsulation);
}
