// Requests of one session to values, in every dialect, with what has to be kept between stanzas: the published leaf node that
// waits for its collection, and which leaf nodes are in which VPN. Bounded; no I/O.
//
// A route is published in two stanzas by draft-marques-l3vpn-end-system-07 and by Contrail: a leaf node, then its association
// with the collection that is the VPN. The leaf waits for the next association; alone it means nothing, not even where the
// node was published before: two VPNs of one host may use one node name, and to guess would lead packets into the wrong one.
import type { Element } from 'ltx';
import { endOfRibNode, readContrailNode } from './contrail-node.ts';
import { decodeRequest, isDissociate, vpnOf } from './decode-message.ts';
import { decodeItemPrefix, decodeNamedItem } from './decode-route.ts';
import type { Dialect } from './dialects.ts';
import { attribute, child, malformed } from './element.ts';
import { quote } from './errors.ts';
import { isItemId } from './limits.ts';
import type { VpnRequest } from './messages.ts';
import { eventNamespace, ownerNamespace, pubsubNamespace } from './namespaces.ts';

/** VPNs that a session has subscribed to. */
export interface Subscriptions {
  has(vpn: string): boolean;
  keys(): Iterable<string>;
}

export interface RequestDecoderOptions {
  /** What the session is configured for: where the same words mean different things, this decides. */
  readonly dialect: Dialect;
  /** As they are when a request is decoded. */
  readonly subscriptions: () => Subscriptions;
  /** Told of a leaf node that was published and never associated; the reason names it. */
  readonly onDiscarded: (reason: string) => void;
  /** Leaf nodes that a session may have. Default 100 000, far more than a host has routes. */
  readonly maxNodes?: number;
}

interface WaitingLeaf {
  readonly node: string;
  /** Undefined: a publish without a route, which is End-of-RIB in the dialect contrail. */
  readonly item: Element | undefined;
}

const bareNamespaces: ReadonlySet<string | undefined> = new Set([pubsubNamespace, ownerNamespace]);

export class RequestDecoder {
  readonly #options: RequestDecoderOptions;
  #waiting: WaitingLeaf | undefined;
  /** `keyOf` each leaf node that is in a VPN. */
  readonly #associated = new Set<string>();

  constructor(options: RequestDecoderOptions) {
    this.#options = options;
  }

  /**
   * @param payload the child of an iq set, or, from an agent of Contrail, the event child of a message.
   * @returns what it asks for, in order; nothing where it waits for another stanza or changes nothing.
   * @throws SignalingError `unsupported` or `malformed` where the request as a whole is not understood.
   */
  decode(payload: Element): VpnRequest[] {
    if (this.#isSessionEndOfRib(payload)) return this.#endOfRibs();
    if (!payload.is('pubsub') || !bareNamespaces.has(payload.getNS())) return [decodeRequest(payload)];
    const collection = child(payload, 'collection');
    if (collection !== undefined) return this.#decodeCollection(collection);
    const deletion = child(payload, 'delete');
    if (deletion !== undefined) return this.#decodeDelete(nodeOf(deletion));
    const publish = payload.getChild('publish', pubsubNamespace);
    if (publish !== undefined && this.#isLeaf(publish)) return this.#decodeLeaf(publish);
    const request = decodeRequest(payload);
    if (request.kind === 'unsubscribe') this.#forget(request.vpn);
    return [request];
  }

  /** Leaf nodes are told from VPNs by their items, which have no id. */
  #isLeaf(publish: Element): boolean {
    const node = attribute(publish, 'node') ?? '';
    if (this.#options.subscriptions().has(node)) return false;
    if (this.#options.dialect === 'contrail' && readContrailNode(node) !== undefined) return true;
    const [item, ...others] = publish.getChildren('item');
    return item !== undefined && others.length === 0 && attribute(item, 'id') === undefined;
  }

  #decodeLeaf(publish: Element): VpnRequest[] {
    const [item, ...others] = publish.getChildren('item');
    const node = nodeOf(publish);
    if (others.length > 0) throw malformed(`the publish of node ${quote(node)} has more than one item`);
    if (this.#waiting !== undefined)
      this.#options.onDiscarded(
        `node ${quote(this.#waiting.node)} was published and is discarded: node ${quote(node)} was published before it was associated with a VPN`,
      );
    this.#waiting = { node, item };
    return item === undefined ? this.#endOfRibs() : [];
  }

  #decodeCollection(collection: Element): VpnRequest[] {
    const vpn = vpnOf(collection);
    const children = collection.getChildElements();
    if (children.length === 0) return [{ kind: 'end-of-rib', vpn }];
    const associated = children.filter((element) => element.getName() === 'associate');
    const dissociated = children.filter(isDissociate);
    if (associated.length + dissociated.length === 0)
      throw malformed(`the collection ${quote(vpn)} has neither associate nor dissociate`);
    if (associated.length > 1 || (associated.length > 0 && dissociated.length > 0))
      throw malformed(
        `the collection ${quote(vpn)} associates more than one node, or one and dissociates another`,
      );
    const [one] = associated;
    if (one !== undefined) return this.#associate(vpn, nodeOf(one));
    return [
      { kind: 'retract', vpn, ids: dissociated.map((element) => this.#dissociate(vpn, nodeOf(element))) },
    ];
  }

  #associate(vpn: string, node: string): VpnRequest[] {
    const leaf = this.#takeWaiting(vpn, 'associate', node);
    // End-of-RIB was said by its first half.
    if (leaf.item === undefined) return [];
    const contrail = this.#options.dialect === 'contrail';
    const decoded = decodeNamedItem(leaf.item, node, { nexthops: 'one', contrail });
    if ('rejected' in decoded) return [{ kind: 'publish', vpn, routes: [], rejected: [decoded.rejected] }];
    const { route } = decoded;
    if (contrail) return [{ kind: 'publish', vpn, routes: [{ ...route, id: route.prefix }], rejected: [] }];
    const { maxNodes = 100_000 } = this.#options;
    if (this.#associated.size >= maxNodes && !this.#associated.has(keyOf(vpn, node)))
      throw malformed(`node ${quote(node)}: a session may have ${maxNodes} nodes, and has them`);
    this.#associated.add(keyOf(vpn, node));
    return [{ kind: 'publish', vpn, routes: [route], rejected: [] }];
  }

  /** @returns the id that the route was published under. */
  #dissociate(vpn: string, node: string): string {
    if (this.#options.dialect === 'contrail') {
      const { item } = this.#takeWaiting(vpn, 'dissociate', node);
      if (item === undefined)
        throw malformed(`node ${quote(node)} is dissociated and was published without an item`);
      return decodeItemPrefix(item);
    }
    // The first half of a withdrawal in pairs; what waits under another name waits on.
    if (this.#waiting?.node === node) this.#waiting = undefined;
    this.#associated.delete(keyOf(vpn, node));
    return node;
  }

  #takeWaiting(vpn: string, operation: 'associate' | 'dissociate', node: string): WaitingLeaf {
    const leaf = this.#waiting;
    this.#waiting = undefined;
    const what = `the ${operation} of node ${quote(node)} in collection ${quote(vpn)}`;
    if (leaf === undefined) throw malformed(`${what} follows no publish`);
    if (leaf.node !== node)
      throw malformed(`${what} follows the publish of node ${quote(leaf.node)}: both are discarded`);
    return leaf;
  }

  /** After a disassociate there is nothing left to do; without one the route goes. */
  #decodeDelete(node: string): VpnRequest[] {
    const requests: VpnRequest[] = [];
    for (const vpn of this.#options.subscriptions().keys())
      if (this.#associated.delete(keyOf(vpn, node))) requests.push({ kind: 'retract', vpn, ids: [node] });
    return requests;
  }

  #forget(vpn: string): void {
    const start = keyOf(vpn, '');
    for (const key of this.#associated) if (key.startsWith(start)) this.#associated.delete(key);
  }

  /** Contrail's agent says it of all its VPNs at once. */
  #isSessionEndOfRib(payload: Element): boolean {
    if (this.#options.dialect !== 'contrail') return false;
    if (!payload.is('event', pubsubNamespace) && !payload.is('event', eventNamespace)) return false;
    const items = child(payload, 'items');
    return items === undefined
      ? payload.getChildElements().length === 0
      : attribute(items, 'node') === endOfRibNode;
  }

  #endOfRibs(): VpnRequest[] {
    return Array.from(this.#options.subscriptions().keys(), (vpn) => ({ kind: 'end-of-rib', vpn }));
  }
}

function nodeOf(element: Element): string {
  const node = attribute(element, 'node');
  if (node === undefined) throw malformed(`the ${element.getName()} names no node`);
  if (!isItemId(node))
    throw malformed(
      `the ${element.getName()} names the node ${quote(node)}: 1 to 256 characters without control characters are allowed`,
    );
  return node;
}

/** A VPN's name has no line break. */
function keyOf(vpn: string, node: string): string {
  return `${vpn}\n${node}`;
}
