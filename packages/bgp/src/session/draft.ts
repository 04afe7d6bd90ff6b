// The next state while one event is worked on, with the actions that it needs. Owns the rules that every transition keeps: what a connection's end
// means for the search of the next, and which timers go with which state. Never outlives the event. Times are seconds.
import type { OpenMessage } from '../messages.ts';
import type { SessionConfiguration } from './configuration.ts';
import { retention } from './ends.ts';
import type {
  Action,
  ConnectionEnd,
  ConnectionState,
  Direction,
  MachineState,
  Search,
} from './machine-types.ts';
import { localOpen } from './negotiation.ts';

export class Draft {
  readonly configuration: SessionConfiguration;
  readonly actions: Action[] = [];
  search: Search;
  connections: readonly ConnectionState[];
  #connectFailures: number;
  #flaps: number;

  constructor(configuration: SessionConfiguration, state: MachineState) {
    this.configuration = configuration;
    this.search = state.search;
    this.connections = state.connections;
    this.#connectFailures = state.connectFailures;
    this.#flaps = state.flaps;
  }

  result(): { state: MachineState; actions: readonly Action[] } {
    const { search, connections, actions } = this;
    return {
      state: { search, connections, connectFailures: this.#connectFailures, flaps: this.#flaps },
      actions,
    };
  }

  connection(id: number): ConnectionState | undefined {
    return this.connections.find((one) => one.id === id);
  }

  /** Puts a connection in the place of the one of its number. */
  change(connection: ConnectionState): void {
    this.connections = this.connections.map((one) => (one.id === connection.id ? connection : one));
  }

  /** A connection into OpenSent (RFC 4271 section 8.2.2). */
  open(id: number, direction: Direction): void {
    const message: OpenMessage = localOpen(this.configuration);
    this.connections = [
      ...this.connections,
      { id, direction, paused: false, lasted: false, state: 'open-sent', negotiated: undefined },
    ];
    this.actions.push({ kind: 'send', connection: id, message });
    this.armHold(id, this.configuration.times.open);
  }

  armHold(connection: number, seconds: number): void {
    this.actions.push({ kind: 'arm-connection', connection, timer: 'hold', seconds, jitter: false });
  }

  /** Ends a connection and tells what came of it. `error`: it counts as one (RFC 4271 section 8.1.1, DampPeerOscillations). */
  end(
    connection: ConnectionState,
    end: Pick<ConnectionEnd, 'cause' | 'reason' | 'notification'>,
    error: boolean,
  ): void {
    const { id, state, negotiated } = connection;
    if (end.cause !== 'notification-received' && end.notification !== undefined)
      this.actions.push({ kind: 'send', connection: id, message: end.notification });
    this.actions.push({ kind: 'close', connection: id });
    this.connections = this.connections.filter((one) => one.id !== id);
    const established = state === 'established';
    if (established) this.actions.push({ kind: 'disarm', timer: 'stable' });
    this.actions.push({
      kind: 'ended',
      end: {
        connection: id,
        established,
        ...end,
        retention: established ? retention(negotiated, end) : undefined,
      },
    });
    if (this.search === 'idle') return;
    if (this.connections.some(sufficient)) {
      if (error) this.#flaps++;
    } else if (error) {
      this.holdIdle();
    } else if (this.search === 'resting') {
      this.wait();
    }
  }

  /** Looks for a connection, by an attempt or by waiting for the peer's. */
  look(): void {
    if (this.configuration.passive) {
      this.search = 'active';
      return;
    }
    this.search = 'connect';
    this.actions.push({ kind: 'connect' });
    const seconds = this.configuration.times.connect;
    this.actions.push({ kind: 'arm', timer: 'connect-retry', seconds, jitter: false });
  }

  /** Between attempts. */
  wait(): void {
    this.search = 'active';
    if (this.configuration.passive) return;
    const { retryLeast, retryMost } = this.configuration.times;
    const seconds = Math.min(retryMost, retryLeast * 2 ** this.#connectFailures);
    this.#connectFailures++;
    this.actions.push({ kind: 'arm', timer: 'connect-retry', seconds, jitter: true });
  }

  /** Idle for a time, longer with each error that no lasting session has made good. */
  holdIdle(error = true): void {
    const { idleLeast, idleMost } = this.configuration.times;
    if (this.search !== 'idle-hold') {
      this.rest();
      this.search = 'idle-hold';
      const seconds = Math.min(idleMost, idleLeast * 2 ** this.#flaps);
      this.actions.push({ kind: 'arm', timer: 'idle-hold', seconds, jitter: true });
    }
    if (error) this.#flaps++;
  }

  /** Looks for no connection any more, whatever the search. */
  rest(): void {
    if (this.search === 'connect') this.actions.push({ kind: 'abort-connect', late: false });
    if (this.search === 'connect' || (this.search === 'active' && !this.configuration.passive))
      this.actions.push({ kind: 'disarm', timer: 'connect-retry' });
    if (this.search === 'idle-hold') this.actions.push({ kind: 'disarm', timer: 'idle-hold' });
    this.search = 'resting';
  }

  /** A connection came to an OPEN that was accepted. */
  reached(): void {
    this.#connectFailures = 0;
  }

  /** The session lasted. */
  lasted(): void {
    this.#flaps = 0;
    this.connections = this.connections.map((one) =>
      one.state === 'established' ? { ...one, lasted: true } : one,
    );
  }

  get damped(): boolean {
    return this.#flaps > dampedFlaps;
  }
}

/** So many errors in a row make the peer wait for as long as we do; after fewer it may connect before. */
const dampedFlaps = 2;

/** With it no other connection is looked for. */
function sufficient({ direction, state }: ConnectionState): boolean {
  return direction === 'outgoing' || state !== 'open-sent';
}
