// What the server writes, cut into messages of a WebSocket.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MessageFramer } from '../src/server/message-framer.ts';

const STREAM =
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='d' id='1' version='1.0' xml:lang='en'>` +
  `<stream:features><a xmlns="x"><b/></a></stream:features>` +
  `<iq type="get"/><iq xmlns="jabber:client" a='>'><p q="/>"/></iq>` +
  `<message to="a>b"><e xmlns='é'>1 &gt; 0 > -1<f></f></e></message>` +
  `<success xmlns="s">x</success>` +
  `<stream:error><c xmlns="e"/></stream:error></stream:stream>`;

const MESSAGES = [
  `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='d' id='1' version='1.0' xml:lang='en'/>`,
  `<stream:features xmlns:stream='http://etherx.jabber.org/streams'><a xmlns="x"><b/></a></stream:features>`,
  `<iq xmlns='jabber:client' type="get"/>`,
  `<iq xmlns="jabber:client" a='>'><p q="/>"/></iq>`,
  `<message xmlns='jabber:client' to="a>b"><e xmlns='é'>1 &gt; 0 > -1<f></f></e></message>`,
  `<success xmlns="s">x</success>`,
  `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><c xmlns="e"/></stream:error>`,
  `<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`,
];

test('each element is a message, however its bytes come', () => {
  const bytes = Buffer.from(STREAM);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const framer = new MessageFramer();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const messages = edges.slice(1).flatMap((end, at) => framer.take(bytes.subarray(edges[at], end)));
      expect(messages).toEqual(MESSAGES);
    }),
  );
  const framer = new MessageFramer();
  expect(Array.from(bytes, (byte) => framer.take(Buffer.of(byte))).flat()).toEqual(MESSAGES);
});
