// The session state machine (RFC 4271 section 8) of one peer with all its connections, pure: state and event in, state and actions out.
// Owns the transitions; knows no socket, no clock, no route. Beside it: receiving.ts by message, collision.ts, draft.ts with what all transitions keep.
import { notificationText } from '../notification-texts.ts';
import type { SessionConfiguration } from './configuration.ts';
import { Draft } from './draft.ts';
import { cease, isCollision, notification } from './ends.ts';
import type {
  Action,
  ConnectionEvent,
  ConnectionState,
  ConnectionTimer,
  MachineEvent,
  MachineState,
  PeerTimer,
} from './machine-types.ts';
import { receive } from './receiving.ts';

/** RFC 4271 section 8.2.2. */
export type SessionState = 'idle' | 'connect' | 'active' | 'open-sent' | 'open-confirm' | 'established';

export const initialState: MachineState = { search: 'idle', connections: [], connectFailures: 0, flaps: 0 };

/** The state as operators know it: of the connection that is furthest. */
export function sessionState({ search, connections }: MachineState): SessionState {
  for (const state of ['established', 'open-confirm', 'open-sent'] as const)
    if (connections.some((one) => one.state === state)) return state;
  return search === 'connect' || search === 'active' ? search : 'idle';
}

/** Works on one event. An event of a connection or a timer that is no more changes nothing. */
export function step(
  configuration: SessionConfiguration,
  state: MachineState,
  event: MachineEvent,
): { readonly state: MachineState; readonly actions: readonly Action[] } {
  const draft = new Draft(configuration, state);
  switch (event.kind) {
    case 'start':
      if (draft.search === 'idle') draft.look();
      break;
    case 'stop':
      stop(draft, event);
      break;
    case 'peer-timer':
      peerTimer(draft, event.timer);
      break;
    case 'connected':
      connected(draft, event.connection);
      break;
    case 'connect-failed':
      if (draft.search === 'connect') draft.wait();
      break;
    case 'accepted':
      accepted(draft, event.connection);
      break;
    default: {
      const connection = draft.connection(event.connection);
      if (connection !== undefined) connectionEvent(draft, connection, event);
    }
  }
  return draft.result();
}

function stop(draft: Draft, event: MachineEvent & { readonly kind: 'stop' }): void {
  if (draft.search === 'idle') return;
  draft.rest();
  draft.search = 'idle';
  for (const connection of draft.connections) {
    const soft = connection.negotiated?.gracefulRestart?.notification ?? false;
    const told = cease(event.reason, event.communication, soft);
    const reason = `this side ended it: ${notificationText(told)}`;
    draft.end(connection, { cause: 'notification-sent', reason, notification: told }, false);
  }
  if (event.restart) draft.holdIdle(false);
}

function peerTimer(draft: Draft, timer: PeerTimer): void {
  if (timer === 'stable') {
    draft.lasted();
  } else if (timer === 'idle-hold') {
    if (draft.search === 'idle-hold') draft.look();
  } else if (draft.search === 'connect') {
    draft.actions.push({ kind: 'abort-connect', late: true });
    draft.wait();
  } else if (draft.search === 'active' && !draft.configuration.passive) {
    draft.look();
  }
}

function connected(draft: Draft, id: number): void {
  if (draft.search !== 'connect') {
    draft.actions.push({ kind: 'close', connection: id });
    return;
  }
  draft.actions.push({ kind: 'disarm', timer: 'connect-retry' });
  draft.search = 'resting';
  draft.open(id, 'outgoing');
}

/** A connection of the peer's is taken in every state but Idle, also beside an established one: what it is good for shows by its OPEN. */
function accepted(draft: Draft, id: number): void {
  if (draft.search === 'idle' || (draft.search === 'idle-hold' && draft.damped)) {
    const reason =
      draft.search === 'idle'
        ? 'a connection while this side is shut down'
        : 'a connection while errors are waited out';
    draft.actions.push({ kind: 'close', connection: id });
    const end = { connection: id, established: false, cause: 'refused', reason } as const;
    draft.actions.push({ kind: 'ended', end: { ...end, notification: undefined, retention: undefined } });
    return;
  }
  // A peer that connects a second time has lost the first connection, or it would not.
  const before = draft.connections.find((one) => one.direction === 'incoming' && one.state !== 'established');
  draft.open(id, 'incoming');
  if (before !== undefined)
    draft.end(
      before,
      { cause: 'replaced', reason: 'the peer connected anew', notification: undefined },
      false,
    );
}

function connectionEvent(draft: Draft, connection: ConnectionState, event: ConnectionEvent): void {
  const { id, state, negotiated } = connection;
  switch (event.kind) {
    case 'message':
      receiveMessage(draft, connection, event.message);
      break;
    case 'malformed': {
      const { notification: told } = event;
      const reason = `${notificationText(told)}: ${event.reason}`;
      draft.end(connection, { cause: 'notification-sent', reason, notification: told }, true);
      break;
    }
    case 'closed': {
      // RFC 4271 section 8.2.2: in OpenSent the search goes on, later it is an error.
      const error = state !== 'open-sent';
      draft.end(connection, { cause: 'lost', reason: event.reason, notification: undefined }, error);
      break;
    }
    case 'connection-timer':
      connectionTimer(draft, connection, event.timer);
      break;
    case 'output':
      if (event.progress === 'drained')
        draft.actions.push({ kind: 'disarm-connection', connection: id, timer: 'send-hold' });
      else armSendHold(draft, connection);
      break;
    case 'paused':
      if (connection.paused) return;
      draft.change({ ...connection, paused: true });
      draft.actions.push({ kind: 'disarm-connection', connection: id, timer: 'hold' });
      break;
    case 'resumed':
      if (!connection.paused) return;
      draft.change({ ...connection, paused: false });
      if (negotiated === undefined) draft.armHold(id, draft.configuration.times.open);
      else if (negotiated.holdTime > 0) draft.armHold(id, negotiated.holdTime);
  }
}

function receiveMessage(
  draft: Draft,
  connection: ConnectionState,
  message: (ConnectionEvent & { readonly kind: 'message' })['message'],
): void {
  if (message.type !== 'notification') {
    receive(draft, connection, message);
    return;
  }
  const reason = `the peer ended it: ${notificationText(message)}`;
  if (isCollision(message) && connection.state !== 'established')
    draft.end(connection, { cause: 'collision', reason, notification: undefined }, false);
  else draft.end(connection, { cause: 'notification-received', reason, notification: message }, true);
}

function connectionTimer(draft: Draft, connection: ConnectionState, timer: ConnectionTimer): void {
  const { id, negotiated } = connection;
  if (timer === 'keepalive') {
    if (negotiated === undefined) return;
    draft.actions.push({ kind: 'send', connection: id, message: { type: 'keepalive' } });
    armKeepalive(draft, id, negotiated.keepaliveTime);
  } else if (timer === 'hold') {
    const reason = negotiated
      ? `nothing came for the hold time of ${negotiated.holdTime} s`
      : 'no OPEN came in time';
    draft.end(connection, { cause: 'notification-sent', reason, notification: notification(4) }, true);
  } else {
    const reason = `the peer took nothing of what waits for ${sendHold(draft, connection)} s (send hold time)`;
    draft.end(connection, { cause: 'notification-sent', reason, notification: notification(8) }, true);
  }
}

function armKeepalive(draft: Draft, connection: number, seconds: number): void {
  draft.actions.push({ kind: 'arm-connection', connection, timer: 'keepalive', seconds, jitter: true });
}

/** RFC 9687 section 3.1: never before the peer itself would have given up. */
function sendHold(draft: Draft, { negotiated }: ConnectionState): number {
  return Math.max(draft.configuration.times.sendHold, 2 * (negotiated?.holdTime ?? 0));
}

function armSendHold(draft: Draft, connection: ConnectionState): void {
  const seconds = sendHold(draft, connection);
  draft.actions.push({
    kind: 'arm-connection',
    connection: connection.id,
    timer: 'send-hold',
    seconds,
    jitter: false,
  });
}
