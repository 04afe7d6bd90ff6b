// A VPN's table and those who read it at their own pace, against what they must have heard in the end.
import { parseIpPrefix } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SharedSegments } from '../src/shared-segments.ts';
import { Table } from '../src/table.ts';
import { sizeOf, type TableReader, type TableSegment } from '../src/table-reader.ts';
import { route } from './values.ts';

const routeAt = (number: number, label = 1000): VpnRoute =>
  route({ prefix: `10.${number >> 8}.${number & 255}.0/24`, nexthop: '10.255.0.1', label });

/** A route with so many next-hops. */
function wideRoute(number: number, nexthops: number): VpnRoute {
  const one = routeAt(number);
  return { ...one, nexthops: Array.from({ length: nexthops }, () => one.nexthops).flat() };
}

function readAll(reader: TableReader, most = 200): TableSegment[] {
  const segments: TableSegment[] = [];
  for (let one = reader.next(most); one !== undefined; one = reader.next(most)) segments.push(one);
  return segments;
}

/** What a subscriber has. */
class Heard {
  readonly reader: TableReader;
  readonly routes = new Map<string, VpnRoute>();
  /** It was told to forget what it did not have. */
  unknown = 0;

  constructor(reader: TableReader) {
    this.reader = reader;
  }

  read(most: number): boolean {
    const segment = this.reader.next(most);
    for (const prefix of segment?.withdrawn ?? []) if (!this.routes.delete(prefix)) this.unknown += 1;
    for (const one of segment?.routes ?? []) this.routes.set(one.prefix, one);
    return segment !== undefined;
  }
}

type Step =
  | { kind: 'announce'; prefix: number; label: number }
  | { kind: 'withdraw'; prefix: number }
  | { kind: 'join' | 'leave' | 'restart' | 'read'; reader: number };

const prefix = fc.nat({ max: 11 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('announce'),
      prefix,
      label: fc.integer({ min: 1000, max: 1003 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('withdraw'), prefix }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'join' as const,
        'leave' as const,
        'restart' as const,
        'read' as const,
        'read' as const,
        'read' as const,
      ),
      reader: fc.nat({ max: 2 }),
    }),
  },
);

describe('readers at any pace', () => {
  test('have in the end what the table has (property)', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const table = new Table<object>();
        const model = new Map<string, VpnRoute>();
        const readers = new Map<number, Heard>();
        for (const one of steps) {
          if (one.kind === 'announce') {
            const announced = routeAt(one.prefix, one.label);
            table.announce(announced, []);
            model.set(announced.prefix, announced);
          } else if (one.kind === 'withdraw') {
            const { prefix } = routeAt(one.prefix);
            expect(table.withdraw(prefix)).toBe(model.delete(prefix));
          } else if (one.kind === 'join') {
            if (!readers.has(one.reader)) readers.set(one.reader, new Heard(table.reader()));
          } else if (one.kind === 'leave') {
            readers.get(one.reader)?.reader.close();
            readers.delete(one.reader);
          } else if (one.kind === 'restart') readers.get(one.reader)?.reader.restart();
          else readers.get(one.reader)?.read(4);
          expect(table.size).toBe(model.size);
        }
        for (const heard of readers.values()) {
          while (heard.read(4));
          expect(new Map([...heard.routes].sort())).toEqual(new Map([...model].sort()));
        }
        expect([...table.routes()].map(([{ prefix }]) => prefix).sort()).toEqual([...model.keys()].sort());
      }),
      { numRuns: 2_000 },
    );
  });

  test('hear nothing of a prefix that came and went before their turn', () => {
    const table = new Table<object>();
    const reader = table.reader();
    for (const number of [1, 2]) table.announce(routeAt(number), []);
    table.withdraw(routeAt(1).prefix);
    expect(readAll(reader)).toEqual([{ routes: [routeAt(2)], withdrawn: [] }]);
  });

  test('that come later are not told what went before, though another has still to hear it', () => {
    const table = new Table<object>();
    const slow = table.reader();
    for (const number of [1, 2]) table.announce(routeAt(number), []);
    readAll(slow);
    table.withdraw(routeAt(1).prefix);
    expect(readAll(table.reader())).toEqual([{ routes: [routeAt(2)], withdrawn: [] }]);
    expect(readAll(slow)).toEqual([{ routes: [], withdrawn: [routeAt(1).prefix] }]);
  });

  test('that come later are not told of it either in a later segment of the same table', () => {
    const table = new Table<object>();
    // It has still to hear everything, so that what goes stays in its place.
    table.reader();
    table.announce(routeAt(1), []);
    table.announce(routeAt(2), []);
    table.announce(routeAt(3), []);
    table.withdraw(routeAt(1).prefix);
    const segments = readAll(table.reader(), 2);
    expect(segments.flatMap(({ routes }) => routes.map(({ prefix }) => prefix))).toEqual([
      routeAt(2).prefix,
      routeAt(3).prefix,
    ]);
    expect(segments.flatMap(({ withdrawn }) => withdrawn)).toEqual([]);
  });

  test('that begin anew are not told again what they know is gone, though another has still to hear it', () => {
    const table = new Table<object>();
    const [slow, reader] = [table.reader(), table.reader()];
    for (const number of [1, 2]) table.announce(routeAt(number), []);
    for (const one of [slow, reader]) readAll(one);
    table.withdraw(routeAt(1).prefix);
    expect(readAll(reader)).toEqual([{ routes: [], withdrawn: [routeAt(1).prefix] }]);
    reader.restart();
    expect(readAll(reader)).toEqual([{ routes: [routeAt(2)], withdrawn: [] }]);
    expect(readAll(slow)).toEqual([{ routes: [], withdrawn: [routeAt(1).prefix] }]);
  });

  test('a prefix that went ahead of a reader in the middle of the table is not told', () => {
    const table = new Table<object>();
    for (let number = 0; number < 500; number++) table.announce(routeAt(number), []);
    const reader = table.reader();
    reader.next(200);
    for (const number of [5, 400]) table.withdraw(routeAt(number).prefix);
    expect(readAll(reader).flatMap(({ withdrawn }) => withdrawn)).toEqual([routeAt(5).prefix]);
  });
});

describe('segments', () => {
  test('none is empty, none is larger than it may be but for one route alone (property)', () => {
    const widths = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 300 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(widths, fc.nat({ max: 300 }), (nexthops, gone) => {
        const table = new Table<object>();
        const reader = table.reader();
        for (let number = 1000; number < 1000 + gone; number++) table.announce(routeAt(number), []);
        readAll(reader);
        for (let number = 1000; number < 1000 + gone; number++) table.withdraw(routeAt(number).prefix);
        const routes = nexthops.map((count, number) => wideRoute(number, count));
        for (const one of routes) table.announce(one, []);
        const cut = readAll(reader);
        expect(cut.flatMap((one) => one.routes)).toEqual(routes);
        expect(cut.flatMap((one) => one.withdrawn)).toHaveLength(gone);
        for (const { routes, withdrawn } of cut) {
          const size = routes.reduce((sum, one) => sum + sizeOf(one), withdrawn.length);
          expect(size).toBeGreaterThan(0);
          if (routes.length + withdrawn.length > 1) expect(size).toBeLessThanOrEqual(200);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('of readers that are not far apart are soon the same', () => {
    const table = new Table<object>();
    const [first, second] = [table.reader(), table.reader()];
    for (let number = 0; number < 30; number++) table.announce(routeAt(number), []);
    first.next(200);
    for (let number = 30; number < 1000; number++) table.announce(routeAt(number), []);
    const [ofFirst, ofSecond] = [readAll(first), readAll(second)];
    expect(ofFirst.at(-3)).toEqual(ofSecond.at(-3));
    expect(ofFirst.at(-3)?.routes).toHaveLength(100);
  });
});

describe('shared segments', () => {
  const segmentOf = (...routes: readonly VpnRoute[]): TableSegment => ({ routes, withdrawn: [] });
  const counting = () => {
    let made = 0;
    return { made: () => made, encode: () => [new Uint8Array(++made * 0 + 1000)] };
  };

  test('are serialised once as long as they are kept, and again when a route is another', () => {
    const shared = new SharedSegments(2_500);
    const { made, encode } = counting();
    const [a, b, c] = [segmentOf(routeAt(1)), segmentOf(routeAt(2)), segmentOf(routeAt(3))];
    const first = shared.payloads('red', a, encode);
    expect(shared.payloads('red', { ...a, routes: [...a.routes] }, encode)).toBe(first);
    expect(made()).toBe(1);
    shared.payloads('red', segmentOf(...a.routes, routeAt(9)), encode);
    expect(made()).toBe(2);
    shared.payloads('red', segmentOf(...a.routes, routeAt(9)), encode);
    expect(made()).toBe(3);
    // The one that was not used for longest makes room.
    shared.payloads('red', b, encode);
    shared.payloads('red', c, encode);
    expect(made()).toBe(5);
    shared.payloads('red', b, encode);
    expect(made()).toBe(5);
    shared.payloads('red', a, encode);
    expect(made()).toBe(6);
  });

  test('of the same withdrawals in two VPNs are two', () => {
    const shared = new SharedSegments();
    const { made, encode } = counting();
    const gone = { routes: [], withdrawn: [parseIpPrefix('10.1.0.0/24')] };
    for (const vpn of ['red', 'blue', 'red', 'blue']) shared.payloads(vpn, gone, encode);
    expect(made()).toBe(2);
  });
});
