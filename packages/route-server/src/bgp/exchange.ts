// The BGP side of the control plane: what forwarders publish goes out as VPN routes, what peers announce comes into the VPNs that import it, and
// peers are told which route targets are wanted. Owns who wants a VPN's routes; never chooses among paths and never sends to a forwarder.
import { Speaker, type SpeakerConfiguration } from '@hostpe/bgp';
import type { Clock } from '@hostpe/daemon';
import type { IpAddress, RouteDistinguisher } from '@hostpe/net';
import type { Log } from '@hostpe/xmpp';
import type { ControlPlane, Exchange } from '../control-plane.ts';
import type { Vpns } from '../vpns.ts';
import { distinguisherOf, usualInstanceIds } from './route-distinguishers.ts';
import { VpnExport } from './vpn-export.ts';
import { VpnImport } from './vpn-import.ts';

export interface BgpExchangeOptions {
  readonly configuration: SpeakerConfiguration;
  readonly vpns: Vpns;
  /** By account: the next-hops that it may announce. */
  readonly forwarders: ReadonlyMap<string, { readonly addresses: ReadonlySet<IpAddress> }>;
  readonly clock: Clock;
  readonly log: Log;
  readonly run: (steps: Iterable<unknown>, done: () => void) => void;
  readonly controlPlane: () => ControlPlane;
}

export class BgpExchange implements Exchange {
  readonly speaker: Speaker;
  readonly export: Exchange['export'];
  readonly #options: BgpExchangeOptions;
  readonly #export: VpnExport;
  readonly #import: VpnImport;
  readonly #instanceIds: ReadonlyMap<string, number>;
  /** By account: the VPNs whose routes are wanted for it. */
  readonly #wanted = new Map<string, Set<string>>();
  #isImporting = false;

  constructor(options: BgpExchangeOptions) {
    const { configuration, vpns, clock, log, run, controlPlane } = options;
    this.#options = options;
    this.#instanceIds = usualInstanceIds(vpns.names());
    this.speaker = new Speaker({
      configuration,
      clock,
      now: () => clock.now(),
      random: Math.random,
      defer: setImmediate,
      run,
      log,
      changed: () => this.#takeChanges(),
      complete: (peer) => controlPlane().peerComplete(peer),
    });
    const { rib, source } = this.speaker;
    this.#export = new VpnExport({
      rib,
      source,
      exportTargets: (vpn) => vpns.policy(vpn)?.export ?? [],
      distinguisher: (account, vpn) => this.#distinguisher(account, vpn, undefined),
    });
    this.#import = new VpnImport({
      rib,
      importers: (targets) => vpns.importersOf(targets),
      peer: (number) => this.speaker.peerOf(number),
      replace: (vpn, prefix, former, next) => controlPlane().rib.replace(vpn, prefix, former, next),
    });
    this.export = (account, vpn, paths) => {
      this.#export.changed(account, vpn, paths);
      this.speaker.changed();
    };
  }

  get peers(): Iterable<string> {
    return this.#options.configuration.peers.map(({ name }) => name);
  }

  subscribed(account: string, vpn: string, instanceId: number | undefined): boolean {
    const wanted = this.#wanted.get(account) ?? new Set();
    this.#wanted.set(account, wanted);
    if (!wanted.has(vpn)) {
      wanted.add(vpn);
      for (const target of this.#options.vpns.policy(vpn)?.import ?? []) this.speaker.hold(target);
    }
    return this.#export.renumber(account, vpn, this.#distinguisher(account, vpn, instanceId));
  }

  unsubscribed(account: string, vpn: string): void {
    if (!this.#wanted.get(account)?.delete(vpn)) return;
    for (const target of this.#options.vpns.policy(vpn)?.import ?? []) this.speaker.release(target);
  }

  complete(): void {
    this.speaker.complete();
  }

  #distinguisher(account: string, vpn: string, instanceId: number | undefined): RouteDistinguisher {
    const { forwarders } = this.#options;
    const number = instanceId ?? this.#instanceIds.get(vpn) ?? 0;
    return distinguisherOf(account, forwarders.get(account)?.addresses ?? [], number);
  }

  #takeChanges(): void {
    if (this.#isImporting) return;
    this.#isImporting = true;
    this.#options.controlPlane().import(this.#import.steps(), () => {
      this.#isImporting = false;
    });
  }
}
