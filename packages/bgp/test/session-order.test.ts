// In which order a session tells things where its listener calls it in between.
import { parseIpAddress } from '@hostpe/net';
import { expect, test } from 'vitest';
import { encodeMessage, initialOptions, Session, type Wire, type WireEvents } from '../src/index.ts';
import { localOpen } from '../src/session/negotiation.ts';
import { configured, ManualClock } from './session-values.ts';

test('a session that is ended as it comes up is told up before it is told down', () => {
  const told: string[] = [];
  const clock = new ManualClock();
  const session = new Session({
    configuration: configured({ passive: true }),
    clock,
    random: () => 1,
    dialer: { dial: () => () => undefined },
    listener: {
      up: () => {
        session.stop('shutdown');
        told.push('up');
      },
      down: () => told.push('down'),
      message: () => undefined,
      drained: () => undefined,
      changed: (state) => told.push(state),
      failed: () => undefined,
    },
  });
  let events: WireEvents | undefined;
  const written: Uint8Array[] = [];
  const wire: Wire = {
    description: 'test',
    waiting: 0,
    start: (given) => {
      events = given;
    },
    write: (bytes) => written.push(bytes),
    writeLast: (bytes) => written.push(bytes),
    pause: () => undefined,
    resume: () => undefined,
    finish: () => told.push('closed'),
  };
  session.start();
  session.accept(wire);
  const open = localOpen(configured({ identifier: parseIpAddress('192.0.2.9') }));
  events?.received(encodeMessage(open, initialOptions));
  events?.received(encodeMessage({ type: 'keepalive' }, initialOptions));
  expect(told).toEqual([
    'active',
    'open-sent',
    'open-confirm',
    'up',
    'established',
    'closed',
    'down',
    'idle',
  ]);
  expect(written.map((bytes) => bytes[18])).toEqual([1, 4, 3]);
  expect(clock.pending).toBe(0);
});
