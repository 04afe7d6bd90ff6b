import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { VpnRoute } from '@hostpe/signaling';
import { beforeEach, describe, expect, test } from 'vitest';
import { AdjRibIn } from '../src/adj-rib-in.ts';
import type { Swept } from '../src/stale-routes.ts';

const patience = 300_000;

function routeTo(host: number): VpnRoute {
  const prefix = parseIpPrefix(`10.1.0.${host}`);
  const nexthops = [{ address: parseIpAddress('10.255.0.2'), label: parseLabel(2000), encapsulations: [] }];
  return { id: `id-${host}`, prefix, nexthops };
}

describe('routes of route servers', () => {
  let clock: ManualClock;
  let changed: string[];
  let swept: Swept[];
  let rib: AdjRibIn;
  beforeEach(() => {
    clock = new ManualClock();
    changed = [];
    swept = [];
    rib = new AdjRibIn({
      servers: ['rs1', 'rs2'],
      clock,
      patience,
      retention: { stale: 3_600_000, headless: undefined },
      onChange: (vpn) => changed.push(vpn),
      onSwept: (one) => swept.push(one),
    });
    rib.want('red');
  });
  const items = (server: string, hosts: readonly number[], retractedIds: readonly string[] = []) =>
    rib.heard(server, { kind: 'items', vpn: 'red', routes: hosts.map(routeTo), retractedIds, rejected: [] });
  const endOfRib = (server: string) => rib.heard(server, { kind: 'end-of-rib', vpn: 'red' });
  const hosts = () =>
    [...rib.best('red').keys()].map((prefix) => Number(/\.(\d+)\//.exec(prefix)?.[1])).sort();

  test('come and go as events say, of wanted VPNs only', () => {
    rib.subscribing('rs1', 'red');
    expect(items('rs1', [1, 2])).toBe(true);
    expect(items('rs1', [3], ['id-1'])).toBe(true);
    expect(hosts()).toEqual([2, 3]);
    expect(changed).toEqual(['red', 'red']);
    expect(rib.heard('rs1', { kind: 'end-of-rib', vpn: 'blue' })).toBe(false);
    expect(rib.best('blue').size).toBe(0);
  });

  test('go by prefix where a server names no item', () => {
    items('rs1', [1, 2]);
    const retractedPrefixes = [parseIpPrefix('10.1.0.1')];
    rib.heard('rs1', {
      kind: 'items',
      vpn: 'red',
      routes: [],
      retractedIds: [],
      retractedPrefixes,
      rejected: [],
    });
    expect(hosts()).toEqual([2]);
  });

  test('that were taken back are known to be gone, until all is known', () => {
    const gone = () => [...rib.withdrawn('red')];
    rib.subscribing('rs1', 'red');
    items('rs1', [1, 2]);
    items('rs2', [2]);
    items('rs1', [], ['id-1', 'id-2', 'id-9']);
    expect(gone()).toEqual(['10.1.0.1/32']);
    items('rs1', [1]);
    items('rs2', [], ['id-2']);
    expect(gone()).toEqual(['10.1.0.2/32']);
    endOfRib('rs1');
    endOfRib('rs2');
    expect(gone()).toEqual([]);
  });

  test('survive a lost session for ever, and End-of-RIB of the next sweeps what was not said again', () => {
    rib.subscribing('rs1', 'red');
    items('rs1', [1, 2]);
    endOfRib('rs1');
    rib.lost('rs1');
    clock.advance(10 * patience);
    expect(hosts()).toEqual([1, 2]);
    rib.subscribing('rs1', 'red');
    items('rs1', [2]);
    expect(hosts()).toEqual([1, 2]);
    endOfRib('rs1');
    expect(hosts()).toEqual([2]);
  });

  test('are swept by time where the server never says End-of-RIB, counted from the first subscription of the session', () => {
    rib.subscribing('rs1', 'red');
    items('rs1', [1, 2]);
    rib.lost('rs1');
    rib.subscribing('rs1', 'red');
    items('rs1', [2]);
    clock.advance(patience / 2);
    // Asked again: an earlier request was not answered.
    rib.subscribing('rs1', 'red');
    items('rs1', [2]);
    clock.advance(patience / 2 - 1);
    expect(hosts()).toEqual([1, 2]);
    clock.advance(1);
    expect(hosts()).toEqual([2]);
  });

  test('that only a lost server had are given up some time after another one has told all', () => {
    for (const server of ['rs1', 'rs2']) rib.subscribing(server, 'red');
    items('rs1', [1, 2]);
    items('rs2', [2]);
    rib.lost('rs1');
    clock.advance(patience / 2);
    endOfRib('rs2');
    changed.length = 0;
    clock.advance(3_599_999);
    expect(hosts()).toEqual([1, 2]);
    clock.advance(1);
    expect(hosts()).toEqual([2]);
    // The lost one's copy of route 2 ended with the End-of-RIB of the other.
    expect(swept).toEqual([
      { vpn: 'red', reason: 'stale', servers: ['rs1'], routes: 1, changed: ['10.1.0.1/32'] },
    ]);
    // Once for the patience with unreachable servers, once for this.
    expect(changed).toEqual(['red', 'red']);
  });

  test('of a server that comes and goes are given up one by one, each in its time', () => {
    for (const server of ['rs1', 'rs2']) rib.subscribing(server, 'red');
    items('rs1', [1, 2]);
    for (const server of ['rs1', 'rs2']) endOfRib(server);
    rib.lost('rs1');
    clock.advance(3_000_000);
    rib.subscribing('rs1', 'red');
    items('rs1', [2]);
    rib.lost('rs1');
    clock.advance(599_999);
    expect(hosts()).toEqual([1, 2]);
    clock.advance(1);
    expect(hosts()).toEqual([2]);
    clock.advance(3_000_000);
    expect(hosts()).toEqual([]);
  });

  test('of a lost server are given up in time, also where the other one refuses and is asked over and over', () => {
    rib.subscribing('rs1', 'red');
    items('rs1', [1]);
    endOfRib('rs1');
    rib.lost('rs1');
    const ask = 30_000;
    for (let time = 0; time < patience + 3_600_000; time += ask) {
      rib.subscribing('rs2', 'red');
      expect(hosts()).toEqual([1]);
      clock.advance(ask);
    }
    expect(hosts()).toEqual([]);
  });

  test('are complete when each server has said so', () => {
    rib.subscribing('rs1', 'red');
    rib.subscribing('rs2', 'red');
    expect(rib.isComplete('red')).toBe(false);
    endOfRib('rs1');
    expect(rib.isComplete('red')).toBe(false);
    endOfRib('rs2');
    expect(rib.isComplete('red')).toBe(true);
    rib.lost('rs1');
    expect(rib.isComplete('red')).toBe(true);
  });

  test('are complete without an unreachable server after a while, but not without all of them', () => {
    clock.advance(patience);
    expect(rib.isComplete('red')).toBe(false);
    rib.subscribing('rs1', 'red');
    changed.length = 0;
    endOfRib('rs1');
    expect(rib.isComplete('red')).toBe(true);
    expect(changed).toEqual(['red']);
  });

  test('say by themselves that the patience with a server is over', () => {
    rib.subscribing('rs1', 'red');
    endOfRib('rs1');
    changed.length = 0;
    clock.advance(patience);
    expect(changed).toEqual(['red']);
    expect(rib.isComplete('red')).toBe(true);
  });

  test('of a VPN that is left are forgotten, with its timers', () => {
    rib.subscribing('rs1', 'red');
    items('rs1', [1]);
    rib.forget('red');
    expect(hosts()).toEqual([]);
    expect(clock.pending).toBe(0);
    rib.want('red');
    expect(rib.isComplete('red')).toBe(false);
  });
});
