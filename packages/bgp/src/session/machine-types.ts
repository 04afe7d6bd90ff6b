// State, events and actions of the session state machine (RFC 4271 section 8). Types only. Times are seconds.
import type { CodecOptions } from '../codec/options.ts';
import type {
  Family,
  Message,
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  UpdateMessage,
} from '../messages.ts';
import type { Negotiated } from './negotiation.ts';

/**
 * How the session looks for a connection. `idle`: not at all; `idle-hold`: an error is being waited out; `connect`: an attempt is under way;
 * `active`: between attempts, or waiting for the peer's; `resting`: there is one that makes another needless.
 */
export type Search = 'idle' | 'idle-hold' | 'connect' | 'active' | 'resting';

export interface MachineState {
  readonly search: Search;
  /** At most one established; of the others at most one of each direction. */
  readonly connections: readonly ConnectionState[];
  /** Attempts in a row that came to nothing. */
  readonly connectFailures: number;
  /** Errors that no lasting session has made good. */
  readonly flaps: number;
}

export type ConnectionState = {
  readonly id: number;
  readonly direction: Direction;
  readonly paused: boolean;
  /** Established for so long that no connection of its beginning can still be on the way. */
  readonly lasted: boolean;
} & (
  | { readonly state: 'open-sent'; readonly negotiated: undefined }
  | { readonly state: 'open-confirm' | 'established'; readonly negotiated: Negotiated }
);

/** `outgoing`: we connected. */
export type Direction = 'outgoing' | 'incoming';

export type PeerTimer = 'connect-retry' | 'idle-hold' | 'stable';
export type ConnectionTimer = 'hold' | 'keepalive' | 'send-hold';

/** Why this side ends a session, by RFC 4486's subcodes. */
export type CeaseReason =
  | 'prefix-limit'
  | 'shutdown'
  | 'deconfigured'
  | 'reset'
  | 'configuration-change'
  | 'out-of-resources';

/** `connection` is a number that the driver gives each connection once. */
export type MachineEvent =
  | { readonly kind: 'start' }
  /** Ends every connection; `restart`: and looks for a new one after idle hold. `communication` is for the peer's operator (RFC 9003). */
  | {
      readonly kind: 'stop';
      readonly reason: CeaseReason;
      readonly communication: string | undefined;
      readonly restart: boolean;
    }
  | { readonly kind: 'peer-timer'; readonly timer: PeerTimer }
  | { readonly kind: 'connected'; readonly connection: number }
  | { readonly kind: 'connect-failed' }
  | { readonly kind: 'accepted'; readonly connection: number }
  | ConnectionEvent;

export type ConnectionEvent = { readonly connection: number } & (
  | { readonly kind: 'connection-timer'; readonly timer: ConnectionTimer }
  | { readonly kind: 'message'; readonly message: Message }
  /** What came has no meaning: the NOTIFICATION that says so is to be sent. */
  | { readonly kind: 'malformed'; readonly notification: NotificationMessage; readonly reason: string }
  | { readonly kind: 'closed'; readonly reason: string }
  /** Of what was written: some waits; the peer took some; it took all. */
  | { readonly kind: 'output'; readonly progress: 'waiting' | 'moving' | 'drained' }
  /** Nothing is read: our own doing, so the peer's silence has no meaning. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
);

/** What the driver is to do, in order. */
export type Action =
  | { readonly kind: 'connect' }
  /** `late`: it took too long, which an operator is told. */
  | { readonly kind: 'abort-connect'; readonly late: boolean }
  /** Sets a timer, in place of the same one if it is set. `jitter`: to 75 to 100 % of the seconds (RFC 4271 section 10). */
  | { readonly kind: 'arm'; readonly timer: PeerTimer; readonly seconds: number; readonly jitter: boolean }
  | { readonly kind: 'disarm'; readonly timer: PeerTimer }
  | {
      readonly kind: 'arm-connection';
      readonly connection: number;
      readonly timer: ConnectionTimer;
      readonly seconds: number;
      readonly jitter: boolean;
    }
  | { readonly kind: 'disarm-connection'; readonly connection: number; readonly timer: ConnectionTimer }
  | {
      readonly kind: 'send';
      readonly connection: number;
      readonly message: OpenMessage | NotificationMessage | { readonly type: 'keepalive' };
    }
  | { readonly kind: 'use-codec'; readonly connection: number; readonly options: CodecOptions }
  /** What was sent before still goes out. The connection's timers end with it. */
  | { readonly kind: 'close'; readonly connection: number }
  | { readonly kind: 'up'; readonly connection: number; readonly negotiated: Negotiated }
  | {
      readonly kind: 'deliver';
      readonly connection: number;
      readonly message: UpdateMessage | RouteRefreshMessage;
    }
  /** A connection ended, or was refused. */
  | { readonly kind: 'ended'; readonly end: ConnectionEnd };

export interface ConnectionEnd {
  readonly connection: number;
  /** It was the session: what it brought is void, but for what `retention` says. */
  readonly established: boolean;
  /** `collision`: another connection to the same peer was preferred. `replaced`: the peer restarted and connected anew. */
  readonly cause:
    | 'notification-sent'
    | 'notification-received'
    | 'lost'
    | 'collision'
    | 'replaced'
    | 'refused';
  /** For an operator; begins in lower case and names no peer. */
  readonly reason: string;
  /** The one that was sent or received. */
  readonly notification: NotificationMessage | undefined;
  /** Undefined: nothing that the peer announced is to be kept. */
  readonly retention: Retention | undefined;
}

/** What is to be kept as stale while the peer is away (RFC 4724 section 4.2, RFC 9494 section 4.2). */
export interface Retention {
  /** Until a session is there again. */
  readonly time: number;
  readonly families: readonly Family[];
  /** How much longer, as long-lived stale; from the end on where a family is not among the others (RFC 9494 section 4.2). */
  readonly longLived: readonly { readonly family: Family; readonly time: number }[];
}
