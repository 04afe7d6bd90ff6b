// Messages as draft-ietf-l3vpn-end-system-06 section 6 prints them, or, where it prints none, as XEP-0060 has them.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import type { VpnEvent, VpnRequest } from '../src/index.ts';
import { decodeEvent, decodeRequest, encodeEvent, encodeReply, encodeRequest } from '../src/index.ts';
import { xml } from './xml.ts';

const jid = 'pe3.cloud.example';

interface RequestGolden {
  readonly name: string;
  readonly request: VpnRequest;
  readonly text: string;
}

const requests: RequestGolden[] = [
  {
    name: 'subscribe with an instance-id',
    request: { kind: 'subscribe', vpn: 'blue-prod', instanceId: 19 },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <subscribe node='blue-prod' jid='pe3.cloud.example'/>
        <options>
          <instance-id>19</instance-id>
        </options>
      </pubsub>`,
  },
  {
    name: 'subscribe without options',
    request: { kind: 'subscribe', vpn: 'blue-prod' },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <subscribe node='blue-prod' jid='pe3.cloud.example'/>
      </pubsub>`,
  },
  {
    name: 'unsubscribe',
    request: { kind: 'unsubscribe', vpn: 'blue-prod' },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <unsubscribe node='blue-prod' jid='pe3.cloud.example'/>
      </pubsub>`,
  },
  {
    name: 'publish of an IPv4 route with all there is',
    request: {
      kind: 'publish',
      vpn: 'blue-prod',
      routes: [
        {
          id: '203.0.113.33:19:172.18.4.7/32',
          prefix: parseIpPrefix('172.18.4.7/32'),
          nexthops: [
            {
              address: parseIpAddress('203.0.113.33'),
              label: parseLabel(1016),
              encapsulations: ['gre', 'udp'],
            },
          ],
          sequenceNumber: 12,
          localPreference: 150,
        },
      ],
      rejected: [],
    },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <publish node='blue-prod'>
          <item id='203.0.113.33:19:172.18.4.7/32'>
            <entry xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'>
              <nlri>
                <af>1</af>
                <safi>1</safi>
                <address>172.18.4.7/32</address>
              </nlri>
              <next-hops>
                <next-hop>
                  <af>1</af>
                  <address>203.0.113.33</address>
                  <label>1016</label>
                  <tunnel-encapsulation-list>
                    <tunnel-encapsulation>gre</tunnel-encapsulation>
                    <tunnel-encapsulation>udp</tunnel-encapsulation>
                  </tunnel-encapsulation-list>
                </next-hop>
              </next-hops>
              <sequence-number>12</sequence-number>
              <local-preference>150</local-preference>
            </entry>
          </item>
        </publish>
      </pubsub>`,
  },
  {
    name: 'publish of two IPv6 routes, the second with an IPv6 next-hop and no options',
    request: {
      kind: 'publish',
      vpn: 'blue-prod',
      routes: [
        {
          id: '203.0.113.33:19:2001:db8:4::7/128',
          prefix: parseIpPrefix('2001:db8:4::7/128'),
          nexthops: [
            { address: parseIpAddress('203.0.113.33'), label: parseLabel(1017), encapsulations: ['udp'] },
          ],
          sequenceNumber: 0,
        },
        {
          id: 'second',
          prefix: parseIpPrefix('2001:db8:5::/64'),
          nexthops: [{ address: parseIpAddress('fd00::33'), label: parseLabel(1018), encapsulations: [] }],
        },
      ],
      rejected: [],
    },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <publish node='blue-prod'>
          <item id='203.0.113.33:19:2001:db8:4::7/128'>
            <entry xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'>
              <nlri><af>2</af><safi>1</safi><address>2001:db8:4::7/128</address></nlri>
              <next-hops>
                <next-hop>
                  <af>1</af>
                  <address>203.0.113.33</address>
                  <label>1017</label>
                  <tunnel-encapsulation-list>
                    <tunnel-encapsulation>udp</tunnel-encapsulation>
                  </tunnel-encapsulation-list>
                </next-hop>
              </next-hops>
              <sequence-number>0</sequence-number>
            </entry>
          </item>
          <item id='second'>
            <entry xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'>
              <nlri><af>2</af><safi>1</safi><address>2001:db8:5::/64</address></nlri>
              <next-hops>
                <next-hop><af>2</af><address>fd00::33</address><label>1018</label></next-hop>
              </next-hops>
            </entry>
          </item>
        </publish>
      </pubsub>`,
  },
  {
    name: 'retract',
    request: { kind: 'retract', vpn: 'blue-prod', ids: ['203.0.113.33:19:172.18.4.7/32', 'second'] },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <retract node='blue-prod'>
          <item id='203.0.113.33:19:172.18.4.7/32'/>
          <item id='second'/>
        </retract>
      </pubsub>`,
  },
  {
    name: 'End-of-RIB',
    request: { kind: 'end-of-rib', vpn: 'blue-prod' },
    text: `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <publish node='blue-prod'/>
      </pubsub>`,
  },
];

const multipath: VpnEvent = {
  kind: 'items',
  vpn: 'blue-prod',
  routes: [
    {
      id: '172.18.9.0/24',
      prefix: parseIpPrefix('172.18.9.0/24'),
      nexthops: [
        { address: parseIpAddress('203.0.113.41'), label: parseLabel(2001), encapsulations: ['gre'] },
        { address: parseIpAddress('203.0.113.42'), label: parseLabel(3001), encapsulations: ['udp'] },
      ],
      sequenceNumber: 2,
      localPreference: 100,
    },
  ],
  retractedIds: [],
  rejected: [],
};

/** A notification with two next-hops; the schema's safi is not in the draft's own example. */
const multipathText = (safi: string) => `
  <event xmlns='http://jabber.org/protocol/pubsub#event'>
    <items node='blue-prod'>
      <item id='172.18.9.0/24'>
        <entry xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'>
          <nlri>
            <af>1</af>${safi}
            <address>172.18.9.0/24</address>
          </nlri>
          <next-hops>
            <next-hop>
              <af>1</af>
              <address>203.0.113.41</address>
              <label>2001</label>
              <tunnel-encapsulation-list>
                <tunnel-encapsulation>gre</tunnel-encapsulation>
              </tunnel-encapsulation-list>
            </next-hop>
            <next-hop>
              <af>1</af>
              <address>203.0.113.42</address>
              <label>3001</label>
              <tunnel-encapsulation-list>
                <tunnel-encapsulation>udp</tunnel-encapsulation>
              </tunnel-encapsulation-list>
            </next-hop>
          </next-hops>
          <sequence-number>2</sequence-number>
          <local-preference>100</local-preference>
        </entry>
      </item>
    </items>
  </event>`;

const events: { name: string; event: VpnEvent; text: string }[] = [
  { name: 'two next-hops', event: multipath, text: multipathText('<safi>1</safi>') },
  {
    name: 'retract',
    event: { kind: 'items', vpn: 'blue-prod', routes: [], retractedIds: ['172.18.9.0/24'], rejected: [] },
    text: `
      <event xmlns='http://jabber.org/protocol/pubsub#event'>
        <items node='blue-prod'>
          <retract id='172.18.9.0/24'/>
        </items>
      </event>`,
  },
  {
    name: 'End-of-RIB',
    event: { kind: 'end-of-rib', vpn: 'blue-prod' },
    text: `
      <event xmlns='http://jabber.org/protocol/pubsub#event'>
        <items node='blue-prod'/>
      </event>`,
  },
];

describe('requests', () => {
  test.each(requests)('$name is encoded', ({ request, text }) => {
    expect(encodeRequest(request, jid).toString()).toBe(xml(text).toString());
  });
  test.each(requests)('$name is decoded', ({ request, text }) => {
    expect(decodeRequest(xml(text))).toEqual(request);
  });
  test('subscribe of an end-system at an external forwarder is one without instance-id', () => {
    const text = `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <subscribe node='blue-prod' jid='rack2.cloud.example'/>
        <options>
          <x xmlns='jabber:x:data' type='submit'>
            <field var='vpn#vlan_id'><value>77</value></field>
          </x>
        </options>
      </pubsub>`;
    expect(decodeRequest(xml(text))).toEqual({ kind: 'subscribe', vpn: 'blue-prod' });
  });
});

describe('replies', () => {
  test('subscribe is answered by a subscription', () => {
    const text = `
      <pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <subscription node='blue-prod' jid='pe3.cloud.example' subscription='subscribed'/>
      </pubsub>`;
    expect(encodeReply({ kind: 'subscribe', vpn: 'blue-prod' }, jid)?.toString()).toBe(xml(text).toString());
  });
  test('other requests are answered by an empty result', () => {
    expect(encodeReply({ kind: 'unsubscribe', vpn: 'blue-prod' }, jid)).toBeUndefined();
  });
});

describe('events', () => {
  test.each(events)('$name is encoded', ({ event, text }) => {
    expect(encodeEvent(event).toString()).toBe(xml(text).toString());
  });
  test.each(events)('$name is decoded', ({ event, text }) => {
    expect(decodeEvent(xml(text))).toEqual(event);
  });
  test('the example of the draft, without safi, is decoded', () => {
    expect(decodeEvent(xml(multipathText('')))).toEqual(multipath);
  });
  test('retracted items are written before the routes', () => {
    const event = encodeEvent({ ...multipath, retractedIds: ['10.0.0.0/8'] });
    expect(
      event
        .getChild('items')
        ?.getChildElements()
        .map((element) => element.getName()),
    ).toEqual(['retract', 'item']);
  });
});
