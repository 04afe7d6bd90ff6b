// XML namespaces of the draft dialects.

/** XEP-0060: child of an iq. */
export const pubsubNamespace = 'http://jabber.org/protocol/pubsub';
/** XEP-0060: child of a message. */
export const eventNamespace = 'http://jabber.org/protocol/pubsub#event';
/** draft-ietf-l3vpn-end-system-05 and -06. */
export const entryNamespace = 'urn:ietf:params:xml:ns:bgp:l3vpn:unicast';
/** draft-marques-l3vpn-end-system-02 to draft-ietf-l3vpn-end-system-04. */
export const earlyEntryNamespace = 'http://ietf.org/protocol/bgpvpn';
/** XEP-0060 and XEP-0248: child of an iq that creates, deletes or ties nodes. */
export const ownerNamespace = 'http://jabber.org/protocol/pubsub#owner';
