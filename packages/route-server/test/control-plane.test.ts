// What subscribers of the control plane are told, and what it refuses.
import { ManualClock } from '@hostpe/daemon/testing';
import { describe, expect, test } from 'vitest';
import { ControlPlane } from '../src/control-plane.ts';
import { RouteServerError } from '../src/errors.ts';
import { authorisation, h1, h2, p1, p2, setUp } from './control-plane-scene.ts';
import { runAtOnce } from './readers.ts';
import { route, silent, vpnsOf } from './values.ts';

describe('subscribers', () => {
  test('get the whole table, then End-of-RIB, then changes; the publisher its own too', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    expect(heard()).toEqual(['h1 red end-of-rib']);
    controlPlane.publish('h1', 'red', [h1(p1)]);
    expect(heard()).toEqual([`h1 red +${p1} 10.255.0.1/1000`]);
    controlPlane.opened('h2');
    join('h2', 'red');
    expect(heard()).toEqual([`h2 red +${p1} 10.255.0.1/1000`, 'h2 red end-of-rib']);
    controlPlane.retract('h1', 'red', [h1(p1).id]);
    expect(heard()).toEqual([`h1 red -${p1}`, `h2 red -${p1}`]);
  });

  test('hear nothing between the subscribe and their table, which has it all', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    controlPlane.opened('h2');
    join('h1', 'red');
    heard();
    controlPlane.subscribe('h2', 'red', 7);
    controlPlane.publish('h2', 'red', [h2(p2)]);
    controlPlane.publish('h1', 'red', [h1(p1)]);
    expect(heard()).toEqual([`h1 red +${p2} 10.255.0.2/2000`, `h1 red +${p1} 10.255.0.1/1000`]);
    controlPlane.inform('h2', 'red');
    expect(heard()).toEqual([`h2 red +${p2} 10.255.0.2/2000 +${p1} 10.255.0.1/1000`, 'h2 red end-of-rib']);
  });

  test('that subscribe again get the whole table and End-of-RIB again, and miss no change meanwhile', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    heard();
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.retract('h1', 'red', [h1(p1).id]);
    controlPlane.publish('h1', 'red', [h1(p2)]);
    controlPlane.inform('h1', 'red');
    expect(heard()).toEqual([
      `h1 red -${p1}`,
      `h1 red +${p2} 10.255.0.1/1000`,
      `h1 red +${p2} 10.255.0.1/1000`,
      'h1 red end-of-rib',
    ]);
  });

  test('that left hear nothing more, and what they published in the VPN goes', () => {
    const { controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    join('h1', 'blue');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.publish('h1', 'blue', [h1(p1)]);
    heard();
    controlPlane.unsubscribe('h1', 'red');
    expect(heard()).toEqual([`h2 red -${p1}`]);
    controlPlane.publish('h2', 'red', [h2(p2)]);
    expect(heard()).toEqual([`h2 red +${p2} 10.255.0.2/2000`]);
    expect(controlPlane.rib.tables.size('blue')).toBe(1);
  });

  test('that left before their table was sent are sent none', () => {
    const { controlPlane, heard } = setUp();
    controlPlane.opened('h1');
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.unsubscribe('h1', 'red');
    controlPlane.inform('h1', 'red');
    expect(heard()).toEqual([]);
  });

  test('whose session ends while the table is sent do not stay among those that are told of changes', () => {
    const clock = new ManualClock();
    const delivered: string[] = [];
    const told = (accounts: Iterable<string>, what: string) => {
      for (const account of accounts) {
        delivered.push(`${account} ${what}`);
        if (account === 'h2') controlPlane.closed('h2');
      }
    };
    const controlPlane: ControlPlane = new ControlPlane({
      vpns: vpnsOf({ red: [['64512:1'], ['64512:1']] }),
      forwarders: new Map([
        ['h1', authorisation('10.255.0.1', 'red')],
        ['h2', authorisation('10.255.0.2', 'red')],
      ]),
      withdrawDelay: 60_000,
      restartDelay: 0,
      lowerStale: false,
      clock,
      log: silent,
      run: runAtOnce,
      changed: (_vpn, accounts) => told(accounts, 'changed'),
      endOfRib: (_vpn, accounts) => told(accounts, 'end-of-rib'),
      startTable: (_vpn, account) => told([account], 'table'),
      endSession() {},
    });
    controlPlane.opened('h1');
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.opened('h2');
    controlPlane.subscribe('h2', 'red', undefined);
    controlPlane.inform('h2', 'red');
    controlPlane.opened('h2');
    controlPlane.publish('h1', 'red', [h1(p2)]);
    expect(delivered).toEqual(['h2 table']);
  });
});

describe('refusals', () => {
  const code = (attempt: () => unknown): string => {
    try {
      attempt();
    } catch (error) {
      if (error instanceof RouteServerError) return error.code;
      throw error;
    }
    return 'none';
  };

  test('unknown VPN, VPN that the forwarder may not join, no subscription: nothing changes', () => {
    const { controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h3']) controlPlane.opened(account);
    join('h1', 'red');
    heard();
    const h3 = route({ prefix: p1, nexthop: '10.255.0.3', label: 3000 });
    expect(code(() => controlPlane.subscribe('h3', 'green', undefined))).toBe('unknown-vpn');
    expect(code(() => controlPlane.subscribe('h3', 'red', undefined))).toBe('not-authorised');
    expect(code(() => controlPlane.publish('h3', 'red', [h3]))).toBe('not-authorised');
    expect(code(() => controlPlane.publish('h3', 'blue', [h3]))).toBe('not-subscribed');
    expect(code(() => controlPlane.retract('h3', 'blue', ['x']))).toBe('not-subscribed');
    expect(code(() => controlPlane.endOfRib('h3', 'blue'))).toBe('not-subscribed');
    expect(code(() => controlPlane.unsubscribe('h3', 'blue'))).toBe('not-subscribed');
    expect(heard()).toEqual([]);
    expect(controlPlane.rib.published('h3').routes).toBe(0);
  });

  test('a next-hop of someone else: that route is rejected, the others stand', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    heard();
    const rejected = controlPlane.publish('h1', 'red', [h2(p2), h1(p1)]);
    expect(rejected).toEqual([
      { id: h2(p2).id, reason: `${p2}: forwarder h1 may not announce next-hop 10.255.0.2` },
    ]);
    expect(heard()).toEqual([`h1 red +${p1} 10.255.0.1/1000`]);
  });
});

test('stop leaves no timer', () => {
  const { clock, controlPlane } = setUp({ restartDelay: 120_000 });
  controlPlane.opened('h1');
  controlPlane.closed('h1');
  controlPlane.stop();
  expect(clock.pending).toBe(0);
});
