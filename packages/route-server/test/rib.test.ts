import { describe, expect, test } from 'vitest';
import { Rib, type Steps } from '../src/rib.ts';
import { nexthopsOf, prefixes, route, vpnsOf } from './values.ts';

const red = { red: [['64512:1'], ['64512:1']] } as const;
const [p1 = '', p2 = ''] = prefixes('10.1.0.1/32', '10.1.0.2/32');
const h1 = (prefix: string, label = 1000, more = {}) =>
  route({ prefix, nexthop: '10.255.0.1', label, ...more });
const h2 = (prefix: string, label = 2000, more = {}) =>
  route({ prefix, nexthop: '10.255.0.2', label, ...more });

/** What a change tells those who have heard all before it, by VPN: `+prefix address/label,…` and `-prefix`. */
function told(rib: Rib, change: () => Iterable<string>): Record<string, string[]> {
  const readers = ['red', 'blue', 'shared', 'spoke', 'hub'].map(
    (vpn) => [vpn, rib.tables.reader(vpn)] as const,
  );
  for (const [, reader] of readers) reader?.next(1000);
  const changed = [...change()];
  const news: Record<string, string[]> = {};
  for (const [vpn, reader] of readers) {
    const segment = reader?.next(1000);
    reader?.close();
    if (segment === undefined) continue;
    const { routes, withdrawn } = segment;
    news[vpn] = [
      ...withdrawn.map((prefix) => `-${prefix}`),
      ...routes.map((r) => `+${r.prefix} ${nexthopsOf(r)}`),
    ];
  }
  expect(changed.sort()).toEqual(Object.keys(news).sort());
  return news;
}

/** All VPNs in which something changes. */
function done(steps: Steps): ReadonlySet<string> {
  return new Set([...steps].flatMap((changed) => [...changed]));
}

describe('one VPN', () => {
  test('a new route, a changed one, the same one again, its withdrawal', () => {
    const rib = new Rib(vpnsOf(red));
    expect(told(rib, () => rib.publish('h1', 'red', [h1(p1)]))).toEqual({ red: [`+${p1} 10.255.0.1/1000`] });
    expect(told(rib, () => rib.publish('h1', 'red', [h1(p1, 1001)]))).toEqual({
      red: [`+${p1} 10.255.0.1/1001`],
    });
    expect(told(rib, () => rib.publish('h1', 'red', [h1(p1, 1001)]))).toEqual({});
    expect(told(rib, () => rib.retract('h1', 'red', [h1(p1).id]).changed)).toEqual({ red: [`-${p1}`] });
    expect(rib.retract('h1', 'red', [])).toEqual({ changed: new Set(), unknown: [] });
    expect(rib.tables.size('red')).toBe(0);
  });

  test('a route that is not the best changes nothing until the best goes', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h1', 'red', [h1(p1, 1000, { localPreference: 200 })]);
    expect(told(rib, () => rib.publish('h2', 'red', [h2(p1)]))).toEqual({});
    expect(told(rib, () => done(rib.withdraw('h1', 'red')))).toEqual({ red: [`+${p1} 10.255.0.2/2000`] });
  });

  test('equal routes of two forwarders are one route with two next-hops', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h2', 'red', [h2(p1)]);
    expect(told(rib, () => rib.publish('h1', 'red', [h1(p1)]))).toEqual({
      red: [`+${p1} 10.255.0.1/1000,10.255.0.2/2000`],
    });
  });

  test('the last of two items for a prefix in one publish counts, and the id of the first is gone', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h1', 'red', [h1(p1, 1000, { id: 'a' }), h1(p1, 1001, { id: 'b' })]);
    expect([...rib.tables.entries('red')].map(([one]) => nexthopsOf(one))).toEqual([['10.255.0.1/1001']]);
    expect(rib.retract('h1', 'red', ['a'])).toEqual({ changed: new Set(), unknown: ['a'] });
    expect(told(rib, () => rib.retract('h1', 'red', ['b']).changed)).toEqual({ red: [`-${p1}`] });
  });

  test('an id that comes again with another prefix takes the former prefix away', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h1', 'red', [h1(p1, 1000, { id: 'a' })]);
    expect(told(rib, () => rib.publish('h1', 'red', [h1(p2, 1000, { id: 'a' })]))).toEqual({
      red: [`-${p1}`, `+${p2} 10.255.0.1/1000`],
    });
  });

  test('two ids that change places in one publish', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h1', 'red', [h1(p1, 1000, { id: 'a' }), h1(p2, 1000, { id: 'b' })]);
    expect(
      told(rib, () => rib.publish('h1', 'red', [h1(p1, 1001, { id: 'b' }), h1(p2, 1001, { id: 'a' })])),
    ).toEqual({
      red: [`+${p2} 10.255.0.1/1001`, `+${p1} 10.255.0.1/1001`],
    });
    expect(told(rib, () => rib.retract('h1', 'red', ['a']).changed)).toEqual({ red: [`-${p2}`] });
  });

  test('a retract takes the ids it knows and names the others; those of another forwarder are not known', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h1', 'red', [h1(p1, 1000, { id: 'a' })]);
    rib.publish('h2', 'red', [h2(p2, 2000, { id: 'b' })]);
    const retracted = () => {
      const { changed, unknown } = rib.retract('h1', 'red', ['b', 'a', 'a', 'c']);
      expect(unknown).toEqual(['b', 'c']);
      return changed;
    };
    expect(told(rib, retracted)).toEqual({ red: [`-${p1}`] });
  });
});

describe('several VPNs', () => {
  test('the same prefix in two VPNs is two routes', () => {
    const rib = new Rib(vpnsOf({ ...red, blue: [['64512:2'], ['64512:2']] }));
    rib.publish('h1', 'red', [h1(p1)]);
    expect(told(rib, () => rib.publish('h1', 'blue', [h1(p1, 1005)]))).toEqual({
      blue: [`+${p1} 10.255.0.1/1005`],
    });
    expect(told(rib, () => done(rib.withdraw('h1', 'red')))).toEqual({ red: [`-${p1}`] });
    expect([...rib.tables.entries('blue')].map(([one]) => nexthopsOf(one))).toEqual([['10.255.0.1/1005']]);
  });

  test('hub and spoke: a spoke never hears of a spoke', () => {
    const rib = new Rib(vpnsOf({ spoke: [['64512:10'], ['64512:11']], hub: [['64512:11'], ['64512:10']] }));
    expect(told(rib, () => rib.publish('h1', 'spoke', [h1(p1)]))).toEqual({
      hub: [`+${p1} 10.255.0.1/1000`],
    });
    const [everything = ''] = prefixes('0.0.0.0/0');
    expect(told(rib, () => rib.publish('h2', 'hub', [h2(everything)]))).toEqual({
      spoke: ['+0.0.0.0/0 10.255.0.2/2000'],
    });
  });

  test('extranet: a prefix out of two VPNs is chosen in each importing VPN by itself', () => {
    const rib = new Rib(
      vpnsOf({
        ...red,
        blue: [['64512:2'], ['64512:2']],
        shared: [
          ['64512:1', '64512:2'],
          ['64512:1', '64512:2'],
        ],
      }),
    );
    rib.publish('h1', 'red', [h1(p1)]);
    expect(told(rib, () => rib.publish('h2', 'blue', [h2(p1, 2000, { sequenceNumber: 1 })]))).toEqual({
      blue: [`+${p1} 10.255.0.2/2000`],
      shared: [`+${p1} 10.255.0.2/2000`],
    });
    expect(told(rib, () => rib.publish('h2', 'shared', [h2(p2)]))).toEqual({
      red: [`+${p2} 10.255.0.2/2000`],
      blue: [`+${p2} 10.255.0.2/2000`],
      shared: [`+${p2} 10.255.0.2/2000`],
    });
    expect(told(rib, () => done(rib.withdraw('h2', 'blue')))).toEqual({
      blue: [`-${p1}`],
      shared: [`+${p1} 10.255.0.1/1000`],
    });
  });
});

describe('stale routes', () => {
  test('are as good as others, and no one hears that they are stale or fresh again', () => {
    const rib = new Rib(vpnsOf(red));
    rib.publish('h1', 'red', [h1(p1), h1(p2)]);
    rib.markStale('h1', 0);
    expect(rib.published('h1')).toEqual({ routes: 2, stale: 2 });
    expect(told(rib, () => rib.publish('h1', 'red', [h1(p1)]))).toEqual({});
    expect(rib.published('h1')).toEqual({ routes: 2, stale: 1 });
    expect([...rib.tables.entries('red')].map(([, paths]) => paths.map(({ stale }) => stale))).toEqual([
      [false],
      [true],
    ]);
  });

  test('sweep takes those that were not published again, in one VPN or in all, and no one else', () => {
    const rib = new Rib(vpnsOf({ ...red, blue: [['64512:2'], ['64512:2']] }));
    rib.publish('h1', 'red', [h1(p1), h1(p2)]);
    rib.publish('h1', 'blue', [h1(p1)]);
    rib.publish('h2', 'red', [h2(p2)]);
    rib.markStale('h1', 0);
    rib.publish('h1', 'red', [h1(p1)]);
    expect(told(rib, () => done(rib.sweep('h1', 'red').steps))).toEqual({ red: [`+${p2} 10.255.0.2/2000`] });
    expect(told(rib, () => done(rib.sweep('h1').steps))).toEqual({ blue: [`-${p1}`] });
    expect(done(rib.sweep('h1').steps)).toEqual(new Set());
  });
});
