// Connection collision (RFC 4271 section 6.8): of two connections to a peer, which one stays. Owns the choice, made when an OPEN that is
// otherwise right has come. Times are seconds.
//
// Beyond the RFC, the side with the higher identifier decides as soon as it has made its own connection and knows the peer by an OPEN on the
// other, and never says KEEPALIVE on that: so the peer cannot be established on what is about to be closed. The side with the lower identifier
// waits for the OPEN on the connection that stays, since an attempt that the peer has given up looks the same until it is closed.
import { addressToBytes, type IpAddress } from '@hostpe/net';
import { read32 } from '../codec/bytes.ts';
import type { OpenMessage } from '../messages.ts';
import type { SessionConfiguration } from './configuration.ts';
import type { Draft } from './draft.ts';
import { collisionSubcode, notification } from './ends.ts';
import type { ConnectionState, Direction } from './machine-types.ts';

/** Ends the connections that lose. @returns whether the one on which the OPEN came is left. */
export function survives(draft: Draft, connection: ConnectionState, open: OpenMessage): boolean {
  const keep = kept(draft.configuration, open);
  for (const other of draft.connections) {
    if (other.id === connection.id) continue;
    if (other.state === 'established') {
      if (!restarted(connection, other)) {
        refuse(draft, connection, 'a session is established');
        return false;
      }
      // The peer has restarted, and its NOTIFICATION or FIN was lost (RFC 4724 section 5). Not at the bare connection, as there:
      // one that never says OPEN should end no session. Nor of a young session: where both connected at once, the OPEN of the
      // connection that lost can be read after the KEEPALIVE of the one that stays.
      const reason = 'the peer restarted and connected anew';
      draft.end(other, { cause: 'replaced', reason, notification: undefined }, false);
    } else if (other.direction === connection.direction || connection.direction === keep) {
      refuse(draft, other, `the ${keep} one is kept`);
    } else if (other.state !== 'open-sent' || keep === 'outgoing') {
      refuse(draft, connection, `the ${keep} one is kept`);
      if (other.state === 'open-sent' && !other.paused)
        draft.armHold(other.id, draft.configuration.times.collision);
      return false;
    }
  }
  return true;
}

function restarted(connection: ConnectionState, old: ConnectionState): boolean {
  const kept = old.negotiated?.gracefulRestart?.families ?? [];
  return old.lasted && connection.direction === 'incoming' && kept.length > 0;
}

function refuse(draft: Draft, connection: ConnectionState, why: string): void {
  const reason = `connection collision: ${why}`;
  draft.end(
    connection,
    { cause: 'collision', reason, notification: notification(6, collisionSubcode) },
    false,
  );
}

/** The one that the speaker with the higher identifier made, or with equal ones that of the higher AS (RFC 6286 section 2.3). */
function kept({ identifier, localAs }: SessionConfiguration, open: OpenMessage): Direction {
  const difference = number(identifier) - number(open.identifier) || localAs - open.as;
  return difference > 0 ? 'outgoing' : 'incoming';
}

function number(identifier: IpAddress): number {
  return read32(addressToBytes(identifier), 0);
}
