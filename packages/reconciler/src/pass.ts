// One pass: read the kernel, compare it with the desired state, change it in the order that never opens a hole. Owns the order of the
// parts; the loop around it is reconciler.ts.
import type { Label } from '@hostpe/net';
import type { Rtnetlink, Sysctl } from '@hostpe/rtnetlink';
import type { Devices, Forwarding } from './actual.ts';
import { readDevices, readForwarding, readTable } from './actual.ts';
import { planAttachments, planLowering, planReleases } from './attachments.ts';
import type { DesiredState } from './desired.ts';
import type { Log, Nft, PacketSteering } from './doors.ts';
import { isSameLabelRoute } from './forwarding-compare.ts';
import { planForwarding } from './forwarding-plan.ts';
import type { ForwardingTarget } from './forwarding-target.ts';
import { forwardingTarget, remotePes } from './forwarding-target.ts';
import { GuardKeeper } from './guard-keeper.ts';
import { planHost } from './host.ts';
import { labelKey } from './keys.ts';
import { findOrphans } from './orphans.ts';
import { addPe } from './remote-pe.ts';
import type { Report } from './report.ts';
import { makeReport } from './report.ts';
import { Progress } from './step.ts';
import { planUnderlay } from './underlay-devices.ts';
import { planFlush, planVrfRemovals, planVrfs, tablesToFlush } from './vrfs.ts';

/** Rounds that devices take from nothing to whole: made, set up with what hangs on them, and one for what was recreated. */
const maximumRounds = 5;

export interface Doors {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;
  readonly nft: Nft;
  readonly steering: PacketSteering;
  readonly log: Log;
}

export class Pass {
  readonly #doors: Doors;
  readonly #guard: GuardKeeper;
  /** Interfaces whose steering was said to be impossible. */
  readonly #unsteered = new Set<string>();

  constructor(doors: Doors) {
    this.#doors = doors;
    this.#guard = new GuardKeeper(doors.nft, doors.log);
  }

  /**
   * @param isScan also reads what has no notification and seldom changes: the nftables tables
   * @throws RtnetlinkError when the kernel's door itself is broken
   */
  async run(desired: DesiredState, isScan: boolean): Promise<Report> {
    const { rtnetlink, sysctl } = this.#doors;
    const progress = new Progress(this.#doors);
    let devices = await readDevices(rtnetlink, sysctl, desired);
    let forwarding = await readForwarding(rtnetlink, devices);
    const kept = findOrphans(desired, devices, forwarding).pes.map(({ pe }) => pe);
    if (isScan) this.#guard.forget();
    // Before the first tunnel device is up and the first interface is in a VRF. All else depends on it.
    if (!(await this.#guard.add(desired, [...remotePes(desired), ...kept], progress))) {
      const target = forwardingTarget(desired, devices);
      return makeReport(desired, devices, labelsInPlace(target, forwarding), progress);
    }
    const settled = await this.#settleDevices(desired, devices, progress);
    if (settled !== devices) {
      devices = settled;
      forwarding = await readForwarding(rtnetlink, devices);
    }
    const target = forwardingTarget(desired, devices);
    const orphans = findOrphans(desired, devices, forwarding);
    for (const { pe, encapsulation } of orphans.pes) addPe(target, desired, devices, pe, encapsulation);
    for (const [key, failure] of target.rejected) progress.fail(key, failure);
    for (const key of target.blocked) progress.block(key);
    const plan = planForwarding(desired, target, orphans, devices, forwarding);
    for (const [key, failure] of plan.failures) progress.fail(key, failure);
    await progress.run(plan.additions);
    const labels = new Set(
      [...target.labels.keys()].filter((label) => progress.trouble(labelKey(label)) === undefined),
    );
    await this.#steer(desired, devices);

    const troubles = progress.pending;
    await progress.run(plan.removals);
    await progress.run(planReleases(desired, devices));
    await this.#removeVrfs(desired, devices, progress);
    // What could not be removed still has to be guarded.
    if (progress.pending === troubles) await this.#guard.remove(progress);
    return makeReport(desired, devices, labels, progress);
  }

  /** @returns the devices as they are then; the same object where nothing was changed. */
  async #settleDevices(desired: DesiredState, before: Devices, progress: Progress): Promise<Devices> {
    const { rtnetlink, sysctl, log } = this.#doors;
    let devices = before;
    for (let round = 0; round < maximumRounds; round++) {
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
      { rounds: maximumRounds },
      'devices do not stay as they are set: something else changes them; tried again later',
    );
    return devices;
  }

  async #removeVrfs(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    const { phases, tables } = planVrfRemovals(desired, devices);
    await progress.run(phases);
    for (const { vpn, table } of tables) {
      await progress.run(planFlush(vpn, await readTable(this.#doors.rtnetlink, table)));
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

/** Labels whose routes were right before this pass. */
function labelsInPlace(target: ForwardingTarget, forwarding: Forwarding): Set<Label> {
  return new Set(
    forwarding.labelRoutes
      .filter((actual) => {
        const wanted = target.labels.get(actual.label)?.route;
        return wanted !== undefined && isSameLabelRoute(actual, wanted);
      })
      .map(({ label }) => label),
  );
}
