import { parseIpPrefix } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { announcedRoute, type Path, reasonOf, sameRoute, usedPaths } from '../src/selection.ts';
import { nexthopsOf, type RouteParts, route } from './values.ts';

const prefix = parseIpPrefix('10.1.0.1/32');
const path = (account: string, parts: Omit<RouteParts, 'prefix'>, vpn = 'red'): Path => ({
  kind: 'forwarder',
  account,
  vpn,
  route: route({ prefix, ...parts }),
});

describe('order of preference', () => {
  const plain = path('h1', { nexthop: '10.255.0.1', label: 1000 });

  test('the highest local-preference wins, absent is 100', () => {
    const backup = path('h2', { nexthop: '10.255.0.2', label: 1000, localPreference: 99, sequenceNumber: 9 });
    const preferred = path('h3', { nexthop: '10.255.0.3', label: 1000, localPreference: 101 });
    expect(usedPaths([backup, plain])).toEqual([plain]);
    expect(usedPaths([backup, plain, preferred])).toEqual([preferred]);
  });

  test('then the highest sequence-number, absent is 0: a machine that moved is where it came up last', () => {
    const moved = path('h2', { nexthop: '10.255.0.2', label: 1000, sequenceNumber: 1 });
    expect(usedPaths([plain, moved])).toEqual([moved]);
    expect(usedPaths([moved, plain])).toEqual([moved]);
  });

  test('sequence numbers compare as 32-bit unsigned', () => {
    const high = path('h2', { nexthop: '10.255.0.2', label: 1000, sequenceNumber: 0xffff_ffff });
    const low = path('h3', { nexthop: '10.255.0.3', label: 1000, sequenceNumber: 1 });
    expect(usedPaths([low, high])).toEqual([high]);
  });

  test('each path has its reason', () => {
    const all = [
      plain,
      path('h2', { nexthop: '10.255.0.2', label: 1001, localPreference: 99, sequenceNumber: 9 }),
      { ...plain, kind: 'bgp' as const, distance: { longLived: false, asPath: 1, origin: 0, med: 0 } },
      { ...plain, kind: 'bgp' as const, distance: { longLived: true, asPath: 0, origin: 0, med: 0 } },
      { ...plain, kind: 'bgp' as const, distance: { longLived: false, asPath: 0, origin: 2, med: 0 } },
      { ...plain, kind: 'bgp' as const, distance: { longLived: false, asPath: 0, origin: 0, med: 5 } },
    ];
    const used = usedPaths(all);
    expect(all.map((one) => reasonOf(one, used))).toEqual([
      'best',
      'lower local preference',
      'longer AS path',
      'long-lived stale',
      'higher origin',
      'higher MED',
    ]);
    const older = path('h2', { nexthop: '10.255.0.2', label: 1001 });
    const newer = path('h3', { nexthop: '10.255.0.3', label: 1001, sequenceNumber: 2 });
    const both = usedPaths([newer, newer, older]);
    expect([older, newer].map((one) => reasonOf(one, both))).toEqual(['lower sequence number', 'equal']);
  });

  test('equal ones are used together; defaults that are spelt out are equal to absent ones', () => {
    const spelt = path('h2', { nexthop: '10.255.0.2', label: 1000, localPreference: 100, sequenceNumber: 0 });
    expect(usedPaths([plain, spelt])).toEqual([plain, spelt]);
  });
});

describe('announced route', () => {
  test('next-hops are in order of address, not of text or arrival; the id is the prefix', () => {
    const announced = announcedRoute(prefix, [
      path('h10', { nexthop: '10.255.0.10', label: 1000, encapsulations: ['udp'] }),
      path('h9', { nexthop: '10.255.0.9', label: 1001 }),
      path('h6', { nexthop: '2001:db8::1', label: 1002 }),
    ]);
    expect(announced?.id).toBe('10.1.0.1/32');
    expect(nexthopsOf(announced)).toEqual(['10.255.0.9/1001', '10.255.0.10/1000', '2001:db8::1/1002']);
    expect(announced?.nexthops[1]?.encapsulations).toEqual(['udp']);
  });

  test('two labels of one address are two next-hops, one next-hop out of two VPNs is one', () => {
    const announced = announcedRoute(prefix, [
      path('h1', { nexthop: '10.255.0.1', label: 1001 }),
      path('h1', { nexthop: '10.255.0.1', label: 1000, encapsulations: ['gre'] }, 'green'),
      path('h1', { nexthop: '10.255.0.1', label: 1001, encapsulations: ['udp'] }, 'green'),
    ]);
    expect(nexthopsOf(announced)).toEqual(['10.255.0.1/1000', '10.255.0.1/1001']);
    expect(announced?.nexthops[1]?.encapsulations).toEqual(['udp']);
  });

  test('carries the winner preferences, and none that are the default', () => {
    const announced = announcedRoute(prefix, [
      path('h1', { nexthop: '10.255.0.1', label: 1000, localPreference: 200, sequenceNumber: 7 }),
      path('h2', { nexthop: '10.255.0.2', label: 1000 }),
    ]);
    expect(announced).toMatchObject({ localPreference: 200, sequenceNumber: 7 });
    const plain = announcedRoute(prefix, [
      path('h2', { nexthop: '10.255.0.2', label: 1000, localPreference: 100 }),
    ]);
    expect(Object.keys(plain ?? {})).toEqual(['id', 'prefix', 'nexthops']);
  });

  test('is the same whatever the order in which paths came (property)', () => {
    const paths = fc.uniqueArray(
      fc.record({
        account: fc.constantFrom('h1', 'h2', 'h3'),
        vpn: fc.constantFrom('red', 'green'),
        label: fc.integer({ min: 1000, max: 1002 }),
        localPreference: fc.constantFrom(100, 200),
        udp: fc.boolean(),
      }),
      { selector: ({ account, vpn }) => `${account} ${vpn}`, minLength: 1 },
    );
    fc.assert(
      fc.property(paths, fc.infiniteStream(fc.nat()), (parts, order) => {
        const made = parts.map(({ account, vpn, label, localPreference, udp }) =>
          // All of one address, so that equal next-hops of different accounts meet.
          path(
            account,
            { nexthop: '10.255.0.1', label, localPreference, encapsulations: udp ? ['udp'] : [] },
            vpn,
          ),
        );
        const shuffled = made
          .map((one) => ({ one, at: order.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at);
        const a = announcedRoute(prefix, made);
        const b = announcedRoute(
          prefix,
          shuffled.map(({ one }) => one),
        );
        expect(b).toEqual(a);
        expect(a !== undefined && b !== undefined && sameRoute(a, b)).toBe(true);
      }),
    );
  });

  test('without a path there is none', () => {
    expect(announcedRoute(prefix, [])).toBeUndefined();
  });
});

describe('same route', () => {
  const base = { prefix, nexthop: '10.255.0.1', label: 1000 } as const;
  test.each([
    ['label', { ...base, label: 1001 }],
    ['next-hop', { ...base, nexthop: '10.255.0.2' }],
    ['encapsulations', { ...base, encapsulations: ['udp'] }],
    ['sequence-number', { ...base, sequenceNumber: 1 }],
    ['local-preference', { ...base, localPreference: 1 }],
  ] as const)('%s makes a difference', (_what, parts) => {
    expect(sameRoute(route(base), route(base))).toBe(true);
    expect(sameRoute(route(base), route(parts))).toBe(false);
  });

  test('one next-hop more makes a difference', () => {
    const [nexthop] = route(base).nexthops;
    const [other] = route({ ...base, nexthop: '10.255.0.2' }).nexthops;
    if (nexthop === undefined || other === undefined) throw new Error('a route has a next-hop');
    const two = { ...route(base), nexthops: [nexthop, other] };
    expect(sameRoute(route(base), two)).toBe(false);
    expect(sameRoute(two, route(base))).toBe(false);
  });
});
