// The stanzas around Contrail's payloads: addresses, ids and the order of attributes as its agent and control node have them.
// Owns the numbers of one session; opens no stream.
// Source: controller_peer.cc and xmpp_message_builder.cc of Contrail's controller.
import { Element } from 'ltx';
import { notEncodable } from './checked.ts';
import { quote } from './errors.ts';
import { eventNamespace, pubsubNamespace } from './namespaces.ts';

/** JID of every control node. */
export const controlNodeJid = 'network-control@contrailsystems.com';

/** Routes go to this resource, at either side: `/config` and `/dns-peer` are of other uses of the same stream. */
const resource = 'bgp-peer';

export class ContrailStanzas {
  readonly #from: string;
  readonly #to: string;
  #subscriptions = 0;
  #pairs = 0;

  /** @param from, to bare: an agent's is its host name. */
  constructor(from: string, to: string) {
    this.#from = from;
    this.#to = `${to}/${resource}`;
  }

  /**
   * The stanza of a payload: an iq of a pubsub, a message of an event. The halves of a pair have one number: they are to be
   * given here, and sent, one after the other.
   */
  stanza(payload: Element): Element {
    const addresses = { from: this.#from, to: this.#to };
    const namespace = payload.getNS();
    const isEvent = payload.is('event') && (namespace === pubsubNamespace || namespace === eventNamespace);
    const stanza = isEvent
      ? new Element('message', addresses)
      : new Element('iq', { type: 'set', ...addresses, id: this.#id(payload) });
    return stanza.cnode(payload).up();
  }

  #id(payload: Element): string {
    const name = payload.getChildElements()[0]?.getName() ?? '';
    switch (name) {
      case 'subscribe':
      case 'unsubscribe':
        this.#subscriptions += 1;
        return `subscribe${this.#subscriptions}`;
      case 'publish':
        this.#pairs += 1;
        return `pubsub${this.#pairs}`;
      case 'collection':
        return `collection${this.#pairs}`;
      default:
        throw notEncodable(`${quote(name)} in the dialect contrail`);
    }
  }
}
