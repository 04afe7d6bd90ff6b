// Two state machines that connect to each other at once, over a network that delivers in any order between connections: whatever the order, they
// agree on one connection, and no session ends. No timer is needed for it.

import { parseIpAddress } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SessionConfiguration } from '../src/index.ts';
import { initialState, step } from '../src/session/machine.ts';
import type { MachineEvent, MachineState } from '../src/session/machine-types.ts';
import { configured, graceful } from './session-values.ts';

interface Side {
  readonly configuration: SessionConfiguration;
  /** The number of the connection that this side makes, on both sides. */
  readonly own: number;
  state: MachineState;
  sessions: number;
  ended: number;
}

/** Events that come in order; nothing comes before `ready` (the other end's socket is not there yet). */
interface Queue {
  readonly to: Side;
  readonly events: MachineEvent[];
  ready: boolean;
}

function network(configurations: readonly [SessionConfiguration, SessionConfiguration]) {
  const [a, b] = configurations.map((configuration, at): Side => {
    return { configuration, own: at + 1, state: initialState, sessions: 0, ended: 0 };
  }) as [Side, Side];
  const other = (side: Side) => (side === a ? b : a);
  const queues: Queue[] = [];
  const channels = new Map<string, Queue>();
  const channel = (to: Side, connection: number): Queue => {
    const name = `${to.own} ${connection}`;
    const queue = channels.get(name) ?? { to, events: [], ready: false };
    if (!channels.has(name)) queues.push(queue);
    channels.set(name, queue);
    return queue;
  };
  const work = (side: Side, event: MachineEvent): void => {
    if (event.kind === 'connected' || event.kind === 'accepted') channel(side, event.connection).ready = true;
    const { state, actions } = step(side.configuration, side.state, event);
    side.state = state;
    for (const action of actions) {
      if (action.kind === 'connect') {
        queues.push({ to: side, events: [{ kind: 'connected', connection: side.own }], ready: true });
        queues.push({ to: other(side), events: [{ kind: 'accepted', connection: side.own }], ready: true });
      } else if (action.kind === 'abort-connect') {
        for (const { to, events } of queues) if (to === side && events[0]?.kind === 'connected') events.pop();
        channel(other(side), side.own).events.push({ kind: 'closed', connection: side.own, reason: 'test' });
      } else if (action.kind === 'send') {
        const { connection, message } = action;
        channel(other(side), connection).events.push({ kind: 'message', connection, message });
      } else if (action.kind === 'close') {
        const { connection } = action;
        channel(other(side), connection).events.push({ kind: 'closed', connection, reason: 'test' });
      } else if (action.kind === 'up') side.sessions++;
      else if (action.kind === 'ended' && action.end.established) side.ended++;
    }
  };
  return { a, b, queues, work };
}

test('two that connect at once agree on one connection', () => {
  const kept = new Set<number | undefined>();
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), fc.infiniteStream(fc.nat(1000)), (restart, higher, choices) => {
      const gracefulRestart = restart ? graceful : undefined;
      const identifier = parseIpAddress(higher ? '192.0.2.0' : '192.0.2.2');
      const { a, b, queues, work } = network([
        configured({ gracefulRestart }),
        configured({ gracefulRestart, identifier }),
      ]);
      work(a, { kind: 'start' });
      work(b, { kind: 'start' });
      for (;;) {
        const waiting = queues.filter(({ ready, events }) => ready && events.length > 0);
        const queue = waiting[choices.next().value % Math.max(1, waiting.length)];
        const event = queue?.events.shift();
        if (queue === undefined || event === undefined) break;
        work(queue.to, event);
      }
      const left = [a, b].map(({ state }) => state.connections.map((one) => [one.id, one.state]));
      expect(left[0]?.map(([, state]) => state)).toEqual(['established']);
      expect(left[1]).toEqual(left[0]);
      expect([a.sessions, b.sessions, a.ended, b.ended]).toEqual([1, 1, 0, 0]);
      kept.add(a.state.connections[0]?.id);
    }),
    { numRuns: 3000 },
  );
  expect([...kept].sort()).toEqual([1, 2]);
});
