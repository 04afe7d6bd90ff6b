// The state machine by random events: what holds in every state, whatever came before. Timers are kept from the actions alone, as a driver does.

import { parseIpAddress } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../src/index.ts';
import { initialState, step } from '../src/session/machine.ts';
import type { Action, MachineEvent, MachineState } from '../src/session/machine-types.ts';
import { localOpen } from '../src/session/negotiation.ts';
import { configured, graceful } from './session-values.ts';

interface Seen {
  state: MachineState;
  readonly timers: Set<string>;
  readonly wires: Set<number>;
  dialing: boolean;
  up: number | undefined;
  next: number;
}

/** As a driver carries it out; a contradiction throws. */
function carryOut(seen: Seen, action: Action): void {
  if (action.kind === 'connect') {
    expect(seen.dialing).toBe(false);
    seen.dialing = true;
  } else if (action.kind === 'abort-connect') {
    expect(seen.dialing).toBe(true);
    seen.dialing = false;
  } else if (action.kind === 'arm') seen.timers.add(action.timer);
  else if (action.kind === 'disarm') seen.timers.delete(action.timer);
  else if (action.kind === 'ended') {
    expect(seen.wires.has(action.end.connection)).toBe(false);
    if (!action.end.established) return;
    expect(seen.up).toBe(action.end.connection);
    seen.up = undefined;
  } else {
    const { connection } = action;
    expect(seen.wires.has(connection)).toBe(true);
    if (action.kind === 'arm-connection') seen.timers.add(`${connection} ${action.timer}`);
    if (action.kind === 'disarm-connection') seen.timers.delete(`${connection} ${action.timer}`);
    if (action.kind === 'up') {
      expect(seen.up).toBeUndefined();
      seen.up = connection;
    }
    if (action.kind === 'deliver') expect(seen.up).toBe(connection);
    if (action.kind === 'close') {
      seen.wires.delete(connection);
      for (const timer of seen.timers) if (timer.startsWith(`${connection} `)) seen.timers.delete(timer);
    }
  }
}

test('never two sessions, and each timer is set exactly where it has a meaning', () => {
  const kinds = fc.constantFrom(
    'start',
    'stop',
    'restart',
    'timer',
    'timer',
    'timer',
    'dialed',
    'dialed',
    'failed',
    'accepted',
    'accepted',
    'open',
    'open',
    'open',
    'keepalive',
    'keepalive',
    'keepalive',
    'update',
    'notification',
    'collision',
    'closed',
    'malformed',
    'paused',
    'resumed',
    'waiting',
    'drained',
  );
  const reached = new Set<string>();
  fc.assert(
    fc.property(
      fc.record({
        passive: fc.boolean(),
        holdTime: fc.constantFrom(0, 90),
        graceful: fc.boolean(),
        higher: fc.boolean(),
      }),
      fc.array(fc.tuple(kinds, fc.nat(50)), { maxLength: 60 }),
      (peer, events) => {
        const gracefulRestart = peer.graceful ? graceful : undefined;
        const using = configured({ passive: peer.passive, holdTime: peer.holdTime, gracefulRestart });
        const identifier = parseIpAddress(peer.higher ? '192.0.2.2' : '192.0.2.0');
        const open = localOpen({ ...using, identifier });
        const seen: Seen = {
          state: initialState,
          timers: new Set(),
          wires: new Set(),
          dialing: false,
          up: undefined,
          next: 0,
        };
        for (const [kind, choice] of [['start', 0] as const, ...events]) {
          const event = eventOf(seen, kind, choice, open);
          if (event === undefined) continue;
          const { state, actions } = step(using, seen.state, event);
          seen.state = state;
          for (const action of actions) carryOut(seen, action);
          check(seen, peer);
          for (const { state: name } of state.connections) reached.add(name);
          reached.add(state.search);
        }
      },
    ),
    { numRuns: 2000 },
  );
  expect([...reached].sort()).toEqual(
    ['active', 'connect', 'established', 'idle', 'idle-hold', 'open-confirm', 'open-sent', 'resting'].sort(),
  );
});

function eventOf(seen: Seen, kind: string, choice: number, open: Message): MachineEvent | undefined {
  const pick = <T>(of: Iterable<T>): T | undefined => {
    const all = [...of];
    return all[choice % Math.max(1, all.length)];
  };
  if (kind === 'start') return { kind };
  if (kind === 'stop' || kind === 'restart')
    return { kind: 'stop', reason: 'shutdown', communication: undefined, restart: kind === 'restart' };
  if (kind === 'timer') {
    const name = pick(seen.timers);
    if (name === undefined) return undefined;
    seen.timers.delete(name);
    const [connection, timer] = name.split(' ');
    return timer === undefined
      ? ({ kind: 'peer-timer', timer: name } as MachineEvent)
      : ({ kind: 'connection-timer', connection: Number(connection), timer } as MachineEvent);
  }
  if (kind === 'dialed' || kind === 'failed') {
    if (!seen.dialing) return undefined;
    seen.dialing = false;
    if (kind === 'failed') return { kind: 'connect-failed' };
  }
  if (kind === 'dialed' || kind === 'accepted') {
    seen.wires.add(seen.next);
    return { kind: kind === 'dialed' ? 'connected' : 'accepted', connection: seen.next++ };
  }
  const connection = pick(seen.wires);
  if (connection === undefined) return undefined;
  const message = (content: Message): MachineEvent => ({ kind: 'message', connection, message: content });
  const notification = (code: number, subcode: number) =>
    ({ type: 'notification', code, subcode, data: new Uint8Array(0) }) as const;
  switch (kind) {
    case 'open':
      return message(open);
    case 'keepalive':
      return message({ type: 'keepalive' });
    case 'update':
      return message({
        type: 'update',
        attributes: undefined,
        announced: undefined,
        withdrawn: [],
        endOfRib: 'vpnv4',
        problems: [],
      });
    case 'notification':
      return message(notification(6, 4));
    case 'collision':
      return message(notification(6, 7));
    case 'malformed':
      return { kind, connection, notification: notification(1, 1), reason: 'test' };
    case 'closed':
      return { kind, connection, reason: 'test' };
    case 'waiting':
    case 'drained':
      return { kind: 'output', connection, progress: kind };
    default:
      return { kind: kind as 'paused' | 'resumed', connection };
  }
}

function check(
  { state, timers, wires, dialing, up }: Seen,
  peer: { readonly passive: boolean; readonly holdTime: number },
): void {
  const { search, connections } = state;
  expect(new Set(connections.map(({ id }) => id))).toEqual(wires);
  const established = connections.filter((one) => one.state === 'established');
  expect(established.map(({ id }) => id)).toEqual(up === undefined ? [] : [up]);
  for (const direction of ['outgoing', 'incoming'])
    expect(
      connections.filter((one) => one.direction === direction && one.state !== 'established').length,
    ).toBeLessThan(2);
  expect(connections.filter((one) => one.state !== 'open-sent').length).toBeLessThan(2);
  expect(dialing).toBe(search === 'connect');
  const enough = connections.some((one) => one.direction === 'outgoing' || one.state !== 'open-sent');
  expect(search === 'resting').toBe(enough);
  if (search === 'idle') expect(connections).toEqual([]);
  const wanted = new Set<string>();
  if (search === 'idle-hold') wanted.add('idle-hold');
  if (search === 'connect' || (search === 'active' && !peer.passive)) wanted.add('connect-retry');
  for (const { id, state: name, paused } of connections) {
    if (!paused && (name === 'open-sent' || peer.holdTime > 0)) wanted.add(`${id} hold`);
    if (name !== 'open-sent' && peer.holdTime > 0) wanted.add(`${id} keepalive`);
  }
  // These two are of what the driver saw, not of a state: `stable` may have gone off, `send-hold` goes with output.
  const rest = [...timers].filter((name) => name !== 'stable' && !name.endsWith('send-hold'));
  expect(new Set(rest)).toEqual(wanted);
  if (timers.has('stable')) expect(up).toBeDefined();
}
