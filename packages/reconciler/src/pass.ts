// One pass: read of the kernel what may have changed, compare it with the desired state, change it in the order that never opens a hole. Owns the
// order of the parts, and what is known of the kernel between passes; the loop around it is reconciler.ts.
import type { Notification, Rtnetlink, Sysctl } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import { readDevices, readTable } from './actual.ts';
import { planAttachments, planLowering, planReleases } from './attachments.ts';
import { type DesiredState, differInRoutesAlone } from './desired.ts';
import type { Log, Nft, PacketSteering } from './doors.ts';
import type { Depth } from './forwarding.ts';
import { Forwarding } from './forwarding.ts';
import { GuardKeeper } from './guard-keeper.ts';
import { planHost } from './host.ts';
import type { Report } from './report.ts';
import { attachmentReports } from './report.ts';
import { Progress } from './step.ts';
import { planUnderlay } from './underlay-devices.ts';
import { planFlush, planVrfRemovals, planVrfs, readyVrf, tablesToFlush } from './vrfs.ts';

/** Rounds that devices take from nothing to whole: made, set up with what hangs on them, and one for what was recreated. */
const maximumRounds = 5;

export interface Doors {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;
  readonly nft: Nft;
  readonly steering: PacketSteering;
  readonly log: Log;
}

/** The last pass that looked at devices: what later ones, of routes alone, stand on. */
interface Ground {
  readonly desired: DesiredState;
  readonly devices: Devices;
  readonly progress: Progress;
  readonly attachments: Report['attachments'];
}

export class Pass {
  readonly #doors: Doors;
  readonly #rounds: number;
  readonly #guard: GuardKeeper;
  readonly #forwarding: Forwarding;
  /** Interfaces whose steering was said to be impossible. */
  readonly #unsteered = new Set<string>();
  #ground: Ground | undefined;
  /** Whether what is known of the kernel may be wrong: a pass broke off, or something was told that nobody could use. */
  #isInDoubt = false;
  /** Whether routes went that nobody had counted. */
  #isMiscounted = false;
  /** Of the nexthops that the guard was made for. */
  #guardedVersion = -1;

  /** @param options.rounds how often devices may be set and looked at again before the pass goes on */
  constructor(doors: Doors, { rounds = maximumRounds }: { readonly rounds?: number } = {}) {
    this.#doors = doors;
    this.#rounds = rounds;
    this.#guard = new GuardKeeper(doors.nft, doors.log);
    this.#forwarding = new Forwarding(doors.rtnetlink);
  }

  /** @returns how deep the next pass has to look; undefined where it does not matter. Not to be called while a pass runs. */
  notice(notification: Notification): Depth | undefined {
    if (this.#ground !== undefined) return this.#forwarding.notice(notification, this.#ground.desired);
    this.#isInDoubt = true;
    return undefined;
  }

  /** Whether the loss of a device may have taken routes that only a look at them all finds. */
  hasLeft(device: number): boolean {
    return this.#forwarding.hasLeft(device);
  }

  /** The next pass that looks at devices reads the guard. */
  doubtGuard(): void {
    this.#guard.forget();
  }

  /**
   * @param depth how much of the kernel may have changed; with `tables` also what has no notification and seldom changes, the nftables tables
   * @throws RtnetlinkError when the kernel's door itself is broken
   */
  async run(desired: DesiredState, depth: Depth): Promise<Report> {
    const reach = this.#isInDoubt ? 'tables' : depth;
    // What a pass that breaks off has done is not known, and the next need not be the one that tries it again.
    this.#isInDoubt = true;
    const ground = this.#ground;
    const report =
      reach === 'routes' && ground !== undefined && differInRoutesAlone(ground.desired, desired)
        ? await this.#runRoutes({ ...ground, desired })
        : await this.#runWhole(desired, reach);
    this.#isInDoubt = this.#isMiscounted;
    this.#isMiscounted = false;
    return report;
  }

  async #runRoutes(ground: Ground): Promise<Report> {
    const { desired, devices, attachments } = ground;
    const progress = new Progress(this.#doors, ground.progress);
    this.#ground = undefined;
    const version = versionOf(desired);
    const isGuardDue = version !== this.#guardedVersion;
    if (!isGuardDue || (await this.#addGuard(desired, devices, progress))) {
      await this.#forwarding.add(desired, devices, 'routes', progress);
      await this.#forwarding.remove(desired, devices, progress);
      if (isGuardDue) await this.#removeGuard(desired, devices, progress);
    }
    this.#ground = ground;
    return reportOf(desired, attachments, ground.progress, progress);
  }

  async #runWhole(desired: DesiredState, depth: Depth): Promise<Report> {
    const { rtnetlink, sysctl } = this.#doors;
    this.#ground = undefined;
    const base = new Progress(this.#doors);
    const before = await readDevices(rtnetlink, sysctl, desired);
    const isKnown = this.#forwarding.knows(desired);
    const reach = depth === 'tables' || !isKnown ? 'tables' : 'devices';
    await this.#forwarding.read(desired, before, reach);
    if (depth === 'tables') this.#guard.forget();
    // Before the first tunnel device is up and the first interface is in a VRF. All else depends on it.
    if (!(await this.#addGuard(desired, before, base))) {
      const labels = this.#forwarding.labels(desired, before);
      return reportOf(desired, attachmentReports(desired, before, labels, base), base);
    }
    const devices = await this.#settleDevices(desired, before, base);
    if (devices !== before)
      await this.#forwarding.read(
        desired,
        devices,
        hasSameVrfs(desired, before, devices) ? 'devices' : 'tables',
      );
    const labels = await this.#forwarding.prepare(desired, devices, base);
    const progress = new Progress(this.#doors, base);
    await this.#forwarding.add(desired, devices, 'devices', progress);
    await this.#steer(desired, devices);
    const attachments = attachmentReports(desired, devices, labels, base);

    const troubles = base.pending + progress.pending;
    await this.#forwarding.removeStrays(base);
    await this.#forwarding.remove(desired, devices, progress);
    await this.#forwarding.removeRemains(desired, devices, base);
    await base.run(planReleases(desired, devices));
    await this.#removeVrfs(desired, devices, base);
    // What could not be removed still has to be guarded.
    if (base.pending + progress.pending === troubles) await this.#removeGuard(desired, devices, base);
    this.#ground = { desired, devices, progress: base, attachments };
    return reportOf(desired, attachments, base, progress);
  }

  async #addGuard(desired: DesiredState, devices: Devices, progress: Progress): Promise<boolean> {
    const version = versionOf(desired);
    const isDone = await this.#guard.add(desired, this.#forwarding.pes(desired, devices), progress);
    this.#guardedVersion = isDone ? version : -1;
    return isDone;
  }

  async #removeGuard(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    await this.#guard.remove(desired, this.#forwarding.pes(desired, devices), progress);
  }

  /** @returns the devices as they are then; the same object where nothing was changed. */
  async #settleDevices(desired: DesiredState, before: Devices, progress: Progress): Promise<Devices> {
    const { rtnetlink, sysctl, log } = this.#doors;
    let devices = before;
    for (let round = 0; round < this.#rounds; round++) {
      const leftovers = new Map();
      for (const table of tablesToFlush(desired, devices))
        leftovers.set(table, await readTable(rtnetlink, table));
      const vrfs = planVrfs(desired, devices, leftovers);
      const attachments = planAttachments(desired, devices);
      for (const [key, failure] of [...vrfs.conflicts, ...attachments.conflicts]) progress.fail(key, failure);
      const { done } = progress;
      await progress.run(planHost(desired, devices));
      await progress.run(planUnderlay(desired.underlay, devices));
      await progress.run(planLowering(vrfs.deleted, devices));
      await progress.run(vrfs.phases);
      await progress.run(attachments.phases);
      if (progress.done === done) return devices;
      devices = await readDevices(rtnetlink, sysctl, desired);
    }
    log.warn(
      { rounds: this.#rounds },
      'devices do not stay as they are set: something else changes them; tried again later',
    );
    return devices;
  }

  async #removeVrfs(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    const { phases, deleted, tables } = planVrfRemovals(desired, devices);
    // Those that another VPN wants and that could not be moved to its VRF.
    await progress.run([...planLowering(deleted, devices), ...phases]);
    for (const { vpn, table } of tables) {
      const left = await readTable(this.#doors.rtnetlink, table);
      // They could not be deleted before: only then were their nexthops free to go.
      if (left.some(({ nexthopId }) => nexthopId !== undefined)) this.#isMiscounted = true;
      await progress.run(planFlush(vpn, left));
    }
  }

  async #steer(desired: DesiredState, devices: Devices): Promise<void> {
    const { steering, log } = this.#doors;
    for (const { interface: name } of desired.vpns.flatMap((vpn) => vpn.attachments)) {
      if (!devices.links.has(name) || this.#unsteered.has(name)) continue;
      try {
        if (await steering.enable(name)) log.debug({ interface: name }, 'receive packet steering turned on');
      } catch (error) {
        this.#unsteered.add(name);
        const reason = error instanceof Error ? error.message : String(error);
        log.info(
          { interface: name, reason },
          'receive packet steering cannot be turned on: MPLS-in-UDP packets of this machine have one source port and take one path',
        );
      }
    }
  }
}

function reportOf(
  desired: DesiredState,
  attachments: Report['attachments'],
  ...progresses: readonly Progress[]
): Report {
  return {
    desired,
    pending: progresses.reduce((sum, { pending }) => sum + pending, 0),
    failures: progresses.flatMap((progress) => progress.failures()),
    attachments,
  };
}

/** Changes when routes lead to other nexthops than before. */
function versionOf(desired: DesiredState): number {
  return desired.vpns.reduce((sum, { routes }) => sum + routes.sets.version, 0);
}

/** Whether the routes in the VRFs' tables can be taken to be what they were. */
function hasSameVrfs(desired: DesiredState, before: Devices, after: Devices): boolean {
  return desired.vpns.every((vpn) => readyVrf(vpn, before)?.index === readyVrf(vpn, after)?.index);
}
