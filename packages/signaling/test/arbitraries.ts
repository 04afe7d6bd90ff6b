// What random messages and trees are made of, for every dialect.
import { addressFromBytes, parseLabel, prefixOf } from '@hostpe/net';
import fc from 'fast-check';
import { Element } from 'ltx';
import type { VpnEvent, VpnRequest, VpnRoute } from '../src/index.ts';

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

export const request: fc.Arbitrary<VpnRequest> = fc.oneof(
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

export const event: fc.Arbitrary<VpnEvent> = fc.oneof(
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
  'collection',
  'associate',
  'disassociate',
  'delete',
  'mobility',
  'items',
];
const texts = [
  '0/0/EndOfRib',
  '1/1/red',
  '1/1/red/10.0.0.0/8',
  '',
  '1',
  '2',
  '10.0.0.0/8',
  '10.0.0.1',
  '::1',
  '17',
  '-1',
  'gre',
  '4294967296',
  '\n',
];
const attributes = fc.dictionary(
  fc.constantFrom('id', 'af', 'node', 'xmlns', 'seqno', '__proto__'),
  fc.constantFrom(...texts, 'red'),
);
export const { tree } = fc.letrec<{ tree: Element }>((tie) => ({
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
