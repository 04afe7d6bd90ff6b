// The state machine by a table: from each state, each event, to what state with what told to whom.
import { parseIpAddress } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import type { Message, OpenMessage } from '../src/index.ts';
import { initialState, sessionState, step } from '../src/session/machine.ts';
import type { Action, MachineEvent, MachineState } from '../src/session/machine-types.ts';
import { localOpen } from '../src/session/negotiation.ts';
import { configuration, configured, graceful } from './session-values.ts';

const higher = parseIpAddress('192.0.2.2');
const lower = parseIpAddress('192.0.2.0');
const peerOpen = localOpen(configured({ identifier: higher }));
const keepalive: Message = { type: 'keepalive' };
const start: MachineEvent = { kind: 'start' };

function message(connection: number, content: Message): MachineEvent {
  return { kind: 'message', connection, message: content };
}
function run(events: readonly MachineEvent[], using = configuration) {
  let state: MachineState = initialState;
  let actions: readonly Action[] = [];
  for (const event of events) ({ state, actions } = step(using, state, event));
  return { state, name: sessionState(state), actions, told: actions.map(words) };
}
/** An action in a few words; timers apart, which the model test has. */
function words(action: Action): string {
  if (action.kind === 'send') {
    const { message: sent, connection } = action;
    return sent.type === 'notification'
      ? `${connection}: ${sent.code}/${sent.subcode}`
      : `${connection}: ${sent.type}`;
  }
  if (action.kind === 'ended') return `ended ${action.end.connection} ${action.end.cause}`;
  if (action.kind === 'arm') return `arm ${action.timer} ${action.seconds}`;
  if (action.kind === 'arm-connection') return `arm ${action.connection} ${action.timer} ${action.seconds}`;
  if (action.kind === 'disarm') return `disarm ${action.timer}`;
  if (action.kind === 'disarm-connection') return `disarm ${action.connection} ${action.timer}`;
  if (action.kind === 'abort-connect') return action.late ? 'abort-connect late' : 'abort-connect';
  return 'connection' in action ? `${action.kind} ${action.connection}` : action.kind;
}

const connected: MachineEvent = { kind: 'connected', connection: 1 };
const accepted: MachineEvent = { kind: 'accepted', connection: 2 };
const toActive = [start, { kind: 'connect-failed' }] as const;
const toOpenSent = [start, connected];
const toOpenConfirm = [...toOpenSent, message(1, peerOpen)];
const toEstablished = [...toOpenConfirm, message(1, keepalive)];
const paths = {
  idle: [],
  connect: [start],
  active: toActive,
  'open-sent': toOpenSent,
  'open-confirm': toOpenConfirm,
  established: toEstablished,
} as const;
const stop: MachineEvent = { kind: 'stop', reason: 'shutdown', communication: 'works', restart: false };
const closed: MachineEvent = { kind: 'closed', connection: 1, reason: 'gone' };
const hold: MachineEvent = { kind: 'connection-timer', connection: 1, timer: 'hold' };
const keepaliveTimer: MachineEvent = { kind: 'connection-timer', connection: 1, timer: 'keepalive' };
const retry: MachineEvent = { kind: 'peer-timer', timer: 'connect-retry' };
const update: Message = {
  type: 'update',
  attributes: undefined,
  announced: undefined,
  withdrawn: [],
  endOfRib: 'vpnv4',
  problems: [],
};
const notified: Message = { type: 'notification', code: 6, subcode: 4, data: new Uint8Array(0) };
const collided: Message = { type: 'notification', code: 6, subcode: 7, data: new Uint8Array(0) };
const malformed: MachineEvent = {
  kind: 'malformed',
  connection: 1,
  notification: { type: 'notification', code: 1, subcode: 1, data: new Uint8Array(0) },
  reason: 'out of step',
};

/** State, event, state after it, what is told besides timers. */
const table: readonly [keyof typeof paths, string, MachineEvent, string, readonly string[]][] = [
  ['idle', 'start', start, 'connect', ['connect']],
  ['idle', 'accepted', accepted, 'idle', ['close 2', 'ended 2 refused']],
  ['idle', 'stop', stop, 'idle', []],
  ['idle', 'late connect-retry', retry, 'idle', []],
  ['connect', 'start again', start, 'connect', []],
  ['connect', 'connected', connected, 'open-sent', ['1: open']],
  ['connect', 'failed', { kind: 'connect-failed' }, 'active', []],
  ['connect', 'too long', retry, 'active', ['abort-connect late']],
  ['connect', 'accepted', accepted, 'open-sent', ['2: open']],
  ['connect', 'stop', stop, 'idle', ['abort-connect']],
  ['active', 'retry', retry, 'connect', ['connect']],
  ['active', 'accepted', accepted, 'open-sent', ['2: open']],
  ['active', 'late connected', connected, 'active', ['close 1']],
  ['active', 'stop', stop, 'idle', []],
  ['open-sent', 'OPEN', message(1, peerOpen), 'open-confirm', ['use-codec 1', '1: keepalive']],
  [
    'open-sent',
    'KEEPALIVE',
    message(1, keepalive),
    'idle',
    ['1: 5/1', 'close 1', 'ended 1 notification-sent'],
  ],
  ['open-sent', 'UPDATE', message(1, update), 'idle', ['1: 5/1', 'close 1', 'ended 1 notification-sent']],
  ['open-sent', 'NOTIFICATION', message(1, notified), 'idle', ['close 1', 'ended 1 notification-received']],
  ['open-sent', 'collision', message(1, collided), 'active', ['close 1', 'ended 1 collision']],
  ['open-sent', 'closed', closed, 'active', ['close 1', 'ended 1 lost']],
  ['open-sent', 'hold', hold, 'idle', ['1: 4/0', 'close 1', 'ended 1 notification-sent']],
  ['open-sent', 'malformed', malformed, 'idle', ['1: 1/1', 'close 1', 'ended 1 notification-sent']],
  ['open-sent', 'stop', stop, 'idle', ['1: 6/2', 'close 1', 'ended 1 notification-sent']],
  ['open-confirm', 'KEEPALIVE', message(1, keepalive), 'established', ['up 1']],
  ['open-confirm', 'OPEN', message(1, peerOpen), 'idle', ['1: 5/2', 'close 1', 'ended 1 notification-sent']],
  ['open-confirm', 'UPDATE', message(1, update), 'idle', ['1: 5/2', 'close 1', 'ended 1 notification-sent']],
  [
    'open-confirm',
    'NOTIFICATION',
    message(1, notified),
    'idle',
    ['close 1', 'ended 1 notification-received'],
  ],
  ['open-confirm', 'closed', closed, 'idle', ['close 1', 'ended 1 lost']],
  ['open-confirm', 'hold', hold, 'idle', ['1: 4/0', 'close 1', 'ended 1 notification-sent']],
  ['open-confirm', 'late connected', { kind: 'connected', connection: 3 }, 'open-confirm', ['close 3']],
  ['open-confirm', 'keepalive timer', keepaliveTimer, 'open-confirm', ['1: keepalive']],
  ['open-confirm', 'stop', stop, 'idle', ['1: 6/2', 'close 1', 'ended 1 notification-sent']],
  ['established', 'UPDATE', message(1, update), 'established', ['deliver 1']],
  ['established', 'KEEPALIVE', message(1, keepalive), 'established', []],
  ['established', 'OPEN', message(1, peerOpen), 'idle', ['1: 5/3', 'close 1', 'ended 1 notification-sent']],
  ['established', 'NOTIFICATION', message(1, notified), 'idle', ['close 1', 'ended 1 notification-received']],
  ['established', 'closed', closed, 'idle', ['close 1', 'ended 1 lost']],
  ['established', 'hold', hold, 'idle', ['1: 4/0', 'close 1', 'ended 1 notification-sent']],
  [
    'established',
    'send hold',
    { ...hold, timer: 'send-hold' },
    'idle',
    ['1: 8/0', 'close 1', 'ended 1 notification-sent'],
  ],
  ['established', 'keepalive timer', keepaliveTimer, 'established', ['1: keepalive']],
  ['established', 'malformed', malformed, 'idle', ['1: 1/1', 'close 1', 'ended 1 notification-sent']],
  ['established', 'stop', stop, 'idle', ['1: 6/2', 'close 1', 'ended 1 notification-sent']],
  ['established', 'start', start, 'established', []],
  ['established', 'accepted', accepted, 'established', ['2: open']],
];

test.each(table)('in %s, %s', (from, _name, event, to, told) => {
  const after = run([...paths[from], event]);
  expect(after.name).toBe(to);
  expect(after.told.filter((action) => !/arm/.test(action))).toEqual(told);
});

describe('OPEN', () => {
  const answered = (open: Partial<OpenMessage>, using = configuration) =>
    run([start, connected, message(1, { ...peerOpen, ...open })], using).told.find((told) =>
      /^1: \d/.test(told),
    );
  test('of another AS is refused by 2/2', () => expect(answered({ as: 65_001 })).toBe('1: 2/2'));
  test('with our own identifier is refused by 2/3, of another AS not', () => {
    expect(answered({ identifier: configuration.identifier })).toBe('1: 2/3');
    const external = configured({ peerAs: 65_001 });
    expect(answered({ identifier: configuration.identifier, as: 65_001 }, external)).toBeUndefined();
  });
  test('without a family is refused by 2/7 where that is required, and told which', () => {
    const without = { capabilities: peerOpen.capabilities.filter(({ kind }) => kind !== 'multiprotocol') };
    expect(answered(without)).toBeUndefined();
    const required = configured({ requiredFamilies: ['rtc'] });
    expect(answered(without, required)).toBe('1: 2/7');
    const { actions } = run([start, connected, message(1, { ...peerOpen, ...without })], required);
    const sent = actions.find((action) => action.kind === 'send');
    expect(sent).toMatchObject({ message: { data: Uint8Array.of(1, 4, 0, 1, 0, 132) } });
  });
  test('the lesser hold time holds, a third of it between KEEPALIVEs, and 0 means none', () => {
    const timers = (holdTime: number) =>
      run([start, connected, message(1, { ...peerOpen, holdTime })]).told.filter((told) =>
        /arm 1/.test(told),
      );
    expect(timers(30)).toEqual(['arm 1 hold 30', 'arm 1 keepalive 10']);
    expect(timers(180)).toEqual(['arm 1 hold 90', 'arm 1 keepalive 30']);
    expect(timers(0)).toEqual(['disarm 1 hold']);
  });
});

describe('collision', () => {
  const both: MachineEvent[] = [start, accepted, connected];
  const from = (identifier: typeof higher) => ({ ...peerOpen, identifier });
  test.each([
    ['on the outgoing one, ours higher', 1, lower, 'ended 2 collision', 1],
    ['on the incoming one, ours higher', 2, lower, 'ended 2 collision', 1],
    ['on the incoming one, ours lower', 2, higher, 'ended 1 collision', 2],
  ] as const)('OPEN %s', (_name, on, identifier, ended, left) => {
    const after = run([...both, message(on, from(identifier))]);
    expect(after.told).toContain(ended);
    expect(after.told.some((told) => /: 6\/7/.test(told))).toBe(true);
    expect(after.state.connections.map(({ id }) => id)).toEqual([left]);
    const state = on === left ? 'open-confirm' : 'open-sent';
    expect(after.name).toBe(state);
  });
  test('an OPEN on the outgoing one, ours lower, decides nothing until the other has its OPEN', () => {
    const events = [...both, message(1, from(higher))];
    const undecided = run(events).state.connections;
    expect(undecided.map(({ state }) => state).sort()).toEqual(['open-confirm', 'open-sent']);
    const after = run([...events, message(2, from(higher))]);
    expect(after.told).toContain('ended 1 collision');
    expect(after.state.connections.map(({ id }) => id)).toEqual([2]);
  });
  test.each([
    ['ours higher', lower, 1],
    ['ours lower', higher, 2],
  ] as const)('with one in OpenConfirm, %s', (_name, identifier, left) => {
    const late = run([
      start,
      connected,
      message(1, from(identifier)),
      accepted,
      message(2, from(identifier)),
    ]);
    expect(late.state.connections.map(({ id }) => id)).toEqual([left]);
    expect(late.name).toBe('open-confirm');
  });
  test.each([
    [65_001, 'ended 1 collision'],
    [64_999, 'ended 2 collision'],
  ])('with equal identifiers the higher AS decides (RFC 6286), ours against %d', (as, ended) => {
    const open = { ...peerOpen, identifier: configuration.identifier, as };
    const using = configured({ peerAs: as });
    const after = run([start, connected, message(1, open), accepted, message(2, open)], using);
    expect(after.told).toContain(ended);
  });
  test('the one that is kept and has said nothing has a short time to', () => {
    expect(run([...both, message(2, from(lower))]).told).toContain('arm 1 hold 15');
  });
  test('beside an established one the new one ends', () => {
    const after = run([...toEstablished, accepted, message(2, peerOpen)]);
    expect(after.told).toEqual(['2: 6/7', 'close 2', 'ended 2 collision']);
    expect(after.name).toBe('established');
  });
  test('a peer with graceful restart that comes anew replaces its session where that has lasted', () => {
    const using = configured({ gracefulRestart: graceful });
    const open = localOpen(configured({ identifier: higher, gracefulRestart: graceful }));
    const young = [start, connected, message(1, open), message(1, keepalive), accepted];
    expect(run([...young, message(2, open)], using).told).toContain('ended 2 collision');
    const up: MachineEvent[] = [...young, { kind: 'peer-timer', timer: 'stable' }];
    expect(run(up, using).name).toBe('established');
    const after = run([...up, message(2, open)], using);
    expect(after.told).toContain('ended 1 replaced');
    const end = after.actions.find((action) => action.kind === 'ended')?.end;
    expect(end?.retention).toEqual({ time: 120, families: ['vpnv4'], longLived: [] });
    expect(after.name).toBe('open-confirm');
  });
  test('a second connection of the peer replaces one that is not established', () => {
    const after = run([start, accepted, { kind: 'accepted', connection: 3 }]);
    expect(after.state.connections.map(({ id }) => id)).toEqual([3]);
  });
});

describe('ends', () => {
  const using = configured({
    gracefulRestart: graceful,
    longLived: [{ family: 'vpnv4', forwarding: true, time: 3600 }],
  });
  const theirs = localOpen({ ...using, identifier: higher });
  const bare: OpenMessage = {
    ...theirs,
    capabilities: theirs.capabilities.map((one) =>
      one.kind === 'graceful-restart' ? { ...one, notification: false } : one,
    ),
  };
  const alone: OpenMessage = {
    ...theirs,
    capabilities: theirs.capabilities.map((one) =>
      one.kind === 'graceful-restart' ? { ...one, families: [] } : one,
    ),
  };
  const end = (open: OpenMessage, event: MachineEvent) =>
    run([start, connected, message(1, open), message(1, keepalive), event], using).actions.find(
      (action) => action.kind === 'ended',
    )?.end;
  const kept = { time: 120, families: ['vpnv4'], longLived: [{ family: 'vpnv4', time: 3600 }] };
  const hard: Message = { type: 'notification', code: 6, subcode: 9, data: Uint8Array.of(6, 4) };
  test.each([
    ['a lost connection', bare, closed, kept],
    ['a NOTIFICATION', bare, message(1, notified), undefined],
    ['a NOTIFICATION with RFC 8538', theirs, message(1, notified), kept],
    ['a hard reset', theirs, message(1, hard), undefined],
    ['hold time over', bare, hold, undefined],
    ['hold time over with RFC 8538', theirs, hold, kept],
    ['our shutdown', theirs, stop, undefined],
    ['no graceful restart', peerOpen, closed, undefined],
    ['long-lived alone', alone, closed, { ...kept, families: [] }],
  ])('what is kept after %s', (_name, open, event, retention) => {
    const ended = end(open, event);
    expect(ended?.established).toBe(true);
    expect(ended?.retention).toEqual(retention);
  });
  test('a shutdown says what the operator wrote, and is a hard reset where both keep routes', () => {
    const text = new TextEncoder().encode('works');
    expect(end(bare, stop)?.notification).toEqual({
      type: 'notification',
      code: 6,
      subcode: 2,
      data: Uint8Array.of(5, ...text),
    });
    expect(end(theirs, stop)?.notification).toMatchObject({
      subcode: 9,
      data: Uint8Array.of(6, 2, 5, ...text),
    });
  });
  test('a communication is cut between characters', () => {
    const long: MachineEvent = {
      kind: 'stop',
      reason: 'reset',
      communication: 'ä'.repeat(200),
      restart: true,
    };
    const told = end(bare, long)?.notification;
    expect([told?.subcode, told?.data[0], told?.data.length]).toEqual([4, 254, 255]);
  });
});

describe('waiting', () => {
  test('attempts wait longer with each that fails, to a bound', () => {
    const failures = [5, 10, 20, 40, 80, 120, 120];
    const events: MachineEvent[] = [start];
    for (const seconds of failures) {
      events.push({ kind: 'connect-failed' });
      expect(run(events).told).toEqual([`arm connect-retry ${seconds}`]);
      events.push(retry);
    }
  });
  test('errors wait longer with each, are refused then, and forgotten after a session that lasts', () => {
    const again: MachineEvent = { kind: 'peer-timer', timer: 'idle-hold' };
    const events: MachineEvent[] = [...toEstablished, closed];
    for (const seconds of [2, 4, 8]) {
      expect(run(events).told).toContain(`arm idle-hold ${seconds}`);
      expect(run([...events, accepted]).told.includes('ended 2 refused')).toBe(seconds > 4);
      events.push(again, ...toEstablished.slice(1), closed);
    }
    events.splice(-1, 1, { kind: 'peer-timer', timer: 'stable' }, closed);
    expect(run(events).told).toContain('arm idle-hold 2');
  });
  test('a passive peer never connects', () => {
    const using = configured({ passive: true });
    expect(run([start], using)).toMatchObject({ name: 'active', told: [] });
    expect(run([start, accepted, { ...closed, connection: 2 }], using)).toMatchObject({ name: 'active' });
  });
  test('a reset begins anew after idle hold', () => {
    const after = run([...toEstablished, { ...stop, reason: 'reset', restart: true }]);
    expect(after.told).toContain('arm idle-hold 2');
    expect(after.told).toContain('1: 6/4');
  });
  test('while nothing is read, silence does not count', () => {
    const paused: MachineEvent = { kind: 'paused', connection: 1 };
    expect(run([...toEstablished, paused]).told).toEqual(['disarm 1 hold']);
    expect(run([...toEstablished, paused, message(1, keepalive)]).told).toEqual([]);
    expect(run([...toEstablished, paused, { kind: 'resumed', connection: 1 }]).told).toEqual([
      'arm 1 hold 90',
    ]);
  });
  test('a peer that takes nothing has the send hold time, at least twice the hold time', () => {
    const waiting: MachineEvent = { kind: 'output', connection: 1, progress: 'waiting' };
    expect(run([...toEstablished, waiting]).told).toEqual(['arm 1 send-hold 480']);
    const short = configured({ times: { ...configuration.times, sendHold: 1 } });
    expect(run([...toEstablished, waiting], short).told).toEqual(['arm 1 send-hold 180']);
    expect(run([...toEstablished, waiting, { ...waiting, progress: 'drained' }]).told).toEqual([
      'disarm 1 send-hold',
    ]);
  });
  test('begin and end of ROUTE-REFRESH mean nothing unless both speak RFC 7313', () => {
    const capabilities = peerOpen.capabilities.filter(({ kind }) => kind !== 'enhanced-route-refresh');
    const up = [start, connected, message(1, { ...peerOpen, capabilities }), message(1, keepalive)];
    const refresh: Message = { type: 'route-refresh', family: 'vpnv4', kind: 'request' };
    expect(run([...up, message(1, refresh)]).told).toContain('deliver 1');
    expect(run([...up, message(1, { ...refresh, kind: 'end' })]).told).not.toContain('deliver 1');
  });
  test('ROUTE-REFRESH of a family that both speak is handed up', () => {
    const refresh: Message = { type: 'route-refresh', family: 'vpnv4', kind: 'begin' };
    expect(run([...toEstablished, message(1, refresh)]).told).toContain('deliver 1');
    const other: Message = { ...refresh, family: { afi: 1, safi: 1 } };
    expect(run([...toEstablished, message(1, other)]).told).not.toContain('deliver 1');
  });
});
