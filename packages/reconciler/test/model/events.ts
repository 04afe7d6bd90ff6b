// Everything that may happen to a reconciler and its host, by weight.

import { faultEvents } from './fault-events.ts';
import { handEvents } from './hand-events.ts';
import type { Run } from './run.ts';
import { wishEvents } from './wish-events.ts';

export interface Event {
  readonly name: string;
  readonly weight: number;
  readonly happen: (run: Run) => void | Promise<void>;
}

export const events: readonly Event[] = [...wishEvents, ...handEvents, ...faultEvents];
