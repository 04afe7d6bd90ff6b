// The session with one peer: what carries out what the state machine says, on wires and a clock. Owns connections, timers and the codec's use;
// decides nothing that the machine can decide, and knows no route. Times are seconds, of the clock milliseconds.
import { decodeMessage, encodeMessage } from '../codec/message.ts';
import { MessageReader } from '../codec/message-reader.ts';
import { type CodecOptions, initialOptions } from '../codec/options.ts';
import { BgpError } from '../error.ts';
import type { RouteRefreshMessage, UpdateMessage } from '../messages.ts';
import type { SessionClock } from './clock.ts';
import { checkConfiguration, type SessionConfiguration } from './configuration.ts';
import { initialState, type SessionState, sessionState, step } from './machine.ts';
import type {
  Action,
  CeaseReason,
  ConnectionEnd,
  ConnectionTimer,
  MachineEvent,
  PeerTimer,
} from './machine-types.ts';
import type { Negotiated } from './negotiation.ts';
import { Timers } from './timers.ts';
import type { Dialer, Wire } from './wire.ts';

/** What a session tells. Every call may call the session. */
export interface SessionListener {
  /** @param wire both ends, for logs */
  up(negotiated: Negotiated, wire: string): void;
  /** Follows each `up`, before the next. */
  down(end: ConnectionEnd): void;
  message(message: UpdateMessage | RouteRefreshMessage): void;
  /** `send` has room again after it said that it is full. */
  drained(): void;
  changed(state: SessionState): void;
  /** A connection or an attempt came to nothing; `end` where there was a connection. */
  failed(reason: string, end: ConnectionEnd | undefined): void;
}

export interface SessionParts {
  readonly configuration: SessionConfiguration;
  readonly clock: SessionClock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly dialer: Dialer;
  readonly listener: SessionListener;
}

interface Link {
  readonly wire: Wire;
  readonly reader: MessageReader;
  readonly timers: Timers<ConnectionTimer>;
  options: CodecOptions;
  paused: boolean;
  reading: boolean;
  /** Seconds to set the hold timer to when what has come is read: once for all of it. */
  hold: number | undefined;
}

/** Octets that wait: from the first number on `send` says that it is full, below the second there is room again. */
const full = 1 << 20;
const roomy = 1 << 18;

const unanswered = 'no answer to our connection in time; another TCP-MD5 key looks like this, too';

export class Session {
  readonly #parts: SessionParts;
  readonly #links = new Map<number, Link>();
  readonly #timers: Timers<PeerTimer>;
  readonly #events: MachineEvent[] = [];
  #configuration: SessionConfiguration;
  #state = initialState;
  #abortDial: (() => void) | undefined;
  #connections = 0;
  #working = false;
  #established: number | undefined;
  #full = false;

  /** @throws BgpError `configuration` */
  constructor(parts: SessionParts) {
    checkConfiguration(parts.configuration);
    this.#parts = parts;
    this.#configuration = parts.configuration;
    this.#timers = new Timers(parts.clock, parts.random);
  }

  get state(): SessionState {
    return sessionState(this.#state);
  }

  start(): void {
    this.#dispatch({ kind: 'start' });
  }

  /** Ends the session and looks for no other until `start`. @param communication for the peer's operator (RFC 9003), with `shutdown` and `reset` */
  stop(reason: CeaseReason, communication?: string): void {
    this.#dispatch({ kind: 'stop', reason, communication, restart: false });
  }

  /** Ends the session and begins anew after idle hold. */
  restart(reason: CeaseReason, communication?: string): void {
    this.#dispatch({ kind: 'stop', reason, communication, restart: true });
  }

  /** What the next OPEN says and demands; a session that is up goes on as it is. @throws BgpError `configuration` */
  configure(configuration: SessionConfiguration): void {
    checkConfiguration(configuration);
    this.#configuration = configuration;
  }

  /** A connection that the peer made. */
  accept(wire: Wire): void {
    const connection = this.#add(wire);
    this.#dispatch({ kind: 'accepted', connection });
    this.#begin(connection);
  }

  /**
   * @param bytes whole messages, by the options of `up`.
   * @returns whether there is room for more; after false comes `drained`. Without a session nothing is sent and there is room.
   */
  send(bytes: Uint8Array): boolean {
    const link = this.#session();
    if (link === undefined) return true;
    link.wire.write(bytes);
    this.#full ||= link.wire.waiting >= full;
    return !this.#full;
  }

  /** Reads nothing more of the session until `resume`; the peer's silence does not count for as long. */
  pause(): void {
    const link = this.#session();
    if (link === undefined || this.#established === undefined || link.paused) return;
    link.paused = true;
    link.wire.pause();
    this.#dispatch({ kind: 'paused', connection: this.#established });
  }

  resume(): void {
    const link = this.#session();
    const connection = this.#established;
    if (link === undefined || connection === undefined || !link.paused) return;
    link.paused = false;
    this.#dispatch({ kind: 'resumed', connection });
    queueMicrotask(() => {
      this.#read(connection);
      if (!link.paused) link.wire.resume();
    });
  }

  #session(): Link | undefined {
    return this.#established === undefined ? undefined : this.#links.get(this.#established);
  }

  /** One event after the other: what a listener does in between comes after what is being told. */
  #dispatch(event: MachineEvent): void {
    this.#events.push(event);
    if (this.#working) return;
    this.#working = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const before = this.state;
        const { state, actions } = step(this.#configuration, this.#state, next);
        this.#state = state;
        for (const action of actions) this.#do(action);
        if (this.state !== before) this.#parts.listener.changed(this.state);
      }
    } finally {
      this.#working = false;
    }
  }

  #do(action: Action): void {
    const { listener } = this.#parts;
    switch (action.kind) {
      case 'connect':
        this.#dial();
        break;
      case 'abort-connect':
        this.#abortDial?.();
        this.#abortDial = undefined;
        if (action.late) listener.failed(unanswered, undefined);
        break;
      case 'arm': {
        const { timer, seconds, jitter } = action;
        this.#timers.arm(timer, seconds, jitter, () => this.#dispatch({ kind: 'peer-timer', timer }));
        break;
      }
      case 'disarm':
        this.#timers.disarm(action.timer);
        break;
      case 'up':
        this.#established = action.connection;
        this.#full = false;
        listener.up(action.negotiated, this.#links.get(action.connection)?.wire.description ?? '');
        break;
      case 'deliver':
        listener.message(action.message);
        break;
      case 'ended':
        if (action.end.established) {
          this.#established = undefined;
          listener.down(action.end);
        } else {
          listener.failed(action.end.reason, action.end);
        }
        break;
      default: {
        const link = this.#links.get(action.connection);
        if (link !== undefined) this.#doWith(link, action);
      }
    }
  }

  #doWith(link: Link, action: Extract<Action, { readonly connection: number }>): void {
    const { connection } = action;
    if (action.kind === 'send') {
      const bytes = encodeMessage(action.message, link.options);
      if (action.message.type === 'notification') link.wire.writeLast(bytes);
      else link.wire.write(bytes);
    } else if (action.kind === 'use-codec') {
      link.options = action.options;
      link.reader.extendedMessage = action.options.extendedMessage;
    } else if (action.kind === 'arm-connection') {
      const { timer, seconds, jitter } = action;
      if (timer === 'hold' && link.reading) link.hold = seconds;
      else this.#arm(link, connection, timer, seconds, jitter);
    } else if (action.kind === 'disarm-connection') {
      if (action.timer === 'hold') link.hold = undefined;
      link.timers.disarm(action.timer);
    } else if (action.kind === 'close') {
      this.#links.delete(connection);
      link.timers.clear();
      link.wire.finish();
    }
  }

  #arm(link: Link, connection: number, timer: ConnectionTimer, seconds: number, jitter: boolean): void {
    link.timers.arm(timer, seconds, jitter, () =>
      this.#dispatch({ kind: 'connection-timer', connection, timer }),
    );
  }

  #dial(): void {
    this.#abortDial = this.#parts.dialer.dial((result) => {
      this.#abortDial = undefined;
      if (result instanceof BgpError) {
        this.#parts.listener.failed(result.message, undefined);
        this.#dispatch({ kind: 'connect-failed' });
        return;
      }
      const connection = this.#add(result);
      this.#dispatch({ kind: 'connected', connection });
      this.#begin(connection);
    });
  }

  #add(wire: Wire): number {
    const connection = this.#connections++;
    this.#links.set(connection, {
      wire,
      reader: new MessageReader(),
      timers: new Timers(this.#parts.clock, this.#parts.random),
      options: initialOptions,
      paused: false,
      reading: false,
      hold: undefined,
    });
    return connection;
  }

  #begin(connection: number): void {
    const link = this.#links.get(connection);
    link?.wire.start({
      received: (chunk) => {
        link.reader.push(chunk);
        this.#read(connection);
      },
      closed: (reason) => this.#dispatch({ kind: 'closed', connection, reason }),
      output: (progress) => {
        this.#dispatch({ kind: 'output', connection, progress });
        if (this.#full && connection === this.#established && link.wire.waiting < roomy) {
          this.#full = false;
          this.#parts.listener.drained();
        }
      },
    });
  }

  #read(connection: number): void {
    const link = this.#links.get(connection);
    if (link === undefined || link.reading) return;
    link.reading = true;
    try {
      while (!link.paused && this.#links.has(connection)) {
        const bytes = link.reader.next();
        if (bytes === undefined) break;
        const message = decodeMessage(bytes, link.options);
        if (message !== undefined) this.#dispatch({ kind: 'message', connection, message });
      }
    } catch (error) {
      if (!(error instanceof BgpError) || error.notification === undefined) throw error;
      const { notification, message: reason } = error;
      this.#dispatch({ kind: 'malformed', connection, notification, reason });
    } finally {
      link.reading = false;
      if (link.hold !== undefined && this.#links.has(connection))
        this.#arm(link, connection, 'hold', link.hold, false);
      link.hold = undefined;
    }
  }
}
