// Messages that mean something by themselves to values: it accepts every form that any draft printed where the meaning is
// clear, and ignores elements that it does not know. request-decoder.ts and decode-notification.ts add what takes a session.
// Source: draft-ietf-l3vpn-end-system-06 section 6, XEP-0060 sections 6.1, 6.2 and 7.
import type { Element } from 'ltx';
import { decodeItem } from './decode-route.ts';
import { attribute, child, firstAttribute, malformed, parseNumber, textOf } from './element.ts';
import { quote, SignalingError } from './errors.ts';
import { greatestInstanceId, isVpnName } from './limits.ts';
import type { RejectedItem, VpnEvent, VpnRequest, VpnRoute } from './messages.ts';
import { eventNamespace, pubsubNamespace } from './namespaces.ts';

const operations: ReadonlySet<string> = new Set(['subscribe', 'unsubscribe', 'publish', 'retract']);

/**
 * What a forwarder asks for. Its JID is taken from the session, never from the `jid` attribute: the drafts differ in what
 * stands there.
 * @param pubsub the child of an iq set.
 * @throws SignalingError `unsupported` or `malformed` where the request as a whole is not understood; a bad item of a
 * publish is in `rejected` instead.
 */
export function decodeRequest(pubsub: Element): VpnRequest {
  if (!pubsub.is('pubsub', pubsubNamespace)) throw unsupported(pubsub);
  const children = pubsub.getChildElements();
  const [operation, ...others] = children.filter(
    (element) => operations.has(element.getName()) && element.getNS() === pubsubNamespace,
  );
  if (operation === undefined) throw unsupported(children[0] ?? pubsub);
  if (others.length > 0) throw malformed('a request has one operation, this one has more');
  const vpn = vpnOf(operation);
  switch (operation.getName()) {
    case 'subscribe':
      return decodeSubscribe(pubsub, operation, vpn);
    case 'unsubscribe':
      return { kind: 'unsubscribe', vpn };
    case 'publish':
      return decodePublish(operation, vpn);
    default:
      return decodeRetract(operation, vpn);
  }
}

/**
 * What a route server tells.
 * @param event the child of a message; Contrail's namespace without `#event` is accepted too.
 * @throws SignalingError `unsupported` or `malformed` where the event as a whole is not understood; a bad item is in
 * `rejected` instead.
 */
export function decodeEvent(event: Element): VpnEvent {
  if (!event.is('event', eventNamespace) && !event.is('event', pubsubNamespace)) throw unsupported(event);
  const items = child(event, 'items');
  if (items === undefined) throw unsupported(event.getChildElements()[0] ?? event);
  const vpn = vpnOf(items);
  const isEmpty = items.getChildElements().length === 0;
  return isEmpty ? { kind: 'end-of-rib', vpn } : decodeItems(items, vpn, false);
}

/** @param contrail whether numbers are as in the dialect contrail. @throws SignalingError as `decodeEvent`. */
export function decodeItems(items: Element, vpn: string, contrail: boolean): VpnEvent {
  const children = items.getChildElements();
  const routes = new Map<string, VpnRoute>();
  const retractedIds = new Set<string>();
  const rejected: RejectedItem[] = [];
  let position = 0;
  for (const element of children) {
    const name = element.getName();
    if (name === 'item') {
      position += 1;
      const decoded = decodeItem(element, position, { nexthops: 'many', contrail });
      if ('rejected' in decoded) rejected.push(decoded.rejected);
      else {
        routes.set(decoded.route.id, decoded.route);
        if (retractedIds.size > 0) retractedIds.delete(decoded.route.id);
      }
    } else if (name === 'retract') {
      const id = attribute(element, 'id') ?? firstAttribute(element) ?? '';
      routes.delete(id);
      retractedIds.add(id);
    }
  }
  // Elements that we do not know are no End-of-RIB: to sweep because of them would drop routes that stand.
  if (routes.size + retractedIds.size + rejected.length === 0) throw unsupported(children[0] ?? items);
  return { kind: 'items', vpn, routes: [...routes.values()], retractedIds: [...retractedIds], rejected };
}

/** Options are beside the subscribe in the drafts, inside it in the dialect contrail. */
function decodeSubscribe(pubsub: Element, subscribe: Element, vpn: string): VpnRequest {
  const options = child(pubsub, 'options') ?? child(subscribe, 'options');
  const element = options && child(options, 'instance-id');
  if (element === undefined) return { kind: 'subscribe', vpn };
  return {
    kind: 'subscribe',
    vpn,
    instanceId: parseNumber(textOf(element), 'instance-id', greatestInstanceId),
  };
}

function decodePublish(publish: Element, vpn: string): VpnRequest {
  const children = publish.getChildElements();
  if (children.length === 0) return { kind: 'end-of-rib', vpn };
  const items = publish.getChildren('item');
  if (items.length === 0) throw unsupported(children[0] ?? publish);
  const routes: VpnRoute[] = [];
  const rejected: RejectedItem[] = [];
  items.forEach((item, index) => {
    const decoded = decodeItem(item, index + 1, { nexthops: 'one', contrail: false });
    if ('rejected' in decoded) rejected.push(decoded.rejected);
    else routes.push(decoded.route);
  });
  return { kind: 'publish', vpn, routes, rejected };
}

function decodeRetract(retract: Element, vpn: string): VpnRequest {
  const ids = retract.getChildren('item').map((item) => attribute(item, 'id') ?? '');
  if (ids.length === 0) throw malformed(`the retract in VPN ${quote(vpn)} names no item`);
  return { kind: 'retract', vpn, ids };
}

/** Whether a child of a collection takes a node out of it: XEP-0248 has disassociate, Contrail dissociate. */
export function isDissociate(element: Element): boolean {
  return element.getName() === 'disassociate' || element.getName() === 'dissociate';
}

/** The VPN that a node names. @throws SignalingError `malformed` */
export function vpnOf(element: Element): string {
  const node = attribute(element, 'node');
  if (node === undefined) throw malformed(`the ${element.getName()} names no node`);
  if (!isVpnName(node)) {
    throw malformed(
      `the ${element.getName()} names the node ${quote(node)}: a VPN has 1 to 128 printable ASCII characters`,
    );
  }
  return node;
}

function unsupported(element: Element): SignalingError {
  const namespace = element.getNS() ?? 'no namespace';
  return new SignalingError(
    'unsupported',
    `${quote(element.getName())} (${quote(namespace)}) is not known here: a pubsub with subscribe, unsubscribe, publish, retract or collection, and an event with items or collection, are`,
  );
}
