// The BGP side of the control plane: what forwarders publish goes out as VPN routes, what peers announce comes into the VPNs that import it, and
// peers are told which route targets are wanted. Owns who wants a VPN's routes; never chooses among paths and never sends to a forwarder.
import { BgpError, type PeerConfiguration, Speaker, type SpeakerConfiguration } from '@hostpe/bgp';
import type { Clock } from '@hostpe/daemon';
import type { IpAddress, IpPrefix, RouteDistinguisher } from '@hostpe/net';
import type { Log } from '@hostpe/xmpp';
import type { RibPath } from '../adj-rib-in.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Exchange } from '../exchange.ts';
import type { VpnChanges, Vpns } from '../vpns.ts';
import { distinguisherOf, usualInstanceIds } from './route-distinguishers.ts';
import { type BgpPathView, type BgpRouteFilter, bgpRoutes } from './views.ts';
import { VpnExport } from './vpn-export.ts';
import { VpnImport } from './vpn-import.ts';

export interface BgpExchangeOptions {
  readonly configuration: SpeakerConfiguration;
  readonly vpns: Vpns;
  /** The next-hops that a forwarder may announce. */
  readonly addresses: (account: string) => Iterable<IpAddress>;
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
  #instanceIds: ReadonlyMap<string, number>;
  /** By account: the VPNs whose routes are wanted for it. */
  readonly #wanted = new Map<string, Set<string>>();
  #isImporting = false;

  constructor(options: BgpExchangeOptions) {
    const { configuration, vpns, clock, log, run, controlPlane } = options;
    this.#options = options;
    this.#instanceIds = usualInstanceIds(vpns.names(), new Map());
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
      replace: (vpn, prefix, former, next) => controlPlane().rib.tables.replace(vpn, prefix, former, next),
    });
    this.export = (account, vpn, paths) => {
      this.#export.changed(account, vpn, paths);
      this.speaker.changed();
    };
  }

  /** For operators. */
  routes(filter: BgpRouteFilter): Generator<BgpPathView> {
    return bgpRoutes(this.speaker, filter);
  }

  get peers(): Iterable<string> {
    return this.#options.configuration.peers.map(({ name }) => name);
  }

  subscribed(
    account: string,
    vpn: string,
    instanceId: number | undefined,
    paths: () => ReadonlyMap<IpPrefix, RibPath>,
  ): void {
    const wanted = this.#wanted.get(account) ?? new Set();
    this.#wanted.set(account, wanted);
    if (!wanted.has(vpn)) {
      wanted.add(vpn);
      for (const target of this.#options.vpns.policy(vpn)?.import ?? []) this.speaker.hold(target);
    }
    this.#export.renumber(account, vpn, this.#distinguisher(account, vpn, instanceId), paths);
    this.speaker.changed();
  }

  unsubscribed(account: string, vpn: string): void {
    if (!this.#wanted.get(account)?.delete(vpn)) return;
    for (const target of this.#options.vpns.policy(vpn)?.import ?? []) this.speaker.release(target);
  }

  vpnsChanged({ policies }: VpnChanges): void {
    const { vpns, controlPlane } = this.#options;
    this.#instanceIds = usualInstanceIds(vpns.names(), this.#instanceIds);
    for (const wanted of this.#wanted.values())
      for (const [vpn, { before, after }] of policies) {
        if (!wanted.has(vpn)) continue;
        // In this order: of what is in both nothing is taken back.
        for (const target of after?.import ?? []) this.speaker.hold(target);
        for (const target of before?.import ?? []) this.speaker.release(target);
      }
    const targets = new Set(
      [...policies.values()].flatMap(({ before, after }) => [
        ...(before?.import ?? []),
        ...(after?.import ?? []),
      ]),
    );
    controlPlane().import(this.#import.reconsider(targets), () => {});
  }

  /** Peers that are as they were go on. */
  reconfigure(peers: readonly PeerConfiguration[]): void {
    try {
      this.speaker.reconfigure(peers);
    } catch (error) {
      if (!(error instanceof BgpError)) throw error;
      this.#options.log.error({ error }, `BGP: not all peers are as they are configured: ${error.message}`);
    }
  }

  complete(): void {
    this.speaker.complete();
  }

  #distinguisher(account: string, vpn: string, instanceId: number | undefined): RouteDistinguisher {
    const number = instanceId ?? this.#instanceIds.get(vpn) ?? 0;
    return distinguisherOf(account, this.#options.addresses(account), number);
  }

  #takeChanges(): void {
    if (this.#isImporting) return;
    this.#isImporting = true;
    this.#options.controlPlane().import(this.#import.steps(), () => {
      this.#isImporting = false;
    });
  }
}
