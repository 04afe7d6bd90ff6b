// The VPNs of this host: what is attached, under which label and table, and where their routes lead. Binds the pure parts together; does no I/O.
import type { IpPrefix, Label } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import type { Adopted } from '@hostpe/reconciler';
import type { AdjRibIn } from './adj-rib-in.ts';
import type { Attachment, AttachmentOrigin } from './attachments.ts';
import { AttachmentTable, vlanProblem } from './attachments.ts';
import type { ForwarderConfig } from './config.ts';
import type { HostVpn, LabelledAttachment } from './desired.ts';
import { ForwarderError } from './errors.ts';
import type { LabelAllocator } from './labels.ts';
import type { ReportLog } from './report-log.ts';
import { ForwardingRoutes } from './vpn-routes.ts';
import { VpnNumbering } from './vpns.ts';

export interface HostVpnsOptions {
  readonly config: ForwarderConfig;
  readonly labels: LabelAllocator;
  readonly adjRibIn: AdjRibIn;
  readonly reportLog: ReportLog;
}

export class HostVpns {
  readonly #options: HostVpnsOptions;
  readonly #table = new AttachmentTable();
  readonly #numbering: VpnNumbering;
  readonly #detaching = new Map<string, Exclude<LabelledAttachment['detaching'], undefined>>();
  readonly #forwarding = new Map<string, ForwardingRoutes>();
  /** By VPN: prefixes whose routes have to be computed anew. */
  readonly #changed = new Map<string, Set<IpPrefix>>();

  constructor(options: HostVpnsOptions) {
    this.#options = options;
    this.#numbering = new VpnNumbering(options.config.vpns, addressFamily(options.config.underlay.address));
  }

  /** Before anything is added: tables that VRFs have in the kernel stay theirs. */
  adoptTables(found: Adopted['vpns']): void {
    this.#numbering.adopt(found);
  }

  /**
   * After what the start knows of is added, before anything is numbered anew. An interface keeps its label only if it is of the same VPN as the
   * kernel has it in: routes of its former VPN may still lead to that label on remote PEs, and would reach the machine of another VPN.
   * All other labels are put to rest.
   */
  adoptLabels(found: Adopted['labels']): void {
    const { labels } = this.#options;
    for (const [name, { label, vpn }] of found) {
      const attachment = this.get(name);
      if (attachment === undefined || attachment.vpn !== vpn || !labels.adopt(name, label))
        labels.rest(label);
    }
    for (const { attachment } of this.#table.all()) labels.allocate(attachment.interface);
  }

  /** @throws ForwarderError */
  add(attachment: Attachment, origin: AttachmentOrigin): void {
    const { interface: name } = attachment;
    if (this.#detaching.has(name))
      throw new ForwarderError(
        'attachment-exists',
        `${name} is still being detached: try again in a few seconds`,
      );
    if (this.#numbering.hasDevice(name))
      throw new ForwarderError('attachment-invalid', `${name} is the name of a VRF device`);
    const vpn = this.#numbering.vpn(attachment.vpn);
    if (vpn.device === name || this.#table.get(vpn.device) !== undefined)
      throw new ForwarderError(
        'attachment-invalid',
        `VPN ${vpn.name} cannot have the VRF device ${vpn.device}: an interface of this name is attached`,
      );
    const problem = vlanProblem(
      attachment,
      this.#table.all().map((entry) => entry.attachment),
    );
    if (problem !== undefined) throw new ForwarderError('attachment-invalid', problem);
    this.#table.add(attachment, origin);
    this.#options.adjRibIn.want(attachment.vpn);
    this.#attachmentsChanged();
  }

  /** @throws ForwarderError where it is not attached, or not by command. */
  detachable(name: string): Attachment {
    const attachment = this.#table.removable(name);
    if (this.#detaching.has(name))
      throw new ForwarderError('attachment-unknown', `${name} is being detached already`);
    return attachment;
  }

  setDetaching(name: string, state: LabelledAttachment['detaching']): void {
    if (state === undefined) this.#detaching.delete(name);
    else this.#detaching.set(name, state);
    this.#attachmentsChanged();
  }

  remove({ interface: name, vpn }: Attachment): void {
    this.#detaching.delete(name);
    this.#table.remove(name);
    this.#options.labels.release(name);
    this.#attachmentsChanged();
    if (this.#table.all().some(({ attachment }) => attachment.vpn === vpn)) return;
    this.#options.adjRibIn.forget(vpn);
    this.#forwarding.delete(vpn);
    this.#changed.delete(vpn);
  }

  get(name: string): Attachment | undefined {
    return this.#table.get(name)?.attachment;
  }

  originOf(name: string): AttachmentOrigin | undefined {
    return this.#table.get(name)?.origin;
  }

  /** @throws ForwarderError `labels-exhausted` where it has none yet and none is free. */
  labelOf(name: string): Label {
    return this.#options.labels.allocate(name);
  }

  /** What a restart must find again. */
  kept(): readonly Attachment[] {
    return this.#table.commanded().filter((attachment) => !this.#detaching.has(attachment.interface));
  }

  routesChanged(vpn: string, prefixes: Iterable<IpPrefix>): void {
    const changed = this.#changed.get(vpn) ?? new Set();
    this.#changed.set(vpn, changed);
    for (const prefix of prefixes) changed.add(prefix);
  }

  /** Brings the routes for the kernel up to date. */
  updateRoutes(): void {
    for (const vpn of this.#changed.keys()) if (this.#forwarding.has(vpn)) this.#forwardingOf(vpn);
  }

  /** In the order of their first attachments. */
  all(): readonly HostVpn[] {
    const byVpn = Map.groupBy(this.#table.all(), ({ attachment }) => attachment.vpn);
    return [...byVpn].map(([name, entries]) => ({
      vpn: this.#numbering.vpn(name),
      attachments: entries.map(({ attachment }) => ({
        attachment,
        label: this.labelOf(attachment.interface),
        detaching: this.#detaching.get(attachment.interface),
      })),
      forwarding: this.#forwardingOf(name),
      complete: this.#options.adjRibIn.isComplete(name),
    }));
  }

  #forwardingOf(name: string): ForwardingRoutes {
    const { config, adjRibIn, reportLog } = this.#options;
    const known = this.#forwarding.get(name);
    const forwarding = known ?? new ForwardingRoutes();
    this.#forwarding.set(name, forwarding);
    const best = adjRibIn.best(name);
    const changed = known === undefined ? best.keys() : (this.#changed.get(name) ?? []);
    this.#changed.delete(name);
    const news = forwarding.update(changed, best, adjRibIn.withdrawn(name), {
      pe: config.underlay.address,
      encapsulations: this.#numbering.vpn(name).encapsulations,
      interfaceOf: (label) => this.#deliveredBy(label),
    });
    if (adjRibIn.isComplete(name)) forwarding.forgetWithdrawn();
    reportLog.routes(name, news, forwarding);
    return forwarding;
  }

  #deliveredBy(label: Label): string | undefined {
    const name = this.#options.labels.ownerOf(label);
    return name === undefined || this.#detaching.get(name) === 'removing' ? undefined : name;
  }

  /** A route of any VPN can lead to an attachment of any other (extranet). */
  #attachmentsChanged(): void {
    for (const [vpn, forwarding] of this.#forwarding) this.routesChanged(vpn, forwarding.own);
  }
}
