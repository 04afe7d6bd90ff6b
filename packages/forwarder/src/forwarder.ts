// The forwarder's core: the order of events between operators, kernel and route servers. Decides nothing about routes itself and touches neither
// kernel nor network: reconciler and sessions do. Times are milliseconds.
//
// Order of an attach: number and label, kept on disk, kernel objects, `ready` in a report, publish. Of a detach: off the disk, retract, its answer,
// kernel objects removed, a report without it, label into quarantine. So no label is published before, or freed while, packets can come for it.

import type { Clock, StateFile } from '@hostpe/daemon';
import type { IpPrefix } from '@hostpe/net';
import type { DesiredState, Difference, Drop, Reconciler, Report } from '@hostpe/reconciler';
import type { VpnEvent } from '@hostpe/signaling';
import type { Log } from '@hostpe/xmpp';
import { AdjRibIn } from './adj-rib-in.ts';
import type { Attachment } from './attachments.ts';
import type { ForwarderConfig } from './config.ts';
import { routeServerName } from './config.ts';
import { desiredState, publications } from './desired.ts';
import { ForwarderError } from './errors.ts';
import { HostVpns } from './host-vpns.ts';
import { defaultLabelRange, LabelAllocator } from './labels.ts';
import { ReportLog } from './report-log.ts';
import type { RouteServerSession } from './session.ts';
import type { Timers } from './timers.ts';

export interface ForwarderOptions {
  readonly config: ForwarderConfig;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly reconciler: Reconciler;
  readonly stateFile: StateFile<Attachment>;
}

/** What a session tells the core. */
export interface SessionEvents {
  readonly onSubscribing: (vpn: string) => void;
  readonly onEvent: (event: VpnEvent) => void;
  readonly onLost: () => void;
  readonly onProgress: () => void;
}

/** What is to be said anew: of routes to the kernel alone, to the route servers, to both of all. */
type Due = 'routes' | 'publications' | 'everything';

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #adjRibIn: AdjRibIn;
  readonly #reportLog: ReportLog;
  readonly #vpns: HostVpns;
  readonly #waiting = new Set<() => void>();
  #sessions: readonly RouteServerSession[] = [];
  #report: Report | undefined;
  /** Desired states in the order in which they were set, from 1. */
  readonly #ordinals = new WeakMap<DesiredState, number>();
  #desiredCount = 0;
  readonly #due = new Set<Due>();
  #startedAt: number | undefined;
  #stopped = false;
  #cancel: () => void = () => {};

  constructor(options: ForwarderOptions) {
    const { config, clock, timers, log } = options;
    this.#options = options;
    this.#reportLog = new ReportLog(log);
    this.#adjRibIn = new AdjRibIn({
      servers: config.routeServers.map(routeServerName),
      clock,
      patience: timers.endOfRib,
      retention: config.retention,
      onChange: (vpn, prefixes, isReview) => {
        this.#vpns.routesChanged(vpn, prefixes);
        this.#schedule(isReview ? 'everything' : 'routes');
      },
      onSwept: (swept) => this.#reportLog.swept(swept, config.retention),
    });
    this.#vpns = new HostVpns({
      config,
      labels: new LabelAllocator(defaultLabelRange, timers.labelQuarantine, clock.now, Math.random),
      adjRibIn: this.#adjRibIn,
      reportLog: this.#reportLog,
    });
  }

  /**
   * Adopts what the kernel has and brings attachments and sessions to life. Changes nothing before everything was read.
   * @throws StateFileError where the attachments made by command cannot be read.
   */
  async start(sessions: readonly RouteServerSession[]): Promise<void> {
    const { config, clock, timers, log, reconciler, stateFile } = this.#options;
    const kept = await stateFile.read();
    for (const problem of kept.problems)
      log.error({}, `${problem}; this attachment is left out, the others stand`);
    const adopted = await reconciler.adopt();
    this.#vpns.adoptTables(adopted.vpns);
    for (const attachment of config.attachments) this.#vpns.add(attachment, 'configuration');
    for (const attachment of kept.entries) this.#restore(attachment);
    this.#vpns.adoptLabels(adopted.labels);
    log.info(
      { vrfs: adopted.vpns.size, labels: adopted.labels.size },
      `forwarder ${config.name}: adopted ${adopted.vpns.size} VRFs and ${adopted.labels.size} labels from the kernel`,
    );
    this.#startedAt = clock.now();
    this.#sessions = sessions;
    const cancelReports = reconciler.onReport((report) => this.#onReport(report));
    const cancelSettle = clock.after(timers.settle, () => this.#schedule('publications'));
    this.#cancel = () => {
      cancelReports();
      cancelSettle();
    };
    this.#refresh('everything');
    await reconciler.start();
    for (const session of sessions) session.start();
  }

  /** Before, attach and detach would not know what is there. */
  get isStarted(): boolean {
    return this.#startedAt !== undefined;
  }

  /** Ends politely. Retracts nothing and leaves the kernel as it is: it goes on forwarding. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#adjRibIn.close();
    this.#wake();
    await Promise.all(this.#sessions.map((session) => session.stop()));
    await this.#options.reconciler.stop();
  }

  sessionEvents(server: string): SessionEvents {
    const { log } = this.#options;
    return {
      onSubscribing: (vpn) => this.#adjRibIn.subscribing(server, vpn),
      onEvent: (event) => {
        if (!this.#adjRibIn.heard(server, event))
          log.debug(
            { server, vpn: event.vpn },
            `VPN ${event.vpn}: nothing is attached to it; an event of route server ${server} is ignored`,
          );
      },
      onLost: () => this.#adjRibIn.lost(server),
      onProgress: () => this.#wake(),
    };
  }

  /** On disk when the promise resolves; kernel and route servers follow by themselves. @throws ForwarderError */
  async attach(attachment: Attachment): Promise<void> {
    this.#vpns.add(attachment, 'command');
    try {
      this.#vpns.labelOf(attachment.interface);
      await this.#save();
    } catch (error) {
      this.#vpns.remove(attachment);
      throw error;
    }
    this.#schedule('everything');
  }

  /** Resolves when neither route servers nor the kernel have anything of the attachment. @throws ForwarderError */
  async detach(name: string): Promise<void> {
    const { clock, timers, log } = this.#options;
    const attachment = this.#vpns.detachable(name);
    const label = this.#vpns.labelOf(name);
    this.#vpns.setDetaching(name, 'retracting');
    try {
      await this.#save();
    } catch (error) {
      this.#vpns.setDetaching(name, undefined);
      throw error;
    }
    this.#refresh('publications');
    let isOver = false;
    const cancel = clock.after(timers.retract, () => {
      isOver = true;
      this.#wake();
    });
    const isAnnounced = () => this.#sessions.some((session) => session.announces(label));
    await this.#until(() => !isAnnounced() || isOver);
    cancel();
    if (isAnnounced())
      log.warn(
        { interface: name, label },
        `${name}: no answer to the retract of label ${label} in ${timers.retract / 1000} s; it is removed from the kernel nevertheless`,
      );
    this.#vpns.setDetaching(name, 'removing');
    this.#refresh('everything');
    // Reports of earlier desired states may be of before the attach, or a pass that runs may still put it into the kernel.
    const without = this.#desiredCount;
    await this.#until(() => this.#reportOrdinal() >= without);
    this.#vpns.remove(attachment);
    this.#schedule('everything');
  }

  /** What the guard has dropped, by reason. */
  drops(): Promise<readonly Drop[]> {
    return this.#options.reconciler.drops();
  }

  /** What is different in the kernel from what should be there; changes nothing. */
  diff(): Promise<Difference | undefined> {
    return this.#options.reconciler.diff();
  }

  /** What the views for operators are made of. */
  facts() {
    const { config, clock } = this.#options;
    return {
      config,
      uptime: this.#startedAt === undefined ? 0 : clock.now() - this.#startedAt,
      report: this.#report,
      sessions: this.#sessions.map((session) => session.facts()),
      vpns: this.#vpns.all(),
      originOf: (name: string) => this.#vpns.originOf(name),
      best: (vpn: string) => this.#adjRibIn.best(vpn),
      originOfRoute: (vpn: string, prefix: IpPrefix) => this.#adjRibIn.origin(vpn, prefix),
    };
  }

  /** Takes up what a command attached before the restart; what the configuration contradicts by now is left out. */
  #restore(attachment: Attachment): void {
    try {
      this.#vpns.add(attachment, 'command');
    } catch (error) {
      if (!(error instanceof ForwarderError)) throw error;
      this.#options.log.error(
        { interface: attachment.interface },
        `${attachment.interface}: was attached by command and is left out now: ${error.message}`,
      );
    }
  }

  #save(): Promise<void> {
    return this.#options.stateFile.write(this.#vpns.kept());
  }

  #onReport(report: Report): void {
    this.#report = report;
    this.#reportLog.report(report, (name) => this.#vpns.get(name));
    this.#schedule('publications');
    this.#wake();
  }

  /** Many changes of one turn of the event loop are one refresh. */
  #schedule(what: Due): void {
    if (this.#due.size === 0) setImmediate(() => this.#refresh());
    this.#due.add(what);
  }

  /** Says to reconciler and sessions what they should bring about: what is due, and `more`. */
  #refresh(more?: Due): void {
    const { config, clock, timers, reconciler } = this.#options;
    if (this.#stopped || this.#startedAt === undefined) return;
    const due = new Set(more === undefined ? this.#due : [...this.#due, more]);
    this.#due.clear();
    if (due.has('routes')) {
      this.#vpns.updateRoutes();
      reconciler.routesChanged();
    }
    if (!due.has('everything') && !due.has('publications')) return;
    const vpns = this.#vpns.all();
    if (due.has('everything')) {
      const desired = desiredState(config.underlay, vpns);
      this.#desiredCount += 1;
      this.#ordinals.set(desired, this.#desiredCount);
      reconciler.setDesired(desired);
    }
    const isOver = clock.now() - this.#startedAt >= timers.settle;
    const wanted = publications(config.underlay.address, vpns, this.#report, isOver);
    for (const session of this.#sessions) session.want(wanted);
  }

  /** Which desired state the last report is of, counted from 1; 0: none yet. */
  #reportOrdinal(): number {
    const desired = this.#report?.desired;
    return desired === undefined ? 0 : (this.#ordinals.get(desired) ?? 0);
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition() && !this.#stopped) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }
}
