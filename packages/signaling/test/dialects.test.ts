// What holds in every dialect: what it can say comes back as it was sent, what it cannot is refused or reduced, and no tree
// breaks its decoders.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { Element } from 'ltx';
import { describe, expect, test } from 'vitest';
import type { Dialect, VpnEvent, VpnRequest, VpnRoute } from '../src/index.ts';
import {
  decodeNotification,
  dialectNames,
  dialects,
  RequestDecoder,
  SignalingError,
  sayableEvent,
  sayableRequest,
} from '../src/index.ts';
import { event, request, tree } from './arbitraries.ts';
import { overTheWire } from './xml.ts';

const jid = '0242c0a80a01@dc1.example/hostpe';

function decoder(dialect: Dialect, subscribed: string[]) {
  return new RequestDecoder({
    dialect,
    subscriptions: () => new Set(subscribed),
    onDiscarded: (reason) => {
      throw new Error(reason);
    },
  });
}

/** One message of several: routes and ids in order. */
function merged<Message extends VpnEvent | VpnRequest>(messages: readonly Message[]): unknown {
  const [first] = messages;
  if (first === undefined || first.kind === 'subscribe' || first.kind === 'unsubscribe') return messages;
  const all = <Key extends string>(key: Key): unknown[] =>
    messages.flatMap((message) => (key in message ? (Reflect.get(message, key) as unknown[]) : []));
  const { kind, vpn } = first;
  return [
    {
      kind,
      vpn,
      routes: all('routes'),
      ids: all('ids'),
      retractedIds: all('retractedIds'),
      rejected: all('rejected'),
    },
  ];
}

interface Names {
  readonly vpn: (vpn: string) => string;
  readonly published: (route: VpnRoute) => string;
  readonly announced: (vpn: string, route: VpnRoute) => string;
  readonly retracted: (id: string) => string;
  readonly withdrawn: (vpn: string, id: string) => string;
}

const asIs: Names = {
  vpn: (vpn) => vpn,
  published: ({ id }) => id,
  announced: (_, { id }) => id,
  retracted: (id) => id,
  withdrawn: (_, id) => id,
};
/** How a dialect renames items on the way, and what a VPN may not hold in it. */
const names: Readonly<Record<Dialect, Names>> = {
  'end-system-06': asIs,
  'end-system-07m': {
    vpn: (vpn) => vpn,
    published: ({ id }) => `0242c0a80a01:${id}`,
    announced: (vpn, { id }) => `${vpn}:${id}`,
    retracted: (id) => `0242c0a80a01:${id}`,
    withdrawn: (vpn, id) => `${vpn}:${id}`,
  },
  contrail: { ...asIs, vpn: (vpn) => vpn.replaceAll('/', '|'), published: ({ prefix }) => prefix },
};

/** Sequence 0 is none in the dialect contrail, and where one is said it says all. */
function contrailNumbers(
  { sequenceNumber, localPreference, ...route }: VpnRoute,
  isAnnounced: boolean,
): VpnRoute {
  return {
    ...route,
    nexthops: route.nexthops.map((nexthop) => ({
      ...nexthop,
      encapsulations: nexthop.encapsulations.length > 0 ? nexthop.encapsulations : ['gre'],
    })),
    ...(sequenceNumber !== undefined && sequenceNumber > 0 && { sequenceNumber }),
    ...(localPreference !== undefined ? { localPreference } : isAnnounced && { localPreference: 100 }),
  };
}

describe.each(dialectNames)('%s', (dialect) => {
  const codec = dialects[dialect];
  const rename = names[dialect];

  test('a request that it can say comes back as it was sent', () => {
    const published = parseIpPrefix('10.9.8.0/24');
    fc.assert(
      fc.property(request, (drawn) => {
        const { message: sent } = sayableRequest(codec, { ...drawn, vpn: rename.vpn(drawn.vpn) });
        if (sent === undefined) return;
        const received = decoder(dialect, [sent.vpn]);
        const read = codec
          .encodeRequest(sent, { jid, prefixOf: () => published })
          .flatMap((payload) => received.decode(overTheWire(payload)));
        let expected: VpnRequest = sent;
        if (sent.kind === 'publish')
          expected = {
            ...sent,
            routes: sent.routes.map((route) => ({
              ...(dialect === 'contrail' ? contrailNumbers(route, false) : route),
              id: rename.published(route),
            })),
          };
        if (sent.kind === 'retract')
          expected = {
            ...sent,
            ids: sent.ids.map((id) => (dialect === 'contrail' ? published : rename.retracted(id))),
          };
        if (sent.kind === 'subscribe' && dialect === 'end-system-07m')
          expected = { kind: 'subscribe', vpn: sent.vpn };
        expect(merged(read)).toEqual(merged([expected]));
      }),
    );
  });

  test('an event that it can say comes back as it was sent', () => {
    fc.assert(
      fc.property(event, (drawn) => {
        const vpn = rename.vpn(drawn.vpn);
        // Items are named after their prefixes: a message has one of each.
        const byPrefix = (routes: readonly VpnRoute[]) => [
          ...new Map(routes.map((route) => [route.prefix, { ...route, id: route.prefix }])).values(),
        ];
        const named: VpnEvent =
          drawn.kind === 'items' && dialect === 'contrail'
            ? { ...drawn, routes: byPrefix(drawn.routes) }
            : drawn;
        const { message: sent } = sayableEvent(codec, { ...named, vpn });
        const read = codec
          .encodeEvent(sent)
          .flatMap((payload) =>
            decodeNotification(overTheWire(payload), { dialect, subscriptions: new Set([vpn]) }),
          );
        if (sent.kind === 'end-of-rib') {
          expect(read).toEqual([sent]);
          return;
        }
        const received = merged(read) as { routes: VpnRoute[]; retractedIds: string[] }[];
        const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
        const expected = sent.routes.map((route) => ({
          ...(dialect === 'contrail' ? contrailNumbers(route, true) : route),
          id: rename.announced(vpn, route),
        }));
        expect(received[0]?.routes.toSorted(byText)).toEqual(expected.toSorted(byText));
        expect(received[0]?.retractedIds.toSorted()).toEqual(
          sent.retractedIds.map((id) => rename.withdrawn(vpn, id)).toSorted(),
        );
      }),
    );
  });

  test('a value is encoded or refused by the typed error', () => {
    fc.assert(
      fc.property(request, event, (asked, told) => {
        for (const encode of [
          () => codec.encodeRequest(asked, { jid, prefixOf: () => undefined }),
          () => codec.encodeEvent(told),
        ]) {
          try {
            encode();
          } catch (error) {
            expect(error).toMatchObject({ name: 'SignalingError', code: 'not-encodable' });
          }
        }
      }),
    );
  });

  test('no tree makes a decoder throw anything but its own error', () => {
    const words = fc.constantFrom('publish', 'retract', 'subscribe', 'collection', 'delete');
    const nodes = fc.constantFrom('red', '1/1/red', '1/1/red/10.0.0.0/8', '0/0/EndOfRib', 'x:10.0.0.0/8');
    const step = fc.tuple(words, nodes, fc.array(tree));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4 }), (steps) => {
        const received = new RequestDecoder({
          dialect,
          subscriptions: () => new Set(['red']),
          onDiscarded: () => {},
        });
        for (const [operation, node, children] of steps) {
          const pubsub = new Element('pubsub', 'http://jabber.org/protocol/pubsub');
          pubsub.c(operation, { node }).append(...children);
          const message = new Element('event', 'http://jabber.org/protocol/pubsub#event');
          message.c(operation === 'collection' ? operation : 'items', { node }).append(...children);
          for (const decode of [
            () => received.decode(pubsub),
            () => received.decode(message),
            () => decodeNotification(message, { dialect, subscriptions: new Set(['red']) }),
          ]) {
            try {
              decode();
            } catch (error) {
              expect(error).toBeInstanceOf(SignalingError);
            }
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('what a dialect cannot say', () => {
  const nexthop = (address: string, ...encapsulations: ('gre' | 'udp')[]) => ({
    address: parseIpAddress(address),
    label: parseLabel(1016),
    encapsulations,
  });
  const route: VpnRoute = {
    id: '10.0.0.0/8',
    prefix: parseIpPrefix('10.0.0.0/8'),
    nexthops: [nexthop('203.0.113.41', 'udp'), nexthop('203.0.113.42', 'udp', 'gre')],
    sequenceNumber: 3,
    localPreference: 0,
  };
  const items: VpnEvent = { kind: 'items', vpn: 'red', routes: [route], retractedIds: ['a'], rejected: [] };
  const udpOnly: VpnRoute = { ...route, nexthops: [nexthop('203.0.113.41', 'udp')] };

  test('end-system-07m: of several next-hops the first that receives GRE, without local-preference', () => {
    expect(sayableEvent(dialects['end-system-07m'], items)).toEqual({
      message: {
        ...items,
        routes: [
          { id: route.id, prefix: route.prefix, nexthops: [nexthop('203.0.113.42')], sequenceNumber: 3 },
        ],
      },
      unsaid: [],
    });
  });

  test('end-system-07m: a route that nobody receives by GRE is retracted, for it may have been said before', () => {
    expect(sayableEvent(dialects['end-system-07m'], { ...items, routes: [udpOnly] })).toEqual({
      message: { ...items, routes: [], retractedIds: ['a', route.id] },
      unsaid: [{ id: route.id, reason: expect.stringMatching(/^10\.0\.0\.0\/8: no next-hop receives GRE/) }],
    });
  });

  test('end-system-07m: a publish of such routes alone is none', () => {
    const publish: VpnRequest = { kind: 'publish', vpn: 'red', routes: [udpOnly], rejected: [] };
    expect(sayableRequest(dialects['end-system-07m'], publish)).toMatchObject({
      message: undefined,
      unsaid: [{ id: route.id }],
    });
  });

  test('contrail: local-preference 0 becomes 1, for 0 would be 100', () => {
    expect(sayableEvent(dialects.contrail, items).message).toMatchObject({
      routes: [{ localPreference: 1 }],
    });
  });

  test('end-system-06 says all', () => {
    expect(sayableEvent(dialects['end-system-06'], items)).toEqual({ message: items, unsaid: [] });
  });
});
