// Messages of the dialect end-system-07m, both ways: as draft-marques-l3vpn-end-system-07 section 6 prints them where it does,
// as XEP-0060 and XEP-0248 spell what it names, and the forms of draft-ietf-l3vpn-end-system-00 that are understood too.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import type { VpnEvent, VpnRequest, VpnRoute } from '../src/index.ts';
import { decodeNotification, dialects, RequestDecoder } from '../src/index.ts';
import { xml } from './xml.ts';

const { encodeRequest, encodeEvent, encodeReply } = dialects['end-system-07m'];
const context = { jid: '0242c0a80a01@dc1.example/hostpe', prefixOf: () => undefined };
const subscriptions = new Set(['blue-prod']);

function routeOf(id: string): VpnRoute {
  return {
    id,
    prefix: parseIpPrefix('172.18.4.7/32'),
    nexthops: [{ address: parseIpAddress('203.0.113.33'), label: parseLabel(1016), encapsulations: [] }],
    sequenceNumber: 12,
  };
}

const leaf = '0242c0a80a01:172.18.4.7/32';
const publish = (id: string): VpnRequest => ({
  kind: 'publish',
  vpn: 'blue-prod',
  routes: [routeOf(id)],
  rejected: [],
});

/** Each with what it is sent as, and with what it is read as where that differs: the node is the id. */
const requests: { name: string; request: VpnRequest; texts: string[]; read?: VpnRequest[] }[] = [
  {
    name: 'subscribe, the instance-id left out',
    request: { kind: 'subscribe', vpn: 'blue-prod', instanceId: 19 },
    texts: [`<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='blue-prod'/></pubsub>`],
    read: [{ kind: 'subscribe', vpn: 'blue-prod' }],
  },
  {
    name: 'unsubscribe',
    request: { kind: 'unsubscribe', vpn: 'blue-prod' },
    texts: [
      `<pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <unsubscribe node='blue-prod' jid='0242c0a80a01@dc1.example/hostpe'/>
      </pubsub>`,
    ],
  },
  {
    name: 'publish: a leaf node, then its association',
    request: publish('172.18.4.7/32'),
    texts: [
      `<pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <publish node='0242c0a80a01:172.18.4.7/32'>
          <item>
            <entry xmlns='http://ietf.org/protocol/bgpvpn'>
              <nlri af='1'>172.18.4.7/32</nlri>
              <next-hop af='1'>203.0.113.33</next-hop>
              <version id='12'/>
              <label>1016</label>
            </entry>
          </item>
        </publish>
      </pubsub>`,
      `<pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <collection node='blue-prod'>
          <associate node='0242c0a80a01:172.18.4.7/32'/>
        </collection>
      </pubsub>`,
    ],
    read: [publish(leaf)],
  },
  {
    name: 'retract: the node leaves the collection, then is deleted',
    request: { kind: 'retract', vpn: 'blue-prod', ids: ['172.18.4.7/32'] },
    texts: [
      `<pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <collection node='blue-prod'>
          <disassociate node='0242c0a80a01:172.18.4.7/32'/>
        </collection>
      </pubsub>`,
      `<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>
        <delete node='0242c0a80a01:172.18.4.7/32'/>
      </pubsub>`,
    ],
    read: [{ kind: 'retract', vpn: 'blue-prod', ids: [leaf] }],
  },
  {
    name: 'End-of-RIB: a collection without children',
    request: { kind: 'end-of-rib', vpn: 'blue-prod' },
    texts: [`<pubsub xmlns='http://jabber.org/protocol/pubsub'><collection node='blue-prod'/></pubsub>`],
  },
];

function decodeAll(...texts: readonly string[]): VpnRequest[] {
  const decoder = new RequestDecoder({
    dialect: 'end-system-07m',
    subscriptions: () => subscriptions,
    onDiscarded: (reason) => {
      throw new Error(reason);
    },
  });
  return texts.flatMap((text) => decoder.decode(xml(text)));
}

describe('requests', () => {
  test.each(requests)('$name: encoded', ({ request, texts }) => {
    expect(encodeRequest(request, context).map(String)).toEqual(texts.map((text) => xml(text).toString()));
  });
  test.each(requests)('$name: decoded', ({ request, texts, read = [request] }) => {
    expect(decodeAll(...texts)).toEqual(read);
  });

  test('an entry of draft-ietf-00, with children in place of attributes', () => {
    const [, association = ''] = requests[2]?.texts ?? [];
    expect(
      decodeAll(
        `<pubsub xmlns='http://jabber.org/protocol/pubsub'>
          <publish node='0242c0a80a01:172.18.4.7/32'>
            <item>
              <entry xmlns='http://ietf.org/protocol/bgpvpn'>
                <nlri><af>1</af><address>172.18.4.7/32</address></nlri>
                <next-hop><af>1</af><address>203.0.113.33</address></next-hop>
                <version>12</version>
                <label>1016</label>
              </entry>
            </item>
          </publish>
        </pubsub>`,
        association,
      ),
    ).toEqual([publish(leaf)]);
  });

  test.each([
    ['dissociate', 'pubsub'],
    ['disassociate', 'pubsub#owner'],
  ])('%s in namespace %s', (operation, namespace) => {
    expect(
      decodeAll(
        `<pubsub xmlns='http://jabber.org/protocol/${namespace}'>
          <collection node='blue-prod'><${operation} node='${leaf}'/></collection>
        </pubsub>`,
      ),
    ).toEqual([{ kind: 'retract', vpn: 'blue-prod', ids: [leaf] }]);
  });

  test('subscribe is answered as in the current draft', () => {
    expect(String(encodeReply({ kind: 'subscribe', vpn: 'blue-prod' }, context.jid))).toContain('subscribed');
  });
});

const items = (event: Partial<VpnEvent & { kind: 'items' }>): VpnEvent => ({
  kind: 'items',
  vpn: 'blue-prod',
  routes: [],
  retractedIds: [],
  rejected: [],
  ...event,
});

const events: { name: string; event: VpnEvent; texts: string[]; read?: VpnEvent[] }[] = [
  {
    name: 'a route',
    event: items({ routes: [routeOf('172.18.4.7/32')] }),
    texts: [
      `<event xmlns='http://jabber.org/protocol/pubsub#event'>
        <items node='blue-prod'>
          <item id='blue-prod:172.18.4.7/32'>
            <entry xmlns='http://ietf.org/protocol/bgpvpn'>
              <nlri af='1'>172.18.4.7/32</nlri>
              <next-hop af='1'>203.0.113.33</next-hop>
              <version id='12'/>
              <label>1016</label>
            </entry>
          </item>
        </items>
      </event>`,
    ],
    read: [items({ routes: [routeOf('blue-prod:172.18.4.7/32')] })],
  },
  {
    name: 'withdrawn routes: one disassociate, a delete for each',
    event: items({ retractedIds: ['172.18.4.7/32', '2001:db8::/32'] }),
    texts: [
      `<event xmlns='http://jabber.org/protocol/pubsub#event'>
        <collection node='blue-prod'>
          <disassociate node='blue-prod:172.18.4.7/32'/>
          <disassociate node='blue-prod:2001:db8::/32'/>
        </collection>
      </event>`,
      `<event xmlns='http://jabber.org/protocol/pubsub#event'><delete node='blue-prod:172.18.4.7/32'/></event>`,
      `<event xmlns='http://jabber.org/protocol/pubsub#event'><delete node='blue-prod:2001:db8::/32'/></event>`,
    ],
    read: [items({ retractedIds: ['blue-prod:172.18.4.7/32', 'blue-prod:2001:db8::/32'] })],
  },
  {
    name: 'End-of-RIB',
    event: { kind: 'end-of-rib', vpn: 'blue-prod' },
    texts: [`<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='blue-prod'/></event>`],
  },
];

const decodeEvents = (texts: readonly string[]) =>
  texts.flatMap((text) => decodeNotification(xml(text), { dialect: 'end-system-07m', subscriptions }));

describe('events', () => {
  test.each(events)('$name: encoded', ({ event, texts }) => {
    expect(encodeEvent(event).map(String)).toEqual(texts.map((text) => xml(text).toString()));
  });
  test.each(events)('$name: decoded', ({ event, texts, read = [event] }) => {
    expect(decodeEvents(texts)).toEqual(read);
  });

  test('withdrawals go before routes', () => {
    const event = items({ routes: [routeOf('a')], retractedIds: ['b'] });
    expect(encodeEvent(event).map((element) => element.getChildElements()[0]?.getName())).toEqual([
      'collection',
      'delete',
      'items',
    ]);
  });

  test('a withdrawal by the name of a publisher names the prefix too', () => {
    expect(
      decodeEvents([
        `<event xmlns='http://jabber.org/protocol/pubsub#event'>
          <collection node='blue-prod'>
            <disassociate node='0242c0a80a07:172.18.9.0/24'/>
            <disassociate node='0242c0a80a07:flow:1'/>
          </collection>
        </event>`,
      ]),
    ).toEqual([
      items({
        retractedIds: ['0242c0a80a07:172.18.9.0/24', '0242c0a80a07:flow:1'],
        retractedPrefixes: [parseIpPrefix('172.18.9.0/24')],
      }),
    ]);
  });

  test.each(['<collection node="blue-prod"><associate node="x"/></collection>', '<delete node="x"/>'])(
    '%s says nothing',
    (content) => {
      expect(
        decodeEvents([`<event xmlns='http://jabber.org/protocol/pubsub#event'>${content}</event>`]),
      ).toEqual([]);
    },
  );
});

describe('what the dialect cannot say', () => {
  const route = routeOf('a');
  const [nexthop] = route.nexthops;
  if (nexthop === undefined) throw new Error('no next-hop');
  const second = { ...nexthop, label: parseLabel(17) };
  test.each<[string, VpnRoute]>([
    ['several next-hops', { ...route, nexthops: [nexthop, second] }],
    ['a local-preference', { ...route, localPreference: 200 }],
    ['encapsulations', { ...route, nexthops: [{ ...nexthop, encapsulations: ['gre'] }] }],
    ['an id that is too long for a node', { ...route, id: 'x'.repeat(250) }],
  ])('%s', (_, unsayable) => {
    const event = items({ routes: [unsayable] });
    expect(() => encodeEvent(event)).toThrow(expect.objectContaining({ code: 'not-encodable' }));
    const request: VpnRequest = { kind: 'publish', vpn: 'blue-prod', routes: [unsayable], rejected: [] };
    expect(() => encodeRequest(request, context)).toThrow(expect.objectContaining({ code: 'not-encodable' }));
  });

  test('a JID without a localpart has no system-id', () => {
    expect(() => encodeRequest(publish('a'), { ...context, jid: 'dc1.example' })).toThrow('system-id');
  });
});
