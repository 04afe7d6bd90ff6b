// The loop: brings the kernel to the latest desired state and keeps it there. Owns when a pass runs; pass.ts what one does.
// Level-triggered: a notification only says that it is time to look. Times are milliseconds.
import type { KernelObject, Link, Notification } from '@hostpe/rtnetlink';
import { RtnetlinkError } from '@hostpe/rtnetlink';
import { adopt } from './adopt.ts';
import { isMarked } from './attachments.ts';
import { type Adopted, type DesiredState, differInRoutesAlone } from './desired.ts';
import type { Log, WatchNft } from './doors.ts';
import type { Difference } from './dry-run.ts';
import { dryRun } from './dry-run.ts';
import type { Depth } from './forwarding.ts';
import type { Drop } from './guard-drops.ts';
import { readDrops } from './guard-drops.ts';
import { GUARD_TABLE } from './guard-tables.ts';
import { isVrfRule } from './host.ts';
import { TUNNEL_DEVICES } from './layout.ts';
import type { Doors } from './pass.ts';
import { Pass } from './pass.ts';
import type { Report } from './report.ts';
import { openPacketSteering } from './steering.ts';
import { vlanParents } from './vlan-subinterfaces.ts';

const firstRetry = 1_000;
const lastRetry = 30_000;
const maximumNoticed = 100_000;
/** From the least to the most. */
const depths: readonly Depth[] = ['routes', 'devices', 'tables'];

function noted(): void {}

/** Whether the kernel has dropped what led to the device. */
function isLost(type: 'new' | 'delete', { up, carrier }: Link): boolean {
  return type === 'delete' || up !== true || carrier !== true;
}

/** A timer that is set anew instead of a second one. */
class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  arm(delay: number): void {
    this.cancel();
    this.#timer = setTimeout(this.#ring, delay);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}

export interface ReconcilerOptions extends Omit<Doors, 'steering'> {
  /** Default: the files under /sys/class/net. */
  readonly steering?: Doors['steering'];
  /** Tells when the guard is deleted. Absent: the scan finds it. */
  readonly watchNft?: WatchNft;
  /** How often all of the kernel is looked at when nothing asks for it; finds what has no notification. Default 60 000. */
  readonly scanInterval?: number;
  /** How often all but the routes is looked at: what remote PEs are reached by has no notification that is taken. Default 10 000. */
  readonly glanceInterval?: number;
}

export class Reconciler {
  readonly #doors: Doors;
  readonly #log: Log;
  readonly #scanInterval: number;
  readonly #watchNft: WatchNft | undefined;
  readonly #pass: Pass;
  readonly #listeners = new Set<(report: Report) => void>();
  readonly #glanceInterval: number;
  #desired: DesiredState | undefined;
  /** Interfaces whose notifications matter. */
  #watched: ReadonlySet<string> = new Set();
  /** Names of marked devices that are not watched, by index. */
  readonly #renamed = new Map<number, string>();
  #unsubscribe: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** What the next pass has to look at; undefined: none is wanted. */
  #wanted: Depth | undefined;
  /** What others did to the kernel's forwarding state while a pass ran. */
  #noticed: Notification[] = [];
  readonly #scan = new Alarm(() => this.#wake('tables'));
  readonly #glance = new Alarm(() => {
    this.#isTimed = true;
    this.#wake(this.#isRetrying ? 'tables' : 'devices');
  });
  /** Whether the alarm asked for the pass. */
  #isTimed = false;
  /** Whether the next glance is for what failed. */
  #isRetrying = false;
  #retry = firstRetry;
  #failures = new Map<string, string>();
  /** Of the last pass that the kernel's door let through. */
  #reached: Pick<Report, 'desired' | 'attachments'> = { desired: undefined, attachments: new Map() };

  constructor(options: ReconcilerOptions) {
    this.#doors = { ...options, steering: options.steering ?? openPacketSteering() };
    this.#log = options.log;
    this.#scanInterval = options.scanInterval ?? 60_000;
    this.#glanceInterval = options.glanceInterval ?? 10_000;
    this.#watchNft = options.watchNft;
    this.#pass = new Pass(this.#doors);
  }

  /** What there is of ours in the kernel; changes nothing. @throws RtnetlinkError */
  async adopt(): Promise<Adopted> {
    return await adopt(this.#doors.rtnetlink);
  }

  /** Keeps the latest and wakes the loop. */
  setDesired(desired: DesiredState): void {
    // End-of-RIBs come by the dozen, and say nothing of devices.
    const isOfRoutes = this.#desired !== undefined && differInRoutesAlone(this.#desired, desired);
    this.#desired = desired;
    const attachments = desired.vpns.flatMap((vpn) => vpn.attachments.map((one) => one.interface));
    const vrfs = desired.vpns.map((vpn) => vpn.device);
    this.#renamed.clear();
    const below = vlanParents(desired);
    this.#watched = new Set([...TUNNEL_DEVICES, ...vrfs, ...attachments, ...below]);
    this.#wake(isOfRoutes && !this.#isRetrying ? 'routes' : 'devices');
  }

  /** Routes of VPNs of the desired state were changed in place, and nothing else of it. */
  routesChanged(): void {
    this.#wake('routes');
  }

  /** @param listener called after each pass. @returns what ends it. */
  onReport(listener: (report: Report) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * What the next pass over all of the kernel would do; changes nothing. Waits for a pass that runs.
   * @returns undefined before the first desired state
   * @throws RtnetlinkError where the kernel cannot be read; ReconcilerError `nft`
   */
  async diff(): Promise<Difference | undefined> {
    while (this.#running !== undefined) await this.#running;
    if (this.#desired === undefined) return undefined;
    const difference = dryRun(this.#desired, this.#doors);
    this.#run(difference.then(noted, noted));
    return await difference;
  }

  /** What the guard has dropped, by reason. @throws ReconcilerError `nft` */
  async drops(): Promise<readonly Drop[]> {
    return await readDrops(this.#doors.nft);
  }

  /** Begins to listen to the kernel and to run passes. @throws RtnetlinkError */
  async start(): Promise<void> {
    const { rtnetlink } = this.#doors;
    const ends = [
      await rtnetlink.subscribe(['link', 'rule'], (notification) => this.#noticeDevice(notification)),
      // Not of neighbours: tenants' machines make the kernel tell as many as they like.
      await rtnetlink.subscribe(
        ['route-ipv4', 'route-ipv6', 'route-mpls', 'nexthop'],
        (notification) => this.#noticeForwarding(notification),
        { own: false },
      ),
      this.#watchNft?.(GUARD_TABLE, (missed) => this.#noticeGuard(missed)),
    ];
    this.#unsubscribe = () => {
      for (const end of ends) end?.();
    };
    this.#wake('tables');
  }

  /** Waits for a pass that runs, and leaves the kernel as it is. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#wanted = undefined;
    await this.#running;
    this.#scan.cancel();
    this.#glance.cancel();
  }

  #noticeGuard(missed: string | undefined): void {
    if (missed !== undefined)
      this.#log.warn(
        { reason: missed },
        `nftables guard: ${missed}; its deletion may be noticed late until it is back`,
      );
    this.#pass.doubtGuard();
    this.#wake('devices');
  }

  #noticeDevice(notification: Notification): void {
    if (notification.type === 'overrun') {
      this.#wake('tables');
      return;
    }
    const { type, object } = notification;
    if (object.object === 'link' && this.#pass.hasLeft(object.index ?? 0) && isLost(type, object))
      this.#wake('tables');
    else if (this.#isWatched(object)) this.#wake('devices');
  }

  #isWatched(object: KernelObject): boolean {
    return (
      (object.object === 'link' && (this.#watched.has(object.name ?? '') || this.#isRenamed(object))) ||
      (object.object === 'rule' && isVrfRule(object))
    );
  }

  /** Once for each new name: a pass that cannot put it right makes the kernel tell of it again. */
  #isRenamed(link: Link): boolean {
    const { index = 0, name = '' } = link;
    if (!isMarked(link) || this.#renamed.get(index) === name) return false;
    this.#renamed.set(index, name);
    return true;
  }

  /** While a pass runs the kernel is not known: what is told then is looked at after it. */
  #noticeForwarding(notification: Notification): void {
    if (this.#running === undefined) {
      const depth = this.#pass.notice(notification);
      if (depth !== undefined) this.#wake(depth);
      return;
    }
    this.#noticed.push(notification);
    // More than a scan would take.
    if (this.#noticed.length > maximumNoticed) this.#noticed = [{ type: 'overrun' }];
  }

  #want(depth: Depth): void {
    if (this.#wanted === undefined || depths.indexOf(depth) > depths.indexOf(this.#wanted))
      this.#wanted = depth;
  }

  /** At most one pass runs and at most one waits. */
  #wake(depth: Depth): void {
    this.#want(depth);
    if (this.#unsubscribe === undefined || this.#desired === undefined) return;
    // An error that no pass knows ends the process by the unhandled rejection: to restart is safe.
    if (this.#running === undefined) this.#run(this.#runWanted());
  }

  #run(work: Promise<void>): void {
    this.#running = work.finally(() => {
      this.#running = undefined;
      // All of them before the next pass, or it would be one pass for each.
      for (const notification of this.#noticed.splice(0)) {
        const depth = this.#pass.notice(notification);
        if (depth !== undefined) this.#want(depth);
      }
      // Asked for after the last look at the wish, before this line.
      if (this.#wanted !== undefined) this.#wake(this.#wanted);
    });
  }

  async #runWanted(): Promise<void> {
    // What comes in the same turn of the event loop is one pass.
    await Promise.resolve();
    while (this.#wanted !== undefined && this.#desired !== undefined && this.#unsubscribe !== undefined) {
      const depth = this.#wanted;
      this.#wanted = undefined;
      const report = await this.#runPass(this.#desired, depth);
      this.#schedule(depth, report.failures.length > 0);
      this.#say(report);
      this.#reached = report;
      for (const listener of this.#listeners) listener(report);
    }
  }

  async #runPass(desired: DesiredState, depth: Depth): Promise<Report> {
    try {
      return await this.#pass.run(desired, depth);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      return { ...this.#reached, pending: 1, failures: [{ object: 'kernel', reason: error.message }] };
    }
  }

  /** When the kernel is looked at next if nothing asks for it. */
  #schedule(depth: Depth, hasFailed: boolean): void {
    if (!hasFailed) this.#retry = firstRetry;
    // Passes that something else asked for do not count: ten attachments in a second are no ten retries.
    else if (this.#isTimed) this.#retry = Math.min(this.#retry * 2, lastRetry);
    this.#isTimed = false;
    if (this.#unsubscribe === undefined) return;
    if (depth === 'tables') this.#scan.arm(this.#scanInterval);
    if (hasFailed) {
      const delay = this.#retry;
      // Routes that change all the time must not put it off.
      if (depth !== 'routes' || !this.#isRetrying) this.#glance.arm(delay);
      this.#log.debug({ delay }, 'failed objects are tried again');
      this.#isRetrying = true;
      return;
    }
    // A pass that looked at less has not seen all that failed: the next try stands.
    if (this.#isRetrying && depth !== 'tables') return;
    if (depth !== 'routes') this.#glance.arm(this.#glanceInterval);
    this.#isRetrying = false;
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
