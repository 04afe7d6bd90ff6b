// The loop: brings the kernel to the latest desired state and keeps it there. Owns when a pass runs; pass.ts what one does.
// Level-triggered: a notification only says that it is time to look. Times are milliseconds.
import type { Notification } from '@hostpe/rtnetlink';
import { RtnetlinkError } from '@hostpe/rtnetlink';
import { adopt } from './adopt.ts';
import type { Adopted, DesiredState } from './desired.ts';
import type { Log } from './doors.ts';
import { isVrfRule } from './host.ts';
import { FOU_DEVICE, GRE_DEVICE, UDP_DEVICE } from './layout.ts';
import type { Doors } from './pass.ts';
import { Pass } from './pass.ts';
import type { Report } from './report.ts';
import { openPacketSteering } from './steering.ts';

const firstRetry = 1_000;
const lastRetry = 30_000;

export interface ReconcilerOptions extends Omit<Doors, 'steering'> {
  /** Default: the files under /sys/class/net. */
  readonly steering?: Doors['steering'];
  /** How often the kernel is looked at when nothing asks for it; finds what has no notification. Default 60 000. */
  readonly scanInterval?: number;
}

export class Reconciler {
  readonly #doors: Doors;
  readonly #log: Log;
  readonly #scanInterval: number;
  readonly #pass: Pass;
  readonly #listeners = new Set<(report: Report) => void>();
  #desired: DesiredState | undefined;
  /** Interfaces whose notifications matter. */
  #watched: ReadonlySet<string> = new Set();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #isScanWanted = true;
  /** Whether the timer asked for the pass. */
  #isTimed = false;
  #retry = firstRetry;
  #failures = new Map<string, string>();
  /** Of the last pass that the kernel's door let through. */
  #reached: Pick<Report, 'desired' | 'attachments'> = { desired: undefined, attachments: new Map() };

  constructor(options: ReconcilerOptions) {
    this.#doors = { ...options, steering: options.steering ?? openPacketSteering() };
    this.#log = options.log;
    this.#scanInterval = options.scanInterval ?? 60_000;
    this.#pass = new Pass(this.#doors);
  }

  /** What there is of ours in the kernel; changes nothing. @throws RtnetlinkError */
  async adopt(): Promise<Adopted> {
    return await adopt(this.#doors.rtnetlink);
  }

  /** Keeps the latest and wakes the loop. */
  setDesired(desired: DesiredState): void {
    this.#desired = desired;
    const attachments = desired.vpns.flatMap((vpn) => vpn.attachments.map((one) => one.interface));
    const vrfs = desired.vpns.map((vpn) => vpn.device);
    this.#watched = new Set([GRE_DEVICE, UDP_DEVICE, FOU_DEVICE, ...vrfs, ...attachments]);
    this.#wake();
  }

  /** @param listener called after each pass. @returns what ends it. */
  onReport(listener: (report: Report) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to listen to the kernel and to run passes. @throws RtnetlinkError */
  async start(): Promise<void> {
    this.#unsubscribe = await this.#doors.rtnetlink.subscribe(['link', 'rule'], (notification) =>
      this.#notice(notification),
    );
    this.#wake();
  }

  /** Waits for a pass that runs, and leaves the kernel as it is. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#isWanted = false;
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
  }

  #notice(notification: Notification): void {
    if (notification.type !== 'overrun') {
      const { object } = notification;
      const isWatched =
        (object.object === 'link' && this.#watched.has(object.name ?? '')) ||
        (object.object === 'rule' && isVrfRule(object));
      if (!isWatched) return;
    }
    this.#wake();
  }

  /** At most one pass runs and at most one waits. */
  #wake(): void {
    if (this.#unsubscribe === undefined || this.#desired === undefined) return;
    this.#isWanted = true;
    // An error that no pass knows ends the process by the unhandled rejection: to restart is safe.
    this.#running ??= this.#runWanted().finally(() => {
      this.#running = undefined;
      // Asked for after the last look at the wish, before this line.
      if (this.#isWanted) this.#wake();
    });
  }

  async #runWanted(): Promise<void> {
    // What comes in the same turn of the event loop is one pass.
    await Promise.resolve();
    while (this.#isWanted && this.#desired !== undefined) {
      this.#isWanted = false;
      clearTimeout(this.#timer);
      const isScan = this.#isScanWanted;
      this.#isScanWanted = false;
      const report = await this.#runPass(this.#desired, isScan);
      this.#schedule(report);
      this.#say(report);
      this.#reached = report;
      for (const listener of this.#listeners) listener(report);
    }
  }

  async #runPass(desired: DesiredState, isScan: boolean): Promise<Report> {
    try {
      return await this.#pass.run(desired, isScan);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      return { ...this.#reached, pending: 1, failures: [{ object: 'kernel', reason: error.message }] };
    }
  }

  #schedule(report: Report): void {
    const hasFailed = report.failures.length > 0;
    if (!hasFailed) this.#retry = firstRetry;
    // Passes that something else asked for do not count: ten attachments in a second are no ten retries.
    else if (this.#isTimed) this.#retry = Math.min(this.#retry * 2, lastRetry);
    this.#isTimed = false;
    const delay = hasFailed ? this.#retry : this.#scanInterval;
    if (this.#unsubscribe === undefined) return;
    this.#timer = setTimeout(() => {
      this.#isScanWanted = true;
      this.#isTimed = true;
      this.#wake();
    }, delay);
    if (hasFailed)
      this.#log.debug({ failures: report.failures.length, delay }, 'failed objects are tried again');
  }

  /** One line for each object when it fails, when its reason changes, and when it works again. */
  #say(report: Report): void {
    const failures = new Map(report.failures.map(({ object, reason }) => [object, reason]));
    for (const [object, reason] of failures) {
      if (this.#failures.get(object) === reason) continue;
      this.#log.warn({ object, reason }, `${object}: ${reason}; tried again until it works`);
    }
    for (const object of this.#failures.keys()) {
      if (!failures.has(object)) this.#log.info({ object }, `${object}: no longer fails`);
    }
    this.#failures = failures;
  }
}
