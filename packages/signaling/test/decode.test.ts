// What the decoder takes besides the printed form, and what it refuses: one test per rule.
import { describe, expect, test } from 'vitest';
import type { VpnRoute } from '../src/index.ts';
import { decodeEvent, decodeRequest, SignalingError } from '../src/index.ts';
import { xml } from './xml.ts';

const route = {
  id: 'a',
  prefix: '172.18.4.7/32',
  nexthops: [{ address: '203.0.113.33', label: 1016, encapsulations: [] }],
} as unknown as VpnRoute;

const urn = `xmlns='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'`;
const early = `xmlns='http://ietf.org/protocol/bgpvpn'`;
const nlri = '<nlri><af>1</af><address>172.18.4.7/32</address></nlri>';
const nexthop = '<next-hop><af>1</af><address>203.0.113.33</address><label>1016</label></next-hop>';

function publish(items: string) {
  return decodeRequest(
    xml(`<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='red'>${items}</publish></pubsub>`),
  );
}

function notify(items: string, namespace = 'http://jabber.org/protocol/pubsub#event') {
  return decodeEvent(xml(`<event xmlns='${namespace}'><items node='red'>${items}</items></event>`));
}

function item(content: string, namespace = urn): string {
  return `<item id='a'><entry ${namespace}>${content}</entry></item>`;
}

/** The draft's entry with parts of it replaced. */
function entry(parts: { nlri?: string; nexthops?: string; rest?: string }): string {
  return item(`${parts.nlri ?? nlri}<next-hops>${parts.nexthops ?? nexthop}</next-hops>${parts.rest ?? ''}`);
}

const good = `<item id='good'><entry ${urn}>${nlri}<next-hops>${nexthop}</next-hops></entry></item>`;

describe('forms that are understood', () => {
  test.each([
    ['entry of the early drafts', item(`${nlri}<next-hops>${nexthop}</next-hops>`, early)],
    ['entry without a namespace', item(`${nlri}<next-hops>${nexthop}</next-hops>`, '')],
    [
      'af as attribute, next-hop and label in the entry',
      item(
        `<nlri af='1'>172.18.4.7/32</nlri><next-hop af='1'>203.0.113.33</next-hop><label>1016</label>`,
        early,
      ),
    ],
    [
      'next-hop with children in the entry, label beside it',
      item(`${nlri}<next-hop><af>1</af><address>203.0.113.33</address></next-hop><label>1016</label>`, early),
    ],
    [
      'prefix without a length',
      entry({ nlri: '<nlri><af>1</af><safi>1</safi><address>172.18.4.7</address></nlri>' }),
    ],
    [
      'white space around values',
      entry({ nlri: '<nlri><af> 1 </af><address>\n172.18.4.7/32 </address></nlri>' }),
    ],
    ['any order of children', item(`<next-hops>${nexthop}</next-hops>${nlri}`)],
    ['elements that nobody knows', entry({ rest: '<med>5</med><virtual-network>red</virtual-network>' })],
    [
      'prefixed names',
      `<item id='a'><v:entry xmlns:v='urn:ietf:params:xml:ns:bgp:l3vpn:unicast'>${nlri}<v:next-hops>${nexthop}</v:next-hops></v:entry></item>`,
    ],
  ])('%s', (_, text) => {
    expect(publish(text)).toEqual({ kind: 'publish', vpn: 'red', routes: [route], rejected: [] });
    expect(notify(text)).toEqual({
      kind: 'items',
      vpn: 'red',
      routes: [route],
      retractedIds: [],
      rejected: [],
    });
  });

  test.each([
    ['sequence-number', '<sequence-number>4294967295</sequence-number>', 4294967295],
    ['version as text', '<version>3</version>', 3],
    ['version as attribute', `<version id='3'/>`, 3],
    ['sequence-number before version', `<version id='3'/><sequence-number>4</sequence-number>`, 4],
  ])('%s', (_, rest, sequenceNumber) => {
    expect(publish(entry({ rest }))).toMatchObject({ routes: [{ ...route, sequenceNumber }], rejected: [] });
  });

  test('unknown encapsulations are left out, known ones keep their order and come once', () => {
    const list = ['vxlan', 'udp', 'mpls', 'gre', 'udp'].map(
      (name) => `<tunnel-encapsulation>${name}</tunnel-encapsulation>`,
    );
    const text = nexthop.replace(
      '</label>',
      `</label><tunnel-encapsulation-list>${list.join('')}</tunnel-encapsulation-list>`,
    );
    expect(publish(entry({ nexthops: text }))).toMatchObject({
      routes: [{ nexthops: [{ encapsulations: ['udp', 'gre'] }] }],
    });
  });

  test('an event in the namespace without #event', () => {
    expect(notify(good, 'http://jabber.org/protocol/pubsub')).toMatchObject({ routes: [{ id: 'good' }] });
  });

  test('a next-hop that is there twice counts once', () => {
    expect(notify(entry({ nexthops: nexthop + nexthop }))).toMatchObject({ routes: [route] });
  });

  test.each([
    ['an item after its retract stands', `<retract id='good'/>${good}`, ['good'], []],
    ['a retract after its item stands', `${good}<retract id='good'/>`, [], ['good']],
    ['of two items with one id the later stands', `${good}${good}`, ['good'], []],
  ])('%s', (_, items, ids, retractedIds) => {
    const event = notify(items);
    expect(event).toMatchObject({ retractedIds });
    expect(event.kind === 'items' && event.routes.map(({ id }) => id)).toEqual(ids);
  });

  test('a retracted item without an id names nothing', () => {
    const text = `<pubsub xmlns='http://jabber.org/protocol/pubsub'><retract node='red'><item/><item id='a'/></retract></pubsub>`;
    expect(decodeRequest(xml(text))).toEqual({ kind: 'retract', vpn: 'red', ids: ['', 'a'] });
  });
});

describe('items that are rejected, while others of their message stand', () => {
  const label = (text: string) => entry({ nexthops: nexthop.replace('1016', text) });
  test.each([
    ['no id', good.replace(`id='good'`, ''), 'item 1 of the message: it has no id'],
    ['long id', good.replace('good', 'x'.repeat(257)), '1 to 256 characters'],
    ['no entry', `<item id='a'/>`, 'item "a": it has no entry'],
    [
      'entry of another kind',
      item(nlri, `xmlns='http://www.w3.org/2005/Atom'`),
      'unknown namespace "http://www.w3.org/2005/Atom"',
    ],
    ['two entries', good.replace('</item>', `<entry ${urn}/></item>`), 'more than one entry'],
    ['no nlri', entry({ nlri: '' }), 'no nlri'],
    ['two nlri', entry({ nlri: nlri + nlri }), 'more than one nlri'],
    ['no af', entry({ nlri: nlri.replace('<af>1</af>', '') }), 'the nlri has no af'],
    ['unknown af', entry({ nlri: nlri.replace('<af>1', '<af>25') }), 'af "25" of the nlri is not known'],
    ['unknown safi', entry({ nlri: nlri.replace('</af>', '</af><safi>4</safi>') }), 'safi "4"'],
    [
      'af of the other family',
      entry({ nlri: nlri.replace('<af>1', '<af>2') }),
      'the nlri says ipv6, but its prefix is 172.18.4.7/32',
    ],
    ['bad prefix', entry({ nlri: nlri.replace('172', '272') }), '"272.18.4.7/32" is not an IP prefix'],
    ['prefix with host bits', entry({ nlri: nlri.replace('/32', '/24') }), '172.18.4.0/24 is the prefix'],
    ['no prefix', entry({ nlri: '<nlri><af>1</af></nlri>' }), '"" is not an IP prefix'],
    ['no next-hops', item(nlri), 'no next-hop'],
    ['empty next-hops', entry({ nexthops: '' }), 'no next-hop'],
    ['bad next-hop', entry({ nexthops: nexthop.replace('203', 'pe') }), '"pe.0.113.33" is not an IP address'],
    ['unspecified next-hop', entry({ nexthops: nexthop.replace('203.0.113.33', '0.0.0.0') }), 'unspecified'],
    [
      'unspecified IPv6 next-hop',
      entry({ nexthops: nexthop.replace('203.0.113.33', '0::0').replace('<af>1', '<af>2') }),
      'unspecified',
    ],
    [
      'next-hop of the other family',
      entry({ nexthops: nexthop.replace('<af>1', '<af>2') }),
      'the next-hop says ipv6',
    ],
    [
      'unknown af of the next-hop',
      entry({ nexthops: nexthop.replace('<af>1', '<af>3') }),
      'af "3" of the next-hop',
    ],
    [
      'no label',
      entry({ nexthops: nexthop.replace('<label>1016</label>', '') }),
      'the next-hop 203.0.113.33 has no label',
    ],
    ['reserved label', label('3'), '"3" is not an MPLS label'],
    ['label over 20 bits', label('1048576'), '"1048576" is not an MPLS label'],
    ['label that is no number', label('1e3'), 'the label "1e3" is not a number'],
    [
      'only unknown encapsulations',
      label(
        '1016</label><tunnel-encapsulation-list><tunnel-encapsulation>vxlan</tunnel-encapsulation></tunnel-encapsulation-list><label-end>',
      ).replace('<label-end></label>', ''),
      'none of the encapsulations "vxlan" is known',
    ],
    [
      'sequence-number over 32 bits',
      entry({ rest: '<sequence-number>4294967296</sequence-number>' }),
      'the sequence-number "4294967296"',
    ],
    ['negative version', entry({ rest: `<version id='-1'/>` }), 'the version "-1"'],
    [
      'local-preference that is no number',
      entry({ rest: '<local-preference>high</local-preference>' }),
      'the local-preference "high"',
    ],
    [
      'two local-preferences',
      entry({ rest: '<local-preference>1</local-preference><local-preference>2</local-preference>' }),
      'more than one local-preference',
    ],
  ])('%s', (_, bad, reason) => {
    const decoded = publish(bad + good.replace('good', 'other'));
    expect(decoded).toMatchObject({ kind: 'publish', routes: [{ id: 'other' }] });
    expect(decoded.kind === 'publish' && decoded.rejected).toHaveLength(1);
    expect(decoded).toMatchObject({ rejected: [{ reason: expect.stringContaining(reason) }] });
    expect(notify(bad + good)).toMatchObject({
      routes: [{ id: 'good' }],
      rejected: [{ reason: expect.stringContaining(reason) }],
    });
  });

  test('several next-hops are for the route server only', () => {
    const text = entry({ nexthops: nexthop + nexthop.replace('.33', '.34') });
    expect(publish(text)).toMatchObject({
      routes: [],
      rejected: [{ id: 'a', reason: 'item "a": it has 2 next-hops: a forwarder publishes its own only' }],
    });
    expect(notify(text)).toMatchObject({ rejected: [], routes: [{ nexthops: [{}, {}] }] });
  });

  test('a reason does not repeat a long input', () => {
    const decoded = publish(label('9'.repeat(100_000)));
    expect(decoded.kind === 'publish' && decoded.rejected[0]?.reason.length).toBeLessThan(200);
  });
});

describe('messages that are refused as a whole', () => {
  const pubsub = (content: string) => () =>
    decodeRequest(xml(`<pubsub xmlns='http://jabber.org/protocol/pubsub'>${content}</pubsub>`));
  const event = (content: string) => () =>
    decodeEvent(xml(`<event xmlns='http://jabber.org/protocol/pubsub#event'>${content}</event>`));

  test.each([
    ['another element', () => decodeRequest(xml(`<query xmlns='jabber:iq:roster'/>`))],
    [
      'pubsub of another namespace',
      () =>
        decodeRequest(
          xml(`<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='red'/></pubsub>`),
        ),
    ],
    [
      'an operation in a pubsub of another namespace',
      () =>
        decodeRequest(
          xml(
            `<pubsub xmlns='urn:x'><publish xmlns='http://jabber.org/protocol/pubsub' node='red'/></pubsub>`,
          ),
        ),
    ],
    ['an empty pubsub', pubsub('')],
    ['a collection', pubsub(`<collection node='red'><associate node='x'/></collection>`)],
    ['an operation of another namespace', pubsub(`<subscribe xmlns='urn:x' node='red'/>`)],
    ['a publish of something else', pubsub(`<publish node='red'><batch/></publish>`)],
    ['an event that is none', () => decodeEvent(xml(`<body xmlns='jabber:client'/>`))],
    ['an event without items', event(`<purge node='red'/>`)],
    ['items of something else: no End-of-RIB', event(`<items node='red'><more/></items>`)],
  ])('unsupported: %s', (_, decode) => {
    expect(decode).toThrow(expect.objectContaining({ name: 'SignalingError', code: 'unsupported' }));
  });

  test.each([
    ['two operations', pubsub(`<publish node='red'/><retract node='red'/>`)],
    ['subscribe without a node', pubsub('<subscribe/>')],
    ['an empty node', pubsub(`<unsubscribe node=''/>`)],
    ['a long node', pubsub(`<subscribe node='${'x'.repeat(129)}'/>`)],
    ['a node with control characters', pubsub(`<subscribe node='a\u0007'/>`)],
    [
      'an instance-id over 16 bits',
      pubsub(`<subscribe node='red'/><options><instance-id>65536</instance-id></options>`),
    ],
    ['a retract of nothing', pubsub(`<retract node='red'/>`)],
    ['items without a node', event('<items/>')],
    ['items twice', event(`<items node='red'/><items node='blue'/>`)],
  ])('malformed: %s', (_, decode) => {
    expect(decode).toThrow(expect.objectContaining({ name: 'SignalingError', code: 'malformed' }));
  });

  test('the longest node is taken', () => {
    expect(pubsub(`<subscribe node='${'x'.repeat(128)}'/>`)()).toMatchObject({ vpn: 'x'.repeat(128) });
  });

  test('the error tells the peer what it sent', () => {
    expect(pubsub(`<collection node='red'/>`)).toThrow(SignalingError);
    expect(pubsub(`<collection node='red'/>`)).toThrow('"collection"');
  });
});
