// Routes in columns: the fast encoder writes what the general one does, and the fast reader reads what the general one does.
import { type IpPrefix, prefixOf } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBatch } from '../src/codec/batch.ts';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { encodeRoutes, newPlainRoute, readPlainRoute } from '../src/codec/route/plain-route.ts';
import { columnBuffers, columnsToHandOver, RouteColumnsBuilder } from '../src/codec/route/route-columns.ts';
import { forEachFrame, forEachMessage } from '../src/codec/wire/message.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { IpRoute, Request, RouteColumns, RouteFilter, RouteOperation, RouteType } from '../src/index.ts';
import { newRouteColumns, RtnetlinkError, routeAt } from '../src/index.ts';
import { ip, u8 } from './arbitraries/values.ts';

const positive = fc.oneof(
  fc.integer({ min: 1, max: 0xffffffff }),
  fc.constantFrom(1, 0x7fffffff, 0x80000000),
);
const types: readonly RouteType[] = [
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'local',
  'broadcast',
  'anycast',
];

const prefix = fc
  .tuple(ip, fc.nat(128))
  .map(([address, length]) => prefixOf(address, address.includes(':') ? length : length % 33));

/** Routes by nexthop id, and some that lead nowhere. */
const plain: fc.Arbitrary<IpRoute> = fc
  .tuple(prefix, positive, u8, fc.option(positive), fc.oneof(positive, fc.constantFrom(...types)))
  .map(([to, table, protocol, metric, leads]) => ({
    object: 'route',
    family: to.includes(':') ? 'ipv6' : 'ipv4',
    table,
    prefix: to,
    protocol,
    ...(metric === null ? {} : { metric }),
    ...(typeof leads === 'number' ? { nexthopId: leads } : { type: leads }),
  }));
const operation: fc.Arbitrary<RouteOperation> = fc.constantFrom('add', 'replace', 'delete');

function generalBytes(requests: readonly Request[], sequence: number): Uint8Array {
  const writer = new MessageWriter(16);
  requests.forEach((request, at) => {
    encodeRequest(writer, request, sequence + at);
  });
  return writer.take();
}

/** As a dump of the kernel would bring them. */
function read(bytes: Uint8Array, filter: RouteFilter): RouteColumns {
  const builder = new RouteColumnsBuilder(filter);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  forEachFrame(view, (_type, _flags, _sequence, start, end) => builder.append(view, start, end));
  return builder.take();
}

function fail(at: number, error: RtnetlinkError): never {
  throw new Error(`${at}: ${error.message}`);
}

describe('a batch', () => {
  test('has the same bytes as its requests one by one, plain routes or not', () => {
    const rich = plain.map(({ nexthopId: _, ...route }): IpRoute => ({ ...route, metrics: { mtu: 1400 } }));
    const object = fc.oneof(plain, rich);
    fc.assert(
      fc.property(fc.array(fc.tuple(operation, object), { maxLength: 20 }), (pairs) => {
        const requests = pairs.map(([op, route]): Request => ({ op, object: route }));
        const writer = new MessageWriter(16);
        encodeBatch(writer, requests, 0, requests.length, 77, undefined, fail);
        expect(writer.take()).toEqual(generalBytes(requests, 77));
      }),
    );
  });

  test('takes the fast way for a route by nexthop id, and for no route that says more', () => {
    const route: IpRoute = {
      object: 'route',
      family: 'ipv4',
      table: 1001,
      prefix: '10.1.0.2/32' as IpPrefix,
      nexthopId: 7,
    };
    const isPlain = (facts: object): boolean => readPlainRoute({ ...route, ...facts }, newPlainRoute());
    expect(isPlain({})).toBe(true);
    expect(isPlain({ protocol: 200, metric: 5 })).toBe(true);
    for (const facts of [
      { nexthopId: undefined },
      { nexthopId: 0 },
      { nexthopId: 1.5 },
      { table: 0 },
      { table: 2 ** 32 },
      { metric: 0 },
      { metric: -1 },
      { protocol: 256 },
      { prefix: '10.1.0.2/33' },
      { prefix: '10.1.0.2/24' },
      { prefix: '2001:db8::/32' },
      { family: 'ipv6' },
      { type: 'local' },
      { device: 3 },
      { gateway: '10.0.0.1' },
      { onlink: true },
      { encapLabels: [16] },
      { otherEncap: { type: 2, attributes: new Uint8Array() } },
      { preferredSource: '10.0.0.1' },
      { multipath: [] },
      { metrics: {} },
      { unknown: [] },
    ]) {
      expect([facts, isPlain(facts)]).toEqual([facts, false]);
    }
  });

  test('leaves out and tells what no message can carry', () => {
    const route = {
      object: 'route',
      family: 'ipv4',
      table: 1,
      prefix: '10.0.0.0/8' as IpPrefix,
      nexthopId: 7,
    } as const;
    const requests: Request[] = [
      { op: 'add', object: route },
      { op: 'add', object: { ...route, table: 0 } },
      { op: 'add', object: { ...route, prefix: '10.0.0.0/33' as IpPrefix } },
      { op: 'add', object: route },
    ];
    const refused = new Map<number, RtnetlinkError>();
    const writer = new MessageWriter();
    encodeBatch(writer, requests, 0, 4, 1, undefined, (at, error) => refused.set(at, error));
    const sequences: number[] = [];
    forEachMessage(writer.take(), ({ sequence }) => sequences.push(sequence));
    expect(sequences).toEqual([1, 4]);
    expect([...refused].map(([at, { code }]) => [at, code])).toEqual([
      [1, 'invalid'],
      [2, 'invalid'],
    ]);
  });
});

describe('columns', () => {
  test.each(['ipv4', 'ipv6'] as const)(
    'hold what a dump of %s as objects does, and can be sent again',
    (family) => {
      const routes = fc.array(
        plain.filter((route) => route.family === family),
        { maxLength: 20 },
      );
      fc.assert(
        fc.property(routes, operation, (all, op) => {
          const bytes = generalBytes(
            all.map((object) => ({ op: 'add', object })),
            1,
          );
          const columns = read(bytes, { family });
          const objects: unknown[] = [];
          forEachMessage(bytes, (message) => objects.push(decodeObject(message)?.object));
          expect(Array.from({ length: columns.length }, (_, at) => routeAt(columns, at))).toEqual(objects);
          const writer = new MessageWriter(16);
          encodeRoutes(writer, op, columns, 0, columns.length, 5, fail);
          expect(writer.take()).toEqual(
            generalBytes(
              all.map((object) => ({ op, object })),
              5,
            ),
          );
        }),
      );
    },
  );

  test('grow past what they began with', () => {
    const routes = Array.from({ length: 10_000 }, (_, at): Request => {
      const to = `10.0.${at >>> 8}.${at & 255}/32` as IpPrefix;
      return {
        op: 'add',
        object: { object: 'route', family: 'ipv4', table: 9, prefix: to, nexthopId: at + 1 },
      };
    });
    const columns = read(generalBytes(routes, 1), { family: 'ipv4' });
    expect(columns.length).toBe(10_000);
    expect(columns.addresses).toHaveLength(10_000);
    expect(routeAt(columns, 9999)).toEqual({ ...routes[9999]?.object, protocol: 3 });
  });

  test('have only what was asked for', () => {
    const route = {
      object: 'route',
      family: 'ipv4',
      prefix: '10.0.0.0/8' as IpPrefix,
      nexthopId: 7,
    } as const;
    const bytes = generalBytes(
      [
        { op: 'add', object: { ...route, table: 1, protocol: 200 } },
        { op: 'add', object: { ...route, table: 2, protocol: 200 } },
        { op: 'add', object: { ...route, table: 1, protocol: 201 } },
        {
          op: 'add',
          object: { ...route, family: 'ipv6', prefix: '::/0' as IpPrefix, table: 1, protocol: 200 },
        },
      ],
      1,
    );
    expect(read(bytes, { family: 'ipv4', table: 1, protocol: 200 })).toMatchObject({ length: 1 });
    expect(read(bytes, { family: 'ipv4', table: 1 })).toMatchObject({ length: 2 });
    expect(read(bytes, { family: 'ipv4' })).toMatchObject({ length: 3 });
    expect(read(bytes, { family: 'ipv6' })).toMatchObject({ length: 1 });
  });

  test('of bytes that are no routes are refused with RtnetlinkError `decode`, and nothing else', () => {
    const bytes = fc.array(plain, { minLength: 1, maxLength: 3 }).map((all) =>
      generalBytes(
        all.map((object) => ({ op: 'add', object })),
        1,
      ),
    );
    const changes = fc.array(fc.tuple(fc.nat(), u8), { maxLength: 5 });
    fc.assert(
      fc.property(bytes, changes, fc.nat(8), (whole, places, less) => {
        const changed = whole.slice(0, Math.max(0, whole.length - less));
        for (const [at, value] of places) if (changed.length > 0) changed[at % changed.length] = value;
        try {
          read(changed, { family: 'ipv4' });
          read(changed, { family: 'ipv6' });
        } catch (error) {
          expect(error).toBeInstanceOf(RtnetlinkError);
          expect(error).toMatchObject({ code: 'decode' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each(['ipv4', 'ipv6'] as const)(
    'of %s go to another thread as they are where they are shared, and else as copies',
    (family) => {
      const shared = newRouteColumns(family, 3);
      shared.nexthopIds.set([7, 8, 9]);
      expect(routeAt(shared, 2)).toMatchObject({ nexthopId: 9 });
      expect(routeAt(shared, 2)).not.toHaveProperty('type');
      const handed = columnsToHandOver(shared);
      expect(handed).toEqual(shared);
      expect(columnBuffers(handed)).toEqual([]);
      shared.nexthopIds[1] = 80;
      expect(handed.nexthopIds[1]).toBe(80);

      const own: RouteColumns = { ...shared, nexthopIds: Uint32Array.of(1, 2, 3, 4).subarray(1) };
      const copied = columnsToHandOver(own);
      own.nexthopIds[0] = 5;
      expect([...copied.nexthopIds]).toEqual([2, 3, 4]);
      expect(columnBuffers(copied)).toEqual([Uint32Array.of(2, 3, 4).buffer]);
    },
  );

  test('are refused where a number in them is wrong, and the others are sent', () => {
    const columns: RouteColumns = {
      family: 'ipv4',
      length: 5,
      addresses: Uint32Array.of(0x0a000000, 0x0a000000, 0x0a000001, 0x0a000000, 0x0a000000),
      prefixLengths: Uint8Array.of(8, 33, 24, 8, 8),
      tables: Uint32Array.of(1, 1, 1, 0, 1),
      nexthopIds: Uint32Array.of(7, 7, 7, 7, 0),
      metrics: new Uint32Array(5),
      protocols: new Uint8Array(5),
      types: new Uint8Array(5).fill(1),
    };
    const refused: number[] = [];
    const writer = new MessageWriter();
    encodeRoutes(writer, 'add', columns, 0, 5, 1, (at, { code }) => {
      expect(code).toBe('invalid');
      refused.push(at);
    });
    expect(refused).toEqual([1, 2, 3, 4]);
    const sequences: number[] = [];
    forEachMessage(writer.take(), ({ sequence }) => sequences.push(sequence));
    expect(sequences).toEqual([1]);
  });
});
