// Namespaces of RFC 6120, RFC 7395 and XEP-0199, nothing else.

export const NS_STREAM = 'http://etherx.jabber.org/streams';
export const NS_CLIENT = 'jabber:client';
export const NS_STREAM_ERRORS = 'urn:ietf:params:xml:ns:xmpp-streams';
export const NS_STANZA_ERRORS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
export const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
export const NS_BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
export const NS_PING = 'urn:xmpp:ping';
export const NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
export const NS_FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
