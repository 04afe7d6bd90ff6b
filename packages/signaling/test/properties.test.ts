// What holds for every message: it comes back as it was sent, and no tree breaks the decoder.
import { addressFromBytes, parseLabel, prefixOf } from '@hostpe/net';
import fc from 'fast-check';
import { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import type { VpnRoute } from '../src/index.ts';
import { decodeEvent, decodeRequest, encodeEvent, encodeRequest, SignalingError } from '../src/index.ts';
import { event, request, tree } from './arbitraries.ts';
import { overTheWire } from './xml.ts';

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
