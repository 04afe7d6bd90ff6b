// Everything that may happen to a reconciler and its host, by weight.

import { faultEvents } from './fault-events.ts';
import { handEvents } from './hand-events.ts';
import type { Run, Wait } from './run.ts';
import { wishEvents } from './wish-events.ts';

export interface Event {
  readonly name: string;
  readonly weight: number;
  /** How the reconciler finds out; absent: it is told. */
  readonly wait?: Wait;
  readonly happen: (run: Run) => void | Promise<void>;
}

export const events: readonly Event[] = [...wishEvents, ...handEvents, ...faultEvents];

/** Those of which the reconciler is told at once: behind them no timer may be needed. */
export const noticedEvents: readonly Event[] = events.filter(
  ({ wait = 'notification' }) => wait === 'notification',
);
