// Routes of forwarders whose sessions are lost once or over and over: how long they stay, and what decides between two hosts meanwhile.

import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import { beforeEach, describe, expect, test } from 'vitest';
import { ControlPlane } from '../src/control-plane.ts';
import { runAtOnce } from './readers.ts';
import { nexthopsOf, type RouteParts, route, silent, vpnsOf } from './values.ts';

const p1 = '10.1.0.1/32';
const p2 = '10.1.0.2/32';
const withdrawDelay = 60_000;

describe('a forwarder that comes and goes', () => {
  let clock: ManualClock;
  let controlPlane: ControlPlane;
  let warnings: string[];
  beforeEach(() => {
    clock = new ManualClock();
    warnings = [];
    controlPlane = new ControlPlane({
      vpns: vpnsOf({ red: [['64512:1'], ['64512:1']] }),
      forwarders: new Map(
        ['h1', 'h2'].map((account) => [
          account,
          { addresses: new Set([parseIpAddress(addressOf(account))]), vpns: new Set(['red']) },
        ]),
      ),
      withdrawDelay,
      restartDelay: 0,
      lowerStale: false,
      clock,
      log: { ...silent, warn: (_facts, message) => warnings.push(message) },
      run: runAtOnce,
      changed() {},
      endOfRib() {},
      startTable() {},
      endSession() {},
    });
  });
  const addressOf = (account: string) => account.replace('h', '10.255.0.');
  const open = (account: string) => {
    controlPlane.opened(account);
    controlPlane.subscribe(account, 'red', undefined);
  };
  const publish = (account: string, prefix: string, more: Partial<RouteParts> = {}) =>
    controlPlane.publish(account, 'red', [
      route({ prefix, nexthop: addressOf(account), label: 1000, ...more }),
    ]);
  const table = () =>
    Object.fromEntries(
      [...controlPlane.rib.tables.entries('red')].map(([one]) => [one.prefix, nexthopsOf(one)]),
    );
  const h1 = ['10.255.0.1/1000'];
  const h2 = ['10.255.0.2/1000'];

  test('over and over loses what it never publishes again after two withdraw-delays, and nothing else', () => {
    open('h1');
    publish('h1', p1);
    publish('h1', p2);
    // p1 is published in each session, and none of them lives to its End-of-RIB.
    for (let round = 0; round < 3; round++) {
      controlPlane.closed('h1');
      clock.advance(30_000);
      open('h1');
      publish('h1', p1);
      clock.advance(9_000);
    }
    expect(table()).toEqual({ [p1]: h1, [p2]: h1 });
    clock.advance(2_999);
    expect(table()).toEqual({ [p1]: h1, [p2]: h1 });
    clock.advance(1);
    expect(table()).toEqual({ [p1]: h1 });
    expect(warnings).toEqual([
      'forwarder h1: 1 routes withdrawn, not published again for 120 s, over several sessions',
    ]);
    controlPlane.closed('h1');
    clock.advance(59_999);
    expect(table()).toEqual({ [p1]: h1 });
    clock.advance(1);
    expect(table()).toEqual({});
  });

  test('and is lost last has what it published in its last session kept for the whole withdraw-delay', () => {
    open('h1');
    publish('h1', p1);
    publish('h1', p2);
    controlPlane.closed('h1');
    clock.advance(59_000);
    open('h1');
    publish('h1', p1);
    clock.advance(59_000);
    controlPlane.closed('h1');
    // Two delays after the first loss: p2 has had its time, p1 has not.
    clock.advance(2_000);
    expect(table()).toEqual({ [p1]: h1 });
    clock.advance(57_999);
    expect(table()).toEqual({ [p1]: h1 });
    clock.advance(1);
    expect(table()).toEqual({});
  });

  test('gives way to another host with a higher sequence number at once, also while it is lost', () => {
    open('h1');
    open('h2');
    publish('h1', p1, { sequenceNumber: 5 });
    controlPlane.closed('h1');
    publish('h2', p1, { sequenceNumber: 4 });
    expect(table()).toEqual({ [p1]: h1 });
    publish('h2', p1, { sequenceNumber: 6 });
    expect(table()).toEqual({ [p1]: h2 });
    // Back with what it had: the machine has moved.
    open('h1');
    publish('h1', p1, { sequenceNumber: 5 });
    controlPlane.endOfRib('h1', 'red');
    expect(table()).toEqual({ [p1]: h2 });
    controlPlane.retract('h2', 'red', [`${addressOf('h2')}:${p1}`]);
    expect(table()).toEqual({ [p1]: h1 });
  });

  test('shares the traffic with another host of the same sequence number, until its time is over', () => {
    open('h1');
    open('h2');
    for (const account of ['h1', 'h2']) publish(account, p1, { sequenceNumber: 5 });
    controlPlane.closed('h1');
    clock.advance(withdrawDelay - 1);
    expect(table()).toEqual({ [p1]: [...h1, ...h2] });
    clock.advance(1);
    expect(table()).toEqual({ [p1]: h2 });
  });

  test('with another set of machines keeps those of both until End-of-RIB, then those of the new', () => {
    open('h1');
    publish('h1', p1);
    controlPlane.closed('h1');
    clock.advance(1_000);
    open('h1');
    publish('h1', p2, { label: 1000 });
    expect(table()).toEqual({ [p1]: h1, [p2]: h1 });
    controlPlane.endOfRib('h1', 'red');
    expect(table()).toEqual({ [p2]: h1 });
  });
});
