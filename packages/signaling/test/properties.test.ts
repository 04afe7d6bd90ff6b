// What holds for every message: it comes back as it was sent, and no tree breaks the decoder.
import { addressFromBytes, parseLabel, prefixOf } from '@hostpe/net';
import fc from 'fast-check';
import { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import type { VpnEvent, VpnRequest, VpnRoute } from '../src/index.ts';
import { decodeEvent, decodeRequest, encodeEvent, encodeRequest, SignalingError } from '../src/index.ts';
import { overTheWire } from './xml.ts';

const vpn = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 128 });
const id = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => !/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(text));
const number = fc.oneof(fc.constantFrom(0, 0xffff_ffff), fc.nat(0xffff_ffff));
const address = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .filter((bytes) => bytes.some((byte) => byte !== 0))
  .map(addressFromBytes);
const prefix = fc
  .tuple(address, fc.nat(128))
  .map(([a, length]) => prefixOf(a, a.includes(':') ? length : length % 33));
const nexthop = fc.record({
  address,
  label: fc.integer({ min: 16, max: 1048574 }).map(parseLabel),
  encapsulations: fc.uniqueArray(fc.constantFrom('gre' as const, 'udp' as const)),
});

function route(nexthops: number): fc.Arbitrary<VpnRoute> {
  return fc.record(
    {
      id,
      prefix,
      nexthops: fc.uniqueArray(nexthop, {
        minLength: 1,
        maxLength: nexthops,
        selector: (n) => `${n.address} ${n.label}`,
      }),
      sequenceNumber: number,
      localPreference: number,
    },
    { requiredKeys: ['id', 'prefix', 'nexthops'] },
  );
}

const request: fc.Arbitrary<VpnRequest> = fc.oneof(
  fc.record(
    { kind: fc.constant('subscribe' as const), vpn, instanceId: fc.nat(0xffff) },
    { requiredKeys: ['kind', 'vpn'] },
  ),
  fc.record({ kind: fc.constant('unsubscribe' as const), vpn }),
  fc.record({
    kind: fc.constant('publish' as const),
    vpn,
    routes: fc.array(route(1), { minLength: 1, maxLength: 5 }),
    rejected: fc.constant([]),
  }),
  fc.record({
    kind: fc.constant('retract' as const),
    vpn,
    ids: fc.array(id, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('end-of-rib' as const), vpn }),
);

const event: fc.Arbitrary<VpnEvent> = fc.oneof(
  fc
    .record({
      kind: fc.constant('items' as const),
      vpn,
      routes: fc.uniqueArray(route(4), { maxLength: 5, selector: (r) => r.id }),
      retractedIds: fc.uniqueArray(id, { maxLength: 5 }),
      rejected: fc.constant([]),
    })
    .filter(
      ({ routes, retractedIds }) =>
        routes.length + retractedIds.length > 0 && !routes.some((r) => retractedIds.includes(r.id)),
    ),
  fc.record({ kind: fc.constant('end-of-rib' as const), vpn }),
);

/** Trees of the words that the decoder looks for, in any order and depth. */
const names = [
  'item',
  'entry',
  'nlri',
  'next-hops',
  'next-hop',
  'af',
  'safi',
  'address',
  'label',
  'version',
  'retract',
  'options',
  'instance-id',
  'tunnel-encapsulation-list',
  'tunnel-encapsulation',
  'sequence-number',
  'local-preference',
  'x:nlri',
];
const texts = ['', '1', '2', '10.0.0.0/8', '10.0.0.1', '::1', '17', '-1', 'gre', '4294967296', '\n'];
const attributes = fc.dictionary(
  fc.constantFrom('id', 'af', 'node', 'xmlns', '__proto__'),
  fc.constantFrom(...texts, 'red'),
);
const { tree } = fc.letrec<{ tree: Element }>((tie) => ({
  tree: fc
    .tuple(
      fc.constantFrom(...names),
      attributes,
      fc.array(
        fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom(...texts), tie('tree')),
        { maxLength: 5 },
      ),
    )
    .map(([name, attrs, children]) => {
      const element = new Element(name, attrs);
      element.append(...children);
      return element;
    }),
}));

describe('messages', () => {
  test('a request comes back as it was sent', () => {
    fc.assert(
      fc.property(request, (sent) => {
        expect(decodeRequest(overTheWire(encodeRequest(sent, 'h1@dc1.example')))).toEqual(sent);
      }),
    );
  });

  test('an event comes back as it was sent', () => {
    fc.assert(
      fc.property(event, (sent) => {
        expect(decodeEvent(overTheWire(encodeEvent(sent)))).toEqual(sent);
      }),
    );
  });

  test('no tree makes the decoder throw anything but its own error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('publish', 'retract', 'subscribe'),
        fc.array(tree),
        (operation, children) => {
          const pubsub = new Element('pubsub', 'http://jabber.org/protocol/pubsub');
          pubsub.c(operation, { node: 'red' }).append(...children);
          const message = new Element('event', 'http://jabber.org/protocol/pubsub#event');
          message.c('items', { node: 'red' }).append(...children);
          for (const decode of [() => decodeRequest(pubsub), () => decodeEvent(message)]) {
            try {
              decode();
            } catch (error) {
              expect(error).toBeInstanceOf(SignalingError);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('values that no peer would take', () => {
  const good: VpnRoute = {
    id: 'a',
    prefix: prefixOf(addressFromBytes(Uint8Array.of(10, 0, 0, 0)), 8),
    nexthops: [
      { address: addressFromBytes(Uint8Array.of(192, 0, 2, 1)), label: parseLabel(16), encapsulations: [] },
    ],
  };
  const nexthop = good.nexthops[0];
  if (nexthop === undefined) throw new Error('no next-hop');
  const publish =
    (routes: VpnRoute[], name = 'red') =>
    () =>
      encodeRequest({ kind: 'publish', vpn: name, routes, rejected: [] }, 'h1@dc1.example');
  const items =
    (routes: VpnRoute[], retractedIds: string[] = []) =>
    () =>
      encodeEvent({ kind: 'items', vpn: 'red', routes, retractedIds, rejected: [] });

  test.each([
    ['a publish without a route: it would be End-of-RIB', publish([])],
    ['items without an item: they would be End-of-RIB', items([])],
    ['a retract without an item', () => encodeRequest({ kind: 'retract', vpn: 'red', ids: [] }, 'h1')],
    ['a VPN without a name', publish([good], '')],
    ['a VPN with a name that is too long', publish([good], 'x'.repeat(129))],
    ['an item without an id', publish([{ ...good, id: '' }])],
    ['a retract without an id', items([], [''])],
    ['an id that XML would change', publish([{ ...good, id: 'a\nb' }])],
    ['no next-hop', items([{ ...good, nexthops: [] }])],
    [
      'two next-hops from a forwarder',
      publish([{ ...good, nexthops: [nexthop, { ...nexthop, label: parseLabel(17) }] }]),
    ],
    ['the same next-hop twice', items([{ ...good, nexthops: [nexthop, nexthop] }])],
    [
      'the unspecified next-hop',
      publish([{ ...good, nexthops: [{ ...nexthop, address: addressFromBytes(new Uint8Array(4)) }] }]),
    ],
    ['a sequence number over 32 bits', publish([{ ...good, sequenceNumber: 2 ** 32 }])],
    ['a local preference that is no integer', publish([{ ...good, localPreference: 1.5 }])],
    [
      'an instance-id over 16 bits',
      () => encodeRequest({ kind: 'subscribe', vpn: 'red', instanceId: 65536 }, 'h1'),
    ],
  ])('%s', (_, encode) => {
    expect(encode).toThrow(expect.objectContaining({ name: 'SignalingError', code: 'not-encodable' }));
  });
});
