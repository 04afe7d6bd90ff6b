// The merge of several route servers' routes, rule by rule; route-table.model.test.ts has them in any order.
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import type { VpnRoute } from '../src/index.ts';
import { VpnRouteTable } from '../src/index.ts';

const p1 = parseIpPrefix('10.1.0.1/32');
const p2 = parseIpPrefix('10.1.0.2/32');

interface Choice {
  id?: string;
  prefix?: string;
  pe?: string;
  lp?: number;
  seq?: number;
}

function route({ id, prefix = p1, pe = '192.0.2.1', lp, seq }: Choice = {}): VpnRoute {
  return {
    id: id ?? prefix,
    prefix: parseIpPrefix(prefix),
    nexthops: [{ address: parseIpAddress(pe), label: parseLabel(100), encapsulations: ['gre'] }],
    ...(lp !== undefined && { localPreference: lp }),
    ...(seq !== undefined && { sequenceNumber: seq }),
  };
}

describe('VpnRouteTable', () => {
  test('a route is best as soon as it is learned, and gone when it is retracted', () => {
    const table = new VpnRouteTable();
    expect(table.learn('rs1', 'red', [route(), route({ prefix: p2 })])).toEqual([p1, p2]);
    expect([...table.best('red').keys()]).toEqual([p1, p2]);
    expect(table.bestOf('red', p1)).toEqual(route());
    expect(table.bestOf('blue', p1)).toBeUndefined();
    expect(table.retract('rs1', 'red', [p1, 'unknown'])).toEqual([p1]);
    expect([...table.best('red').keys()]).toEqual([p2]);
    expect(table.retract('rs1', 'blue', [p1])).toEqual([]);
  });

  test('a prefix is retracted whatever its item is called, an id only while it is the one of an item', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ id: '5f2b' }), route({ prefix: p2, id: 'other' })]);
    expect(table.retract('rs1', 'red', [p1], [p2, parseIpPrefix('10.9.0.0/16')])).toEqual([p2]);
    expect([...table.best('red').keys()]).toEqual([p1]);
    expect(table.retract('rs1', 'red', ['other', '5f2b'])).toEqual([p1]);
  });

  test('the same route again is no change, nor is another id', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route()]);
    expect(table.learn('rs1', 'red', [route()])).toEqual([]);
    expect(table.learn('rs1', 'red', [route({ id: 'other' })])).toEqual([]);
    expect(table.learn('rs1', 'red', [route({ id: 'other', lp: 100, seq: 0 })])).toEqual([]);
    expect(table.learn('rs1', 'red', [route({ id: 'other', seq: 1 })])).toEqual([p1]);
  });

  test('encapsulations and labels are part of the route', () => {
    const table = new VpnRouteTable();
    const [nexthop] = route().nexthops;
    table.learn('rs1', 'red', [route()]);
    if (nexthop === undefined) throw new Error('no next-hop');
    expect(
      table.learn('rs1', 'red', [{ ...route(), nexthops: [{ ...nexthop, encapsulations: ['udp'] }] }]),
    ).toEqual([p1]);
    expect(
      table.learn('rs1', 'red', [
        { ...route(), nexthops: [{ ...nexthop, label: parseLabel(101), encapsulations: ['udp'] }] },
      ]),
    ).toEqual([p1]);
  });

  test('a route is gone only when every server has withdrawn it', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route()]);
    expect(table.learn('rs2', 'red', [route()])).toEqual([]);
    expect(table.retract('rs1', 'red', [p1])).toEqual([]);
    expect(table.bestOf('red', p1)).toEqual(route());
    expect(table.retract('rs2', 'red', [p1])).toEqual([p1]);
  });

  test.each([
    ['highest local preference', { lp: 200 }, { seq: 9 }, 'rs1'],
    ['absent local preference is 100', { lp: 99 }, {}, 'rs2'],
    ['highest sequence number', { seq: 1 }, {}, 'rs1'],
    ['lowest server name', {}, {}, 'rs1'],
  ])('%s wins', (_, one, two, winner) => {
    const table = new VpnRouteTable();
    const routes = { rs2: route({ ...two, pe: '192.0.2.2' }), rs1: route({ ...one, pe: '192.0.2.1' }) };
    table.learn('rs2', 'red', [routes.rs2]);
    table.learn('rs1', 'red', [routes.rs1]);
    expect(table.bestOf('red', p1)).toEqual(winner === 'rs1' ? routes.rs1 : routes.rs2);
  });

  test('a stale route gives way to an equal fresh one only', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ pe: '192.0.2.1' }), route({ prefix: p2, pe: '192.0.2.1', seq: 5 })]);
    table.learn('rs2', 'red', [route({ pe: '192.0.2.2' }), route({ prefix: p2, pe: '192.0.2.2', seq: 4 })]);
    expect(table.markStale('rs1', 0)).toEqual(new Map([['red', [p1]]]));
    expect(table.bestOf('red', p1)).toEqual(route({ pe: '192.0.2.2' }));
    expect(table.bestOf('red', p2)).toMatchObject({ sequenceNumber: 5 });
    expect(table.learn('rs1', 'red', [route({ pe: '192.0.2.1' })])).toEqual([p1]);
  });

  test('after a lost session what is not said again goes at End-of-RIB', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route(), route({ prefix: p2 })]);
    expect(table.markStale('rs1', 0)).toEqual(new Map());
    expect([...table.best('red').keys()]).toEqual([p1, p2]);
    expect(table.learn('rs1', 'red', [route()])).toEqual([]);
    expect(table.endOfRib('rs1', 'red')).toEqual([p2]);
    expect(table.endOfRib('rs1', 'red')).toEqual([]);
  });

  test('a better route from before a restart is held until the server has said all, or says it again, or withdraws it', () => {
    const table = new VpnRouteTable();
    const active = route({ lp: 200 });
    const standby = route({ pe: '192.0.2.2' });
    const restarted = () => {
      table.learn('rs1', 'red', [active]);
      table.endOfRib('rs1', 'red');
      table.markStale('rs1', 5);
      table.subscribeStarted('rs1', 'red', 6);
      expect(table.learn('rs1', 'red', [standby])).toEqual([]);
      expect(table.bestOf('red', p1)).toEqual(active);
      expect(table.stale('rs1', 'red')).toEqual({ count: 1, since: 5 });
    };
    restarted();
    expect(table.endOfRib('rs1', 'red')).toEqual([p1]);
    expect(table.bestOf('red', p1)).toEqual(standby);
    restarted();
    expect(table.endOfRibOverdue('rs1', 'red')).toEqual([p1]);
    restarted();
    expect(table.learn('rs1', 'red', [active])).toEqual([]);
    expect(table.stale('rs1', 'red').count).toBe(0);
    restarted();
    expect(table.retract('rs1', 'red', [p1])).toEqual([p1]);
    expect(table.bestOf('red', p1)).toBeUndefined();
    restarted();
    table.markStale('rs1', 7);
    expect(table.sweep('rs1', 'red', 5)).toEqual([p1]);
    expect(table.bestOf('red', p1)).toEqual(standby);
    // In the steady state the last word counts, be it worse.
    table.endOfRib('rs1', 'red');
    table.learn('rs1', 'red', [active]);
    expect(table.learn('rs1', 'red', [standby])).toEqual([p1]);
  });

  test('a new subscription makes the routes of that VPN stale, a sweep removes them', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route()]);
    table.learn('rs1', 'blue', [route()]);
    expect(table.subscribeStarted('rs1', 'red', 0)).toEqual([]);
    expect(table.sweep('rs1', 'blue', 0)).toEqual([]);
    expect(table.sweep('rs1', 'red', 0)).toEqual([p1]);
  });

  test('an id that moves to another prefix takes the route with it', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ id: 'x' })]);
    expect(table.learn('rs1', 'red', [route({ id: 'x', prefix: p2 })])).toEqual([p1, p2]);
    expect([...table.best('red').keys()]).toEqual([p2]);
  });

  test('the retract of an id that another one replaced removes nothing', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route({ id: 'h1' })]);
    table.learn('rs1', 'red', [route({ id: 'h2', pe: '192.0.2.2' })]);
    expect(table.retract('rs1', 'red', ['h1'])).toEqual([]);
    expect(table.retract('rs1', 'red', ['h2'])).toEqual([p1]);
  });

  test('what is stale goes by time, the longest stale first', () => {
    const table = new VpnRouteTable();
    table.learn('rs1', 'red', [route(), route({ prefix: p2 })]);
    table.markStale('rs1', 10);
    table.subscribeStarted('rs1', 'red', 20);
    table.learn('rs1', 'red', [route()]);
    table.markStale('rs1', 30);
    expect(table.stale('rs1', 'red')).toEqual({ count: 2, since: 10 });
    expect(table.sweep('rs1', 'red', 9)).toEqual([]);
    expect(table.sweep('rs1', 'red', 29)).toEqual([p2]);
    expect(table.stale('rs1', 'red')).toEqual({ count: 1, since: 30 });
    expect(table.sweep('rs1', 'red', 30)).toEqual([p1]);
    expect(table.stale('rs1', 'red')).toEqual({ count: 0, since: Number.POSITIVE_INFINITY });
  });

  test('a VPN is complete when each server has said End-of-RIB once, and starts anew when it was forgotten', () => {
    const table = new VpnRouteTable();
    expect(table.complete('red', ['rs1'])).toBe(false);
    table.subscribeStarted('rs1', 'red', 0);
    table.endOfRib('rs1', 'red');
    expect(table.complete('red', ['rs1'])).toBe(true);
    expect(table.complete('red', ['rs1', 'rs2'])).toBe(false);
    expect(table.complete('blue', ['rs1'])).toBe(false);
    table.endOfRib('rs2', 'red');
    table.markStale('rs1', 0);
    table.subscribeStarted('rs1', 'red', 0);
    expect(table.complete('red', ['rs1', 'rs2'])).toBe(true);
    table.forgetVpn('red');
    expect(table.complete('red', ['rs1', 'rs2'])).toBe(false);
    expect(table.best('red').size).toBe(0);
  });
});

describe('the copies of a lost route server', () => {
  const best = { pe: '192.0.2.1', lp: 200, seq: 9 };
  /** `rs1` is lost and had p1 and p2 as good as can be; `rs2` has told all, and has p1. */
  function partial(): VpnRouteTable {
    const table = new VpnRouteTable();
    table.subscribeStarted('rs1', 'red', 0);
    table.learn('rs1', 'red', [route(best), route({ ...best, prefix: p2 })]);
    table.endOfRib('rs1', 'red');
    table.subscribeStarted('rs2', 'red', 0);
    table.learn('rs2', 'red', [route({ pe: '192.0.2.2' })]);
    table.endOfRib('rs2', 'red');
    table.markStale('rs1', 0);
    return table;
  }
  const peOf = (table: VpnRouteTable, prefix: string) =>
    table.bestOf('red', parseIpPrefix(prefix))?.nexthops[0]?.address;

  test('stand, in the order of preference, while nobody says anything new', () => {
    const table = partial();
    expect([peOf(table, p1), peOf(table, p2)]).toEqual(['192.0.2.1', '192.0.2.1']);
    expect([table.standing('rs1', 'red'), table.standing('rs2', 'red')]).toEqual(['lost', 'told']);
    expect(table.origin('red', p1)).toMatchObject({ server: 'rs1', stale: true });
    table.endOfRib('rs2', 'red');
    expect(table.origin('red', p1)).toMatchObject({ server: 'rs2', stale: false });
    expect(table.origin('blue', p1)).toBeUndefined();
  });

  test('end when another one that has told all says the route anew, however good they were', () => {
    const table = partial();
    expect(table.learn('rs2', 'red', [route({ pe: '192.0.2.3' })])).toEqual([p1]);
    expect([peOf(table, p1), peOf(table, p2)]).toEqual(['192.0.2.3', '192.0.2.1']);
  });

  test('end when another one withdraws the route: its machine may be gone', () => {
    const table = partial();
    expect(table.retract('rs2', 'red', [p1, p2], [p2])).toEqual([p1]);
    expect([peOf(table, p1), peOf(table, p2)]).toEqual([undefined, '192.0.2.1']);
    table.learn('rs2', 'red', [route({ prefix: p2, id: 'x', pe: '192.0.2.2' })]);
    expect(table.learn('rs2', 'red', [route({ id: 'x', pe: '192.0.2.2' })])).toEqual([p2, p1]);
    expect([peOf(table, p1), peOf(table, p2)]).toEqual(['192.0.2.2', undefined]);
  });

  test('outlast part of a table, and end with the End-of-RIB of another one where that has or had the prefix', () => {
    const table = partial();
    table.markStale('rs2', 0);
    table.subscribeStarted('rs2', 'red', 0);
    expect(table.learn('rs2', 'red', [route({ pe: '192.0.2.3' })])).toEqual([]);
    expect(peOf(table, p1)).toBe('192.0.2.1');
    expect(table.endOfRib('rs2', 'red')).toEqual([p1]);
    expect([peOf(table, p1), peOf(table, p2)]).toEqual(['192.0.2.3', '192.0.2.1']);
    table.subscribeStarted('rs2', 'red', 0);
    expect(table.endOfRib('rs2', 'red')).toEqual([p1]);
    expect(peOf(table, p2)).toBe('192.0.2.1');
  });

  test('outlast an End-of-RIB that never came: that is nobody’s word', () => {
    const table = partial();
    table.subscribeStarted('rs2', 'red', 0);
    expect(table.endOfRibOverdue('rs2', 'red')).toEqual([]);
    expect(table.standing('rs2', 'red')).toBe('told');
    expect([peOf(table, p1), peOf(table, p2)]).toEqual(['192.0.2.1', '192.0.2.1']);
  });

  test('of one that is subscribing again are its own to end: it may be about to say them', () => {
    const table = partial();
    table.subscribeStarted('rs1', 'red', 0);
    table.learn('rs2', 'red', [route({ pe: '192.0.2.3' })]);
    table.retract('rs2', 'red', [p1]);
    expect(peOf(table, p1)).toBe('192.0.2.1');
    expect(table.endOfRib('rs1', 'red')).toEqual([p1, p2]);
  });
});
