// What each message but NOTIFICATION does in each state of a connection (RFC 4271 section 8.2.2). Times are seconds.
import { BgpError } from '../error.ts';
import type { Message, OpenMessage } from '../messages.ts';
import { notificationText } from '../notification-texts.ts';
import { survives } from './collision.ts';
import type { Draft } from './draft.ts';
import { notification } from './ends.ts';
import type { ConnectionState } from './machine-types.ts';
import { type Negotiated, negotiate } from './negotiation.ts';

type Received = Exclude<Message, { readonly type: 'notification' }>;

/** Subcodes of RFC 6608. */
const unexpectedIn = { 'open-sent': 1, 'open-confirm': 2, established: 3 } as const;

export function receive(draft: Draft, connection: ConnectionState, message: Received): void {
  if (connection.state === 'open-sent' && message.type === 'open') opened(draft, connection, message);
  else if (connection.state === 'open-confirm' && message.type === 'keepalive')
    established(draft, connection);
  else if (connection.state !== 'established' || message.type === 'open')
    unexpected(draft, connection, message);
  else inSession(draft, connection, connection.negotiated, message);
}

function inSession(
  draft: Draft,
  connection: ConnectionState,
  negotiated: Negotiated,
  message: Exclude<Received, { readonly type: 'open' }>,
): void {
  restartHold(draft, connection, negotiated);
  if (message.type === 'update') {
    draft.actions.push({ kind: 'deliver', connection: connection.id, message });
  } else if (message.type === 'route-refresh') {
    // RFC 2918 section 4: of a family that was not agreed on it is ignored; begin and end come only after both have said so (RFC 7313).
    const known = negotiated.families.some((family) => family === message.family);
    if (known && (message.kind === 'request' || negotiated.enhancedRouteRefresh))
      draft.actions.push({ kind: 'deliver', connection: connection.id, message });
  }
}

function restartHold(draft: Draft, { id, paused }: ConnectionState, { holdTime }: Negotiated): void {
  if (holdTime > 0 && !paused) draft.armHold(id, holdTime);
}

function unexpected(draft: Draft, connection: ConnectionState, { type }: Received): void {
  const told = notification(5, unexpectedIn[connection.state]);
  const reason = `${notificationText(told)}: ${type}`;
  draft.end(connection, { cause: 'notification-sent', reason, notification: told }, true);
}

function opened(draft: Draft, connection: ConnectionState, open: OpenMessage): void {
  const negotiated = negotiate(draft.configuration, open);
  if (negotiated instanceof BgpError) {
    const { notification: told, message } = negotiated;
    const reason = told === undefined ? message : `${notificationText(told)}: ${message}`;
    draft.end(connection, { cause: 'notification-sent', reason, notification: told }, true);
    return;
  }
  if (!survives(draft, connection, open)) return;
  const { id, direction, paused } = connection;
  draft.reached();
  draft.rest();
  draft.change({ id, direction, paused, lasted: false, state: 'open-confirm', negotiated });
  draft.actions.push({ kind: 'use-codec', connection: id, options: negotiated.codec });
  draft.actions.push({ kind: 'send', connection: id, message: { type: 'keepalive' } });
  const { holdTime, keepaliveTime } = negotiated;
  if (holdTime === 0) {
    draft.actions.push({ kind: 'disarm-connection', connection: id, timer: 'hold' });
    return;
  }
  restartHold(draft, connection, negotiated);
  draft.actions.push({
    kind: 'arm-connection',
    connection: id,
    timer: 'keepalive',
    seconds: keepaliveTime,
    jitter: true,
  });
}

function established(
  draft: Draft,
  { id, direction, paused, negotiated }: Exclude<ConnectionState, { readonly state: 'open-sent' }>,
): void {
  const connection: ConnectionState = {
    id,
    direction,
    paused,
    lasted: false,
    state: 'established',
    negotiated,
  };
  draft.change(connection);
  restartHold(draft, connection, negotiated);
  const seconds = draft.configuration.times.idleMost;
  draft.actions.push({ kind: 'arm', timer: 'stable', seconds, jitter: false });
  draft.actions.push({ kind: 'up', connection: id, negotiated });
}
