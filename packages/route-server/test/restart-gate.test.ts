import { ManualClock } from '@hostpe/daemon/testing';
import { describe, expect, test } from 'vitest';
import { RestartGate } from '../src/restart-gate.ts';
import { vpnsOf } from './values.ts';

const policies = {
  red: [['64512:1'], ['64512:1']],
  blue: [['64512:2'], ['64512:2']],
  // Imports red too.
  shared: [['64512:1', '64512:3'], ['64512:3']],
  lone: [[], []],
} as const;

function gateFor(
  forwarders: Readonly<Record<string, readonly string[]>>,
  delay = 120_000,
  peers: readonly string[] = [],
) {
  const clock = new ManualClock();
  const opened: string[] = [];
  const started: number[] = [];
  const gate = new RestartGate({
    vpns: vpnsOf(policies),
    forwarders: new Map(Object.entries(forwarders)),
    peers,
    delay,
    clock,
    onStart: () => started.push(clock.now()),
    onOpen: (vpn) => opened.push(vpn),
  });
  return { clock, gate, opened, started };
}

const joined = (...vpns: readonly string[]) => new Map(vpns.map((vpn) => [vpn, undefined]));

test('waits for every forwarder that may publish into what the VPN imports', () => {
  const { gate, opened } = gateFor({ h1: ['red'], h2: ['red', 'blue'], h3: ['shared'] });
  expect(gate.waitingFor('red')).toEqual(['h1', 'h2']);
  expect(gate.waitingFor('blue')).toEqual(['h2']);
  expect(gate.waitingFor('shared')).toEqual(['h1', 'h2', 'h3']);
  gate.complete('h1', 'red');
  expect(opened).toEqual([]);
  gate.complete('h2', 'red');
  expect(opened).toEqual(['red']);
  expect(gate.isOpen('shared')).toBe(false);
  gate.complete('h3', 'shared');
  expect(opened).toEqual(['red', 'shared']);
  gate.complete('h3', 'shared');
  gate.complete('h9', 'red');
  expect(opened).toEqual(['red', 'shared']);
  expect(gate.waitingFor('blue')).toEqual(['h2']);
});

test('a VPN into which nobody may publish is never held back', () => {
  const { gate } = gateFor({ h1: ['blue'] });
  expect(gate.isOpen('red')).toBe(true);
  expect(gate.isOpen('lone')).toBe(true);
  expect(gate.isOpen('blue')).toBe(false);
});

test('restart-delay ends all waiting, once', () => {
  const { clock, gate, opened } = gateFor({ h1: ['red'], h2: ['blue'] }, 5_000);
  gate.active('h1', joined('red'));
  clock.advance(4_999);
  expect(opened).toEqual([]);
  clock.advance(1);
  expect(opened).toEqual(['red', 'blue', 'shared']);
  gate.complete('h1', 'red');
  gate.active('h1', joined('red'));
  clock.advance(100_000);
  expect(opened).toEqual(['red', 'blue', 'shared']);
  expect(clock.pending).toBe(0);
});

describe('BGP peers', () => {
  test('are awaited for every VPN, and with forwarders', () => {
    const { gate, opened } = gateFor({ h1: ['red'] }, 120_000, ['rr2', 'rr1']);
    expect(gate.waitingFor('red')).toEqual(['h1', 'BGP peer rr1', 'BGP peer rr2']);
    expect(gate.waitingFor('lone')).toEqual(['BGP peer rr1', 'BGP peer rr2']);
    gate.peerComplete('rr1');
    expect(opened).toEqual([]);
    gate.peerComplete('rr2');
    gate.peerComplete('rr2');
    expect(opened).toEqual(['blue', 'lone']);
    expect(gate.isOpenForAll).toBe(false);
    gate.complete('h1', 'red');
    expect(opened).toEqual(['blue', 'lone', 'red', 'shared']);
    expect(gate.isOpenForAll).toBe(true);
  });

  test('are not awaited for longer than the delay, nor where there is none', () => {
    const { clock, gate, opened } = gateFor({ h1: ['red'] }, 5_000, ['rr1']);
    gate.active('h1', joined('red'));
    gate.complete('h1', 'red');
    clock.advance(4_999);
    expect(opened).toEqual([]);
    clock.advance(1);
    expect(opened).toEqual(['red', 'blue', 'shared', 'lone']);
    expect(gateFor({ h1: ['red'] }, 0, ['rr1']).gate.isOpenForAll).toBe(true);
  });
});

describe('the delay', () => {
  test('counts from the first forwarder, however late, and not from the second', () => {
    const { clock, gate, opened, started } = gateFor({ h1: ['red'], h2: ['red'] }, 5_000);
    clock.advance(600_000);
    expect(opened).toEqual([]);
    gate.active('h1', joined('red'));
    clock.advance(3_000);
    gate.active('h2', joined('red'));
    clock.advance(1_999);
    expect(opened).toEqual([]);
    clock.advance(1);
    expect(opened).toEqual(['red', 'shared']);
    expect(started).toEqual([600_000]);
  });

  test('counts anew after a stop', () => {
    const { clock, gate, opened, started } = gateFor({ h1: ['red'], h2: ['red'] }, 5_000);
    gate.active('h1', joined('red'));
    clock.advance(4_000);
    gate.stop();
    clock.advance(60_000);
    gate.active('h1', joined('red'));
    clock.advance(4_999);
    expect(opened).toEqual([]);
    clock.advance(1);
    expect(opened).toEqual(['red', 'shared']);
    expect(started).toEqual([0, 64_000]);
  });

  test('of 0 holds nothing back', () => {
    const { clock, gate, started } = gateFor({ h1: ['red'] }, 0);
    expect(gate.isOpen('red')).toBe(true);
    expect(gate.waitingFor('red')).toEqual([]);
    gate.active('h1', joined('red'));
    expect(clock.pending).toBe(0);
    expect(started).toEqual([]);
  });
});

describe('a forwarder that may join more than it has', () => {
  test('counts as complete elsewhere once it is quiet after its End-of-RIB', () => {
    const { clock, gate, opened } = gateFor({ h1: ['red', 'blue'] });
    gate.active('h1', joined());
    clock.advance(5_000);
    gate.active('h1', joined('red'));
    gate.complete('h1', 'red');
    gate.active('h1', joined('red'));
    expect(opened).toEqual(['red', 'shared']);
    clock.advance(9_999);
    expect(opened).toEqual(['red', 'shared']);
    clock.advance(1);
    expect(opened).toEqual(['red', 'shared', 'blue']);
  });

  test('one that has nothing anywhere counts as complete once it is quiet', () => {
    const { clock, gate, opened } = gateFor({ h1: ['red'] });
    gate.active('h1', joined());
    clock.advance(10_000);
    expect(opened).toEqual(['red', 'shared']);
  });

  test('silence before its End-of-RIB in a VPN it subscribed to says nothing', () => {
    const { clock, gate, opened } = gateFor({ h1: ['red', 'blue'] });
    gate.active('h1', joined('red'));
    clock.advance(60_000);
    expect(opened).toEqual([]);
    expect(gate.waitingFor('red')).toEqual(['h1']);
  });

  test('nor does silence after its session was lost', () => {
    const { clock, gate, opened } = gateFor({ h1: ['red'] });
    gate.active('h1', joined());
    clock.advance(9_000);
    gate.gone('h1');
    clock.advance(60_000);
    expect(opened).toEqual([]);
  });
});

test('no timer runs on once nothing is held back', () => {
  const { clock, gate } = gateFor({ h1: ['red'], h2: ['red'] });
  gate.active('h2', joined('red'));
  gate.complete('h1', 'red');
  gate.complete('h2', 'red');
  gate.active('h1', joined('red'));
  expect(clock.pending).toBe(0);
});

test('stop leaves no timer', () => {
  const { clock, gate } = gateFor({ h1: ['red'] });
  gate.active('h1', joined());
  gate.stop();
  expect(clock.pending).toBe(0);
});
