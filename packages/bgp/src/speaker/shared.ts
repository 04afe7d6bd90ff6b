// What all peers of a speaker share. Types only.
import type { Rib } from '../loc-rib/rib.ts';
import type { RouteTargetInterest } from '../rtc/interest.ts';
import type { ImportFacts } from '../rules/import-rules.ts';
import type { SessionClock } from '../session/clock.ts';
import type { SpeakerConfiguration } from './configuration.ts';
import type { HeldTargets } from './held-targets.ts';
import type { Pump } from './pump.ts';

/** As pino has it. */
export interface SpeakerLog {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
}

export interface SpeakerShared {
  readonly rib: Rib;
  readonly interest: RouteTargetInterest;
  readonly held: HeldTargets;
  readonly pump: Pump;
  readonly clock: SessionClock;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: SpeakerLog;
  readonly configuration: SpeakerConfiguration;
  readonly local: ImportFacts;
  /** Takes steps in between all else. */
  readonly run: (steps: Iterable<void>, done: () => void) => void;
  /** What the RIB holds changed. */
  readonly changed: () => void;
  /** Whether End-of-RIB of VPN routes is not to be said yet. */
  readonly isHeldBack: () => boolean;
  /** A peer said End-of-RIB of all its VPN families. */
  readonly complete: (peer: string) => void;
}
