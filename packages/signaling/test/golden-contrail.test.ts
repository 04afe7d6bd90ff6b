// Messages of the dialect contrail, both ways: stanzas as an agent and a control node write them.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import type { VpnEvent, VpnNexthop, VpnRequest, VpnRoute } from '../src/index.ts';
import {
  ContrailStanzas,
  controlNodeJid,
  decodeNotification,
  dialects,
  RequestDecoder,
} from '../src/index.ts';
import { overTheWire, xml } from './xml.ts';

const vpn = 'default-domain:cloud:blue:blue';
const { encodeRequest, encodeEvent } = dialects.contrail;
const prefix = parseIpPrefix('172.18.4.7/32');
const context = { jid: 'pe3', prefixOf: (_: string, id: string) => (id === 'mine' ? prefix : undefined) };
const subscriptions = new Set([vpn, 'default-domain:cloud:red:red']);

const nexthop = (address: string, label: number, ...encapsulations: VpnNexthop['encapsulations']) => ({
  address: parseIpAddress(address),
  label: parseLabel(label),
  encapsulations,
});
const route: VpnRoute = {
  id: prefix,
  prefix,
  nexthops: [nexthop('203.0.113.33', 1016, 'gre', 'udp')],
  sequenceNumber: 12,
  localPreference: 200,
};

const nexthopText = (address: string, label: number, ...encapsulations: readonly string[]) => `
  <next-hop>
    <af>1</af>
    <address>${address}</address>
    <mac/>
    <label>${label}</label>
    <vni>0</vni>
    <tunnel-encapsulation-list>
      ${encapsulations.map((name) => `<tunnel-encapsulation>${name}</tunnel-encapsulation>`).join('')}
    </tunnel-encapsulation-list>
    <virtual-network>default-domain:cloud:blue</virtual-network>
    <tag-list/>
  </next-hop>`;

const entryText = (nexthops: string, med: number) => `
  <entry>
    <nlri><af>1</af><safi>1</safi><address>172.18.4.7/32</address></nlri>
    <next-hops>${nexthops}</next-hops>
    <version>1</version>
    <virtual-network>default-domain:cloud:blue</virtual-network>
    <mobility seqno='12' sticky='false'/>
    <sequence-number>12</sequence-number>
    <security-group-list/>
    <community-tag-list/>
    <local-preference>200</local-preference>
    <med>${med}</med>
    <load-balance>
      <load-balance-fields/>
      <load-balance-decision>field-hash</load-balance-decision>
    </load-balance>
    <sub-protocol>interface</sub-protocol>
  </entry>`;

const iq = (id: string, content: string) => `
  <iq type='set' from='pe3' to='network-control@contrailsystems.com/bgp-peer' id='${id}'>
    <pubsub xmlns='http://jabber.org/protocol/pubsub'>${content}</pubsub>
  </iq>`;
const node = `1/1/${vpn}/172.18.4.7/32`;
const collection = (operation: string) =>
  `<collection node='${vpn}'><${operation} node='${node}'/></collection>`;

const requests: { name: string; request: VpnRequest; texts: string[]; read?: VpnRequest[] }[] = [
  {
    name: 'subscribe with options inside',
    request: { kind: 'subscribe', vpn, instanceId: 19 },
    texts: [
      iq(
        'subscribe1',
        `<subscribe node='${vpn}'><options><instance-id>19</instance-id></options></subscribe>`,
      ),
    ],
  },
  {
    name: 'unsubscribe',
    request: { kind: 'unsubscribe', vpn },
    texts: [iq('subscribe1', `<unsubscribe node='${vpn}'/>`)],
  },
  {
    name: 'publish: a pair',
    request: { kind: 'publish', vpn, routes: [route], rejected: [] },
    texts: [
      iq(
        'pubsub1',
        `<publish node='${node}'><item>${entryText(nexthopText('203.0.113.33', 1016, 'gre', 'udp'), 0)}</item></publish>`,
      ),
      iq('collection1', collection('associate')),
    ],
  },
  {
    name: 'retract: a pair with the nlri alone',
    request: { kind: 'retract', vpn, ids: ['mine'] },
    texts: [
      iq(
        'pubsub1',
        `<publish node='${node}'><item><entry>
          <nlri><af>1</af><safi>1</safi><address>172.18.4.7/32</address></nlri>
        </entry></item></publish>`,
      ),
      iq('collection1', collection('dissociate')),
    ],
    read: [{ kind: 'retract', vpn, ids: ['172.18.4.7/32'] }],
  },
  {
    name: 'End-of-RIB of the whole session',
    request: { kind: 'end-of-rib', vpn },
    texts: [
      `<message from='pe3' to='network-control@contrailsystems.com/bgp-peer'>
        <event xmlns='http://jabber.org/protocol/pubsub'><items node='0/0/EndOfRib'/></event>
      </message>`,
    ],
    read: [...subscriptions].map((name) => ({ kind: 'end-of-rib', vpn: name })),
  },
];

/** Whole stanzas, decoded by their payloads. */
function decodeAll(...texts: readonly string[]): VpnRequest[] {
  const decoder = new RequestDecoder({
    dialect: 'contrail',
    subscriptions: () => subscriptions,
    onDiscarded: (reason) => {
      throw new Error(reason);
    },
  });
  return texts.flatMap((text) =>
    xml(text)
      .getChildElements()
      .flatMap((payload) => decoder.decode(payload)),
  );
}

describe('requests', () => {
  test.each(requests)('$name: encoded', ({ request, texts }) => {
    const stanzas = new ContrailStanzas('pe3', controlNodeJid);
    const sent = encodeRequest(request, context).map((payload) => stanzas.stanza(payload).toString());
    expect(sent).toEqual(texts.map((text) => xml(text).toString()));
  });
  test.each(requests)('$name: decoded', ({ request, texts, read = [request] }) => {
    expect(decodeAll(...texts)).toEqual(read);
  });

  test('the halves of a pair have one number, pairs and subscriptions count for themselves', () => {
    const stanzas = new ContrailStanzas('pe3', controlNodeJid);
    const sent: VpnRequest[] = [
      { kind: 'subscribe', vpn },
      {
        kind: 'publish',
        vpn,
        routes: [route, { ...route, prefix: parseIpPrefix('10.0.0.0/8') }],
        rejected: [],
      },
      { kind: 'unsubscribe', vpn },
    ];
    const ids = sent.flatMap((request) =>
      encodeRequest(request, context).map((payload) => stanzas.stanza(payload).attrs['id']),
    );
    expect(ids).toEqual(['subscribe1', 'pubsub1', 'collection1', 'pubsub2', 'collection2', 'subscribe2']);
  });

  test.each([
    ['an agent’s numbers: 0 in mobility, the number beside it', `seqno='0'`, '<sequence-number>7<', 7],
    ['mobility before sequence-number', `seqno='9'`, '<sequence-number>7<', 9],
    ['0 twice is none', `seqno='0'`, '<sequence-number>0<', undefined],
  ])('%s', (_, mobility, sequence, sequenceNumber) => {
    const [first = '', second = ''] = requests[2]?.texts ?? [];
    const text = first.replace(`seqno='12'`, mobility).replace('<sequence-number>12<', sequence);
    const [request] = decodeAll(text, second);
    expect(request?.kind === 'publish' && request.routes[0]?.sequenceNumber).toBe(sequenceNumber);
  });

  test('local-preference 0 is none, whatever version says', () => {
    const [first = '', second = ''] = requests[2]?.texts ?? [];
    const text = first
      .replace('preference>200', 'preference>0')
      .replace(/<mobility[^>]*>/, '')
      .replace(/<sequence-number>.*?<\/sequence-number>/, '');
    const { sequenceNumber, localPreference, ...bare } = route;
    expect(decodeAll(text, second)).toEqual([{ kind: 'publish', vpn, routes: [bare], rejected: [] }]);
  });

  test.each([
    ['an EVPN route', '<af>1</af><safi>1', '<af>25</af><safi>242', 'af "25" of the nlri is not known'],
    ['a labelled route', '<safi>1<', '<safi>4<', 'safi "4"'],
    ['a VXLAN network identifier', '<label>1016', '<label>8388607', '"8388607" is not an MPLS label'],
    ['a next-hop that nobody has', '203.0.113.33', '0.0.0.0', 'unspecified'],
    ['no next-hop', /<next-hops>.*<\/next-hops>/s, '', 'no next-hop'],
  ])('%s is rejected with a reason that names it', (_, from, to, reason) => {
    const [first = '', second = ''] = requests[2]?.texts ?? [];
    expect(decodeAll(first.replace(from, to), second)).toEqual([
      {
        kind: 'publish',
        vpn,
        routes: [],
        rejected: [{ id: node, reason: expect.stringMatching(new RegExp(`^item "${node}": .*${reason}`)) }],
      },
    ]);
  });

  test.each([
    ['message with an empty event', `<message><event xmlns='http://jabber.org/protocol/pubsub'/></message>`],
    ['publish without an item', `${iq('pubsub1', `<publish node='0/0/EndOfRib'/>`)}`],
  ])('End-of-RIB as a %s', (_, text) => {
    expect(decodeAll(text)).toEqual([...subscriptions].map((name) => ({ kind: 'end-of-rib', vpn: name })));
  });

  test('the second half of an End-of-RIB says nothing more', () => {
    const texts = [
      iq('pubsub1', `<publish node='${node}'/>`),
      iq('collection1', collection('associate')),
      iq('collection2', collection('associate')),
    ];
    expect(decodeAll(...texts.slice(0, 2))).toHaveLength(2);
    expect(() => decodeAll(...texts)).toThrow('follows no publish');
  });
});

const message = (items: string) => `
  <message from='network-control@contrailsystems.com' to='pe3/bgp-peer'>
    <event xmlns='http://jabber.org/protocol/pubsub'>${items}</event>
  </message>`;

const items = (event: Partial<VpnEvent & { kind: 'items' }>): VpnEvent => ({
  kind: 'items',
  vpn,
  routes: [],
  retractedIds: [],
  rejected: [],
  ...event,
});

const ecmp: VpnRoute = {
  ...route,
  nexthops: [nexthop('203.0.113.41', 2001, 'gre'), nexthop('203.0.113.42', 3001, 'udp')],
};

const events: { name: string; event: VpnEvent; texts: string[]; read?: VpnEvent[] }[] = [
  {
    name: 'a route with two next-hops',
    event: items({ routes: [ecmp] }),
    texts: [
      message(
        `<items node='1/1/${vpn}'><item id='172.18.4.7/32'>${entryText(
          nexthopText('203.0.113.41', 2001, 'gre') + nexthopText('203.0.113.42', 3001, 'udp'),
          100,
        )}</item></items>`,
      ),
    ],
  },
  {
    name: 'withdrawn routes, each family by itself',
    event: items({ retractedIds: ['172.18.4.7/32', '2001:db8::/32', '10.0.0.0/8'] }),
    texts: [
      message(`<items node='1/1/${vpn}'><retract id='172.18.4.7/32'/><retract id='10.0.0.0/8'/></items>`),
      message(`<items node='2/1/${vpn}'><retract id='2001:db8::/32'/></items>`),
    ],
    read: [
      items({ retractedIds: ['172.18.4.7/32', '10.0.0.0/8'] }),
      items({ retractedIds: ['2001:db8::/32'] }),
    ],
  },
  {
    name: 'End-of-RIB of the whole session',
    event: { kind: 'end-of-rib', vpn },
    texts: [message(`<items node='0/0/EndOfRib'/>`)],
    read: [...subscriptions].map((name) => ({ kind: 'end-of-rib', vpn: name })),
  },
];

const decodeEvents = (...texts: readonly string[]) =>
  texts.flatMap((text) =>
    xml(text)
      .getChildElements()
      .flatMap((payload) => decodeNotification(payload, { dialect: 'contrail', subscriptions })),
  );

describe('events', () => {
  test.each(events)('$name: encoded', ({ event, texts }) => {
    const stanzas = new ContrailStanzas(controlNodeJid, 'pe3');
    const sent = encodeEvent(event).map((payload) => stanzas.stanza(payload).toString());
    expect(sent).toEqual(texts.map((text) => xml(text).toString()));
  });
  test.each(events)('$name: decoded', ({ event, texts, read = [event] }) => {
    expect(decodeEvents(...texts)).toEqual(read);
  });

  test('at most 32 routes or 256 retracted items a message, never both', () => {
    const prefixes = Array.from({ length: 300 }, (_, index) =>
      parseIpPrefix(`10.${index >> 8}.${index & 255}.0/24`),
    );
    const event = items({
      routes: prefixes.slice(0, 70).map((one) => ({ ...route, id: one, prefix: one })),
      retractedIds: prefixes.map((one) => one.replace('10.', '11.')),
    });
    const counts = encodeEvent(event).map((payload) => {
      const list = payload.getChild('items');
      return [list?.getChildren('retract').length, list?.getChildren('item').length];
    });
    expect(counts).toEqual([
      [256, 0],
      [44, 0],
      [0, 32],
      [0, 32],
      [0, 6],
    ]);
  });

  test('what has no preference is said as a control node says it', () => {
    const { localPreference, sequenceNumber, ...bare } = route;
    const [payload] = encodeEvent(items({ routes: [bare] }));
    const text = String(payload);
    expect(text).toContain('<local-preference>100</local-preference><med>200</med>');
    expect(text).toContain('<sequence-number>0</sequence-number>');
  });

  test('a retract by an attribute of another name', () => {
    expect(decodeEvents(message(`<items node='1/1/${vpn}'><retract node='10.0.0.0/8'/></items>`))).toEqual([
      items({ retractedIds: ['10.0.0.0/8'] }),
    ]);
  });

  test('events of other families are not understood, and the reason names them', () => {
    expect(() => decodeEvents(message(`<items node='1/241/${vpn}'><item/></items>`))).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message: expect.stringContaining(`node "1/241/${vpn}"`),
      }),
    );
  });

  test('an empty family is no End-of-RIB', () => {
    expect(decodeEvents(message(`<items node='1/1/${vpn}'/>`))).toEqual([]);
  });

  test('the node of a VPN in another dialect is a name, slashes and all', () => {
    const event = encodeEvent(items({ routes: [route] })).map((payload) =>
      decodeNotification(overTheWire(payload), { dialect: 'end-system-06', subscriptions }),
    );
    expect(event).toMatchObject([[{ vpn: `1/1/${vpn}` }]]);
  });
});

describe('what the dialect cannot say', () => {
  const publish = (some: Partial<VpnRoute>, name = vpn) =>
    encodeRequest({ kind: 'publish', vpn: name, routes: [{ ...route, ...some }], rejected: [] }, context);
  test.each([
    ['a VPN with a slash', () => publish({}, 'a/b')],
    ['a local-preference of 0', () => publish({ localPreference: 0 })],
    ['several next-hops of a forwarder', () => publish({ nexthops: ecmp.nexthops })],
    [
      'an item that is not named after its prefix',
      () => encodeEvent(items({ routes: [{ ...route, id: 'a' }] })),
    ],
    [
      'a retract of what was not published',
      () => encodeRequest({ kind: 'retract', vpn, ids: ['other'] }, context),
    ],
  ])('%s', (_, encode) => {
    expect(encode).toThrow(expect.objectContaining({ name: 'SignalingError', code: 'not-encodable' }));
  });
});
