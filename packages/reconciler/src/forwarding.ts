// The forwarding half of a pass: PEs, nexthop objects, routes and label routes. Owns what is known of them between passes, and their order: make
// before break, users after what they use, and the reverse on the way out. The devices under them are settled before.
import type { Encapsulation, IpAddress, Label } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { MplsRoute, Notification, Rtnetlink, RtnetlinkError } from '@hostpe/rtnetlink';
import type { Devices } from './actual.ts';
import { readLabelRoutes, readPeObjects } from './actual.ts';
import type { DesiredState } from './desired.ts';
import { labelKey, routeKey } from './keys.ts';
import { FORWARDER_PROTOCOL, isOurNexthopId, tunnelWay } from './layout.ts';
import { PeNumbers } from './pe-numbers.ts';
import { remoteProblem } from './remote-pe.ts';
import type { Stray } from './routes/kernel-routes.ts';
import { defaultKey, isUnreachableDefault, readKernelRoutes, usualMetric } from './routes/kernel-routes.ts';
import { labelsInPlace, planLabelRemovals, planLabels, targetLabels } from './routes/label-routes.ts';
import { NexthopObjects } from './routes/nexthop-objects.ts';
import type { Loss, PlannedNexthop } from './routes/nexthop-plan.ts';
import { nexthopKeyOf, planNexthops } from './routes/nexthop-plan.ts';
import { PeObjects } from './routes/pe-objects.ts';
import type { Remote, Resolution } from './routes/resolver.ts';
import { Resolver } from './routes/resolver.ts';
import type { RowBatch } from './routes/route-work.ts';
import { listWrongRows, routeName, routeWork } from './routes/route-work.ts';
import type { WrittenRoute } from './routes/route-writer.ts';
import { RouteWriter } from './routes/route-writer.ts';
import type { VpnRoutes } from './routes/vpn-routes.ts';
import type { Progress, Step } from './step.ts';
import { isGone, kernelStep } from './step.ts';
import { readyVrf, unreachableDefaults } from './vrfs.ts';

/**
 * How much of the kernel a pass looks at.
 * - `routes`: nothing; what changed in the desired routes is brought to the kernel as it is known.
 * - `devices`: all but the routes themselves, which go only with a nexthop object or are told of.
 * - `tables`: everything.
 */
export type Depth = 'routes' | 'devices' | 'tables';

export class Forwarding {
  readonly #rtnetlink: Rtnetlink;
  readonly #nexthops = new NexthopObjects();
  readonly #pes = new PeObjects();
  readonly #numbers = new PeNumbers();
  #labelRoutes: readonly MplsRoute[] = [];
  #strays: readonly Stray[] = [];
  /** Tables with their unreachable default. */
  #defaults: ReadonlySet<string> = new Set();
  /** Whose routes are known, under which table. */
  #loaded: ReadonlyMap<VpnRoutes, number> = new Map();
  /** Something was read by which any route may be wrong. */
  #isSweepDue = true;
  /** What devices were like at the last sweep, and which VPNs were complete. */
  #sweptFor = '';
  #swept: ReadonlyMap<VpnRoutes, boolean> = new Map();
  /** Nexthop objects that `add` deleted. */
  #lost = 0;
  /** Devices that nexthop objects led to before they were changed in place, since the last look at the routes. */
  readonly #left = new Set<number>();
  /** Whether `add` changed nexthop objects in place, so that they lead to other PEs. */
  #hasChanged = false;
  /** What `add` left for `remove`. */
  #work: readonly RowBatch[] = [];

  constructor(rtnetlink: Rtnetlink) {
    this.#rtnetlink = rtnetlink;
  }

  /** Whether the routes of exactly these VPNs are known. */
  knows(desired: DesiredState): boolean {
    return (
      desired.vpns.length === this.#loaded.size &&
      desired.vpns.every(({ routes, table }) => this.#loaded.get(routes) === table)
    );
  }

  /** @throws RtnetlinkError */
  async read(desired: DesiredState, devices: Devices, depth: Depth): Promise<void> {
    if (depth === 'routes') return;
    const { neighbours, filters } = await readPeObjects(this.#rtnetlink, desired, devices);
    this.#pes.load(neighbours, filters);
    const nexthops = await this.#rtnetlink.dump({ object: 'nexthop' });
    this.#numbers.load(filters, neighbours, nexthops);
    const isSame = this.#nexthops.load(nexthops);
    if (!isSame || depth === 'tables') this.#isSweepDue = true;
    this.#labelRoutes = await readLabelRoutes(this.#rtnetlink);
    if (depth === 'devices') return;
    // Known is what a whole dump said: not what one that failed halfway did.
    this.#loaded = new Map();
    this.#left.clear();
    const { strays, defaults } = await readKernelRoutes(this.#rtnetlink, desired, devices, this.#nexthops);
    this.#strays = strays;
    this.#defaults = defaults;
    this.#loaded = new Map(desired.vpns.map(({ routes, table }) => [routes, table]));
  }

  /** The PEs that routes lead to or soon will: where tunnel packets may come from. */
  pes(desired: DesiredState, devices: Devices): Set<IpAddress> {
    const pes = new Set<IpAddress>();
    for (const { routes } of desired.vpns)
      for (const nexthops of routes.sets.all())
        for (const nexthop of nexthops)
          if (
            nexthop.kind === 'remote' &&
            remoteProblem(nexthop.pe, nexthop.encapsulation, desired) === undefined
          )
            pes.add(nexthop.pe);
    for (const { pe } of this.#remotes(desired, devices)) pes.add(pe);
    return pes;
  }

  /** Labels whose routes are right in the kernel. */
  labels(desired: DesiredState, devices: Devices): ReadonlySet<Label> {
    return labelsInPlace(targetLabels(desired, devices), this.#labelRoutes);
  }

  /**
   * Label routes, unreachable defaults, and what remote PEs need that nexthop objects lead to already. Comes before `add`.
   * @returns the labels whose routes are right then
   * @throws RtnetlinkError when the kernel's door itself is broken
   */
  async prepare(desired: DesiredState, devices: Devices, progress: Progress): Promise<ReadonlySet<Label>> {
    const labels = targetLabels(desired, devices);
    const facts = { desired, devices, numbers: this.#numbers };
    const pes = this.#pes.plan(facts, this.#remotes(desired, devices));
    await progress.run([[...pes.steps, ...planLabels(labels, this.#labelRoutes)]]);
    pes.settle(progress);
    await this.#addDefaults(desired, devices, progress);
    return new Set([...labels.keys()].filter((label) => progress.trouble(labelKey(label)) === undefined));
  }

  /**
   * Everything that the routes need which changed, and the routes. @param depth `routes`: devices are as in the pass before
   * @throws RtnetlinkError when the kernel's door itself is broken
   */
  async add(desired: DesiredState, devices: Devices, depth: Depth, progress: Progress): Promise<void> {
    const resolver = new Resolver(desired, devices, this.#numbers);
    await this.#sweep(desired, resolver, depth);
    const work = await routeWork(desired, devices, resolver, this.#nexthops);
    this.#work = work.batches;
    for (const [key, { name, reason }] of work.rejected) progress.fail(key, { object: name, reason });
    progress.wait(work.blocked);

    const wanted: Remote[] = [];
    for (const { to } of work.targets.values())
      for (const { remote } of to.members) if (remote !== undefined) wanted.push(remote);
    const pes = this.#pes.plan({ desired, devices, numbers: this.#numbers }, wanted);
    const plan = planNexthops(work, this.#nexthops, ({ remote }) =>
      remote === undefined ? [] : pes.needs(remote),
    );
    for (const id of plan.changed.keys()) this.#leave(id);
    this.#hasChanged = plan.changed.size > 0;
    await progress.run([
      pes.steps,
      plan.singles.map(({ step }) => step),
      [...plan.groups, ...plan.losses].map(({ step }) => step),
    ]);
    pes.settle(progress);
    for (const loss of plan.losses) this.#settleLoss(loss, progress);
    for (const planned of [...plan.singles, ...plan.groups]) this.#settle(planned, progress);

    const writer = new RouteWriter(this.#rtnetlink, 'replace', (route, error) =>
      this.#written(route, error, progress),
    );
    let waiting = 0;
    // Many routes have the same target.
    const ids = new Map<Resolution, number | undefined>();
    for (const batch of work.batches) {
      const { rows, moving, targets, again } = batch;
      for (const [at, target] of targets.entries()) {
        const row = moving[at] as number;
        const actual = rows.actual(row);
        const change = plan.changed.get(actual);
        if (change !== undefined) {
          if (progress.trouble(change) === undefined) rows.settle(row);
          else {
            again.push(row);
            waiting++;
          }
          continue;
        }
        const id = ids.get(target) ?? plan.idOf(target.content);
        ids.set(target, id);
        if (id === undefined) {
          const prefix = rows.index.prefixAt(row);
          const reason = 'all nexthop ids of hostpe are taken';
          progress.fail(routeKey(batch.vpn.table, prefix), { object: routeName(batch.vpn, prefix), reason });
          again.push(row);
        } else if (this.#nexthops.content(id) !== target.content) {
          // Not made, or one that was to be changed in place and still leads where it did.
          again.push(row);
          waiting++;
        } else if (writer.add(batch, row, id)) await writer.flush();
      }
    }
    await writer.finish();
    progress.wait(waiting);
  }

  /** Finds the routes that are wrong because of what was read, or because their VPN is complete by now. */
  async #sweep(desired: DesiredState, resolver: Resolver, depth: Depth): Promise<void> {
    const signature = depth === 'routes' ? this.#sweptFor : resolver.signature;
    const isDue = this.#isSweepDue || signature !== this.#sweptFor;
    const swept = new Map(desired.vpns.map(({ routes, complete }) => [routes, complete]));
    const due = isDue
      ? desired.vpns
      : desired.vpns.filter(({ routes, complete }) => this.#swept.get(routes) !== complete);
    await listWrongRows(due, resolver, this.#nexthops);
    this.#isSweepDue = false;
    this.#sweptFor = signature;
    this.#swept = swept;
  }

  /** Routes that are not wanted, and what only they needed, once what is wanted is there. @throws RtnetlinkError when the kernel's door itself is broken */
  async remove(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    const writer = new RouteWriter(this.#rtnetlink, 'delete', (route, error) =>
      this.#deleted(route, error, progress),
    );
    for (const batch of this.#work) {
      for (const row of batch.going) if (writer.add(batch, row, batch.rows.actual(row))) await writer.flush();
    }
    await writer.finish();
    // In the next pass, whatever asks for it.
    for (const { rows, again } of this.#work) for (const row of again) rows.change(row);
    this.#work = [];
    const gone = await this.#removeNexthops(progress);
    if (gone > 0 || this.#hasChanged) await this.#removePes(desired, devices, progress);
    this.#hasChanged = false;
  }

  /** What remote PEs needed and label routes that lead to nothing wanted. Comes after `remove`. @throws RtnetlinkError as it */
  async removeRemains(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    await this.#removePes(desired, devices, progress);
    await progress.run([planLabelRemovals(targetLabels(desired, devices), this.#labelRoutes)]);
  }

  async #removePes(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    const facts = { desired, devices, numbers: this.#numbers };
    const pes = this.#pes.removals(facts, this.#remotes(desired, devices));
    await progress.run([pes.steps]);
    pes.settle(progress);
  }

  /**
   * Whether a device that was lost may have taken routes with it that nobody will miss: when it took a nexthop object just before that was changed in
   * place, the change made the object anew, without its routes.
   */
  hasLeft(device: number): boolean {
    return this.#left.has(device);
  }

  #leave(id: number): void {
    const { object } = this.#nexthops.get(id) ?? {};
    if (object?.device !== undefined) this.#left.add(object.device);
    for (const member of object?.group ?? []) this.#leave(member.id);
  }

  /** The PEs that nexthop objects of ours lead to. */
  *#remotes({ underlay }: DesiredState, devices: Devices): Iterable<Remote> {
    const family = addressFamily(underlay.address);
    const byDevice = new Map<number, Encapsulation>();
    for (const encapsulation of ['gre', 'udp'] as const) {
      const way = tunnelWay(family, encapsulation);
      const index = way === undefined ? undefined : devices.links.get(way.device)?.index;
      if (index !== undefined) byDevice.set(index, encapsulation);
    }
    for (const { device, gateway } of this.#nexthops.gateways()) {
      const pe = this.#numbers.pe(gateway);
      const encapsulation = byDevice.get(device);
      if (pe !== undefined && encapsulation !== undefined && addressFamily(pe) === family)
        yield { pe, encapsulation };
    }
  }

  async #addDefaults(desired: DesiredState, devices: Devices, progress: Progress): Promise<void> {
    const steps = new Map<string, Step>();
    for (const vpn of desired.vpns) {
      if (readyVrf(vpn, devices) === undefined) continue;
      for (const object of unreachableDefaults(vpn.table)) {
        const { family, table, prefix, metric } = object;
        const name = `unreachable default of table ${table}`;
        if (!this.#defaults.has(defaultKey(family, table)))
          steps.set(
            defaultKey(family, table),
            kernelStep(routeKey(table, prefix, metric), name, { op: 'replace', object }),
          );
      }
    }
    await progress.run([[...steps.values()]]);
    const made = [...steps].filter(([, { key }]) => progress.trouble(key) === undefined);
    this.#defaults = new Set([...this.#defaults, ...made.map(([key]) => key)]);
  }

  #settleLoss({ id, groups, step }: Loss, progress: Progress): void {
    if (progress.trouble(step.key) !== undefined) return;
    for (const { object, content } of groups) this.#nexthops.put(object, content);
    this.#nexthops.delete(id);
    this.#lost++;
  }

  #settle({ object, content }: PlannedNexthop, progress: Progress): void {
    if (progress.trouble(nexthopKeyOf(object.id)) === undefined) this.#nexthops.put(object, content);
  }

  /**
   * What somebody else did to routes, nexthop objects and label routes; not to be called while a pass runs.
   * @returns how deep the next pass has to look; undefined where it does not matter
   */
  notice(notification: Notification, desired: DesiredState): Depth | undefined {
    if (notification.type === 'overrun') return 'tables';
    const { type, object } = notification;
    if (object.object === 'nexthop') {
      if (!isOurNexthopId(object.id)) return undefined;
      // Its routes went with it, without a word; there may be another one under its id by now.
      return type === 'delete' ? 'tables' : 'devices';
    }
    if (object.object !== 'route') return undefined;
    if (object.family === 'mpls')
      return this.#labelRoutes.some(({ label }) => label === object.label) ? 'devices' : undefined;
    const vpn = desired.vpns.find(({ table }) => table === object.table);
    if (vpn === undefined || this.#loaded.get(vpn.routes) !== vpn.table) return undefined;
    if (isUnreachableDefault(object)) {
      if (type === 'delete')
        this.#defaults = new Set(
          [...this.#defaults].filter((key) => key !== defaultKey(object.family, vpn.table)),
        );
      return 'devices';
    }
    if ((object.metric ?? 0) !== usualMetric[object.family]) return undefined;
    const isOurs = object.protocol === FORWARDER_PROTOCOL;
    const rows = vpn.routes.rows[object.family];
    const row = rows.index.find(object.prefix);
    // A route that hostpe never had there, of its protocol: it has to go.
    if (row < 0) return isOurs && type === 'new' ? 'tables' : undefined;
    // Ours was deleted; or something took its place.
    if (type === 'delete' && !isOurs) return undefined;
    this.#nexthops.countRoute(rows.actual(row), -1);
    const id = type === 'new' && isOurs ? (object.nexthopId ?? 0) : 0;
    this.#nexthops.countRoute(id, 1);
    rows.change(row);
    rows.setActual(row, id);
    return 'routes';
  }

  #written({ batch, row, id }: WrittenRoute, error: RtnetlinkError | undefined, progress: Progress): void {
    if (error === undefined) {
      this.#nexthops.countRoute(batch.rows.actual(row), -1);
      this.#nexthops.countRoute(id, 1);
      batch.rows.setActual(row, id);
      progress.count();
    } else this.#failed(batch, row, error, progress);
  }

  #deleted({ batch, row, id }: WrittenRoute, error: RtnetlinkError | undefined, progress: Progress): void {
    if (error === undefined || isGone(error)) {
      this.#nexthops.countRoute(id, -1);
      batch.rows.setActual(row, 0);
      progress.count();
    } else this.#failed(batch, row, error, progress);
  }

  #failed(batch: WrittenRoute['batch'], row: number, { message }: RtnetlinkError, progress: Progress): void {
    const prefix = batch.rows.index.prefixAt(row);
    progress.fail(routeKey(batch.vpn.table, prefix), {
      object: routeName(batch.vpn, prefix),
      reason: message,
    });
    batch.again.push(row);
  }

  /** Routes of ours that no VPN can want. Comes before `remove`. @throws RtnetlinkError as it */
  async removeStrays(progress: Progress): Promise<void> {
    const keyed = this.#strays.map((stray, at) => ({ stray, key: `remove stray ${at}` }));
    await progress.run([
      keyed.map(({ stray, key }) => kernelStep(key, strayName(stray), { op: 'delete', object: stray.route })),
    ]);
    for (const { stray, key } of keyed)
      if (progress.trouble(key) === undefined) this.#nexthops.countRoute(stray.route.nexthopId ?? 0, -1);
    this.#strays = [];
  }

  /** Groups before their members. @returns how many went */
  async #removeNexthops(progress: Progress): Promise<number> {
    let gone = this.#lost;
    this.#lost = 0;
    for (let round = 0; round < 2; round++) {
      const steps = this.#nexthops.unused().map((object) => ({
        id: object.id,
        step: kernelStep(`remove nexthop ${object.id}`, `nexthop ${object.id}`, { op: 'delete', object }),
      }));
      await progress.run([steps.map(({ step }) => step)]);
      for (const { id, step } of steps) {
        if (progress.trouble(step.key) !== undefined) continue;
        this.#nexthops.delete(id);
        gone++;
      }
    }
    return gone;
  }
}

function strayName({ route, vpn }: Stray): string {
  return `route ${route.prefix} of ${vpn === undefined ? `table ${route.table}` : `VPN ${vpn}`}`;
}
