// A BGP speaker for VPN routes: its RIB, its peers, and what they are told. Owns the listener, the turns of peers and whether End-of-RIB is held
// back; never knows what a VPN is. What the program itself has to say goes into `rib` as a source of its own.
import { isDeepStrictEqual } from 'node:util';
import type { IpAddress, RouteTarget } from '@hostpe/net';
import { Rib } from '../loc-rib/rib.ts';
import { RouteTargetInterest } from '../rtc/interest.ts';
import type { SessionClock } from '../session/clock.ts';
import { TcpDialer } from '../transport/dialer.ts';
import { BgpListener } from '../transport/listener.ts';
import type { PeerConfiguration, SpeakerConfiguration } from './configuration.ts';
import { HeldTargets } from './held-targets.ts';
import { Peer, type PeerView } from './peer.ts';
import { Pump } from './pump.ts';
import type { SpeakerLog, SpeakerShared } from './shared.ts';

export interface SpeakerParts {
  readonly configuration: SpeakerConfiguration;
  readonly clock: SessionClock;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  /** Runs a task when all else had its turn. */
  readonly defer: (task: () => void) => void;
  /** Takes steps in between all else, then calls `done`; in the order of the calls. */
  readonly run: (steps: Iterable<void>, done: () => void) => void;
  readonly log: SpeakerLog;
  /** What the RIB holds changed, by the program or by a peer; at most once a turn. */
  readonly changed: () => void;
  /** A peer has announced all that it has. */
  readonly complete: (peer: string) => void;
}

export class Speaker {
  readonly rib = new Rib();
  /** Source of this speaker's own routes in the RIB. */
  readonly source: number;
  readonly #parts: SpeakerParts;
  readonly #shared: SpeakerShared;
  readonly #peers = new Map<string, Peer>();
  readonly #listener: BgpListener;
  readonly #addresses = new Set<IpAddress>();
  #isListening = false;
  #isHeldBack = true;
  #isChangeDue = false;

  constructor(parts: SpeakerParts) {
    const { configuration, clock, random, run, log } = parts;
    const { as, identifier, clusterId, peers } = configuration;
    this.#parts = parts;
    this.source = this.rib.addSource({
      kind: 'local',
      routeReflectorClient: false,
      identifier,
      address: undefined,
    });
    this.#shared = {
      rib: this.rib,
      interest: new RouteTargetInterest(),
      held: new HeldTargets(() => {
        for (const peer of this.#peers.values()) peer.heldChanged();
      }),
      pump: new Pump({ now: parts.now, defer: parts.defer }),
      clock,
      now: parts.now,
      random,
      log,
      configuration,
      local: { as, identifier, clusterId, addresses: this.#addresses },
      run,
      changed: () => this.changed(),
      isHeldBack: () => this.#isHeldBack,
      complete: parts.complete,
    };
    this.#listener = new BgpListener(clock, {
      refused: (address, reason) =>
        log.warn({ address }, `BGP: a connection from ${address} was refused: ${reason}`),
    });
    this.#ownAddresses(peers);
    for (const peer of peers) this.#peers.set(peer.name, this.#peer(peer));
  }

  /** Listens where that is configured, and looks for the peers. @returns addresses and ports, as bound. @throws BgpError `transport` */
  async start(): Promise<readonly { readonly address: IpAddress; readonly port: number }[]> {
    const { listen } = this.#parts.configuration;
    this.#isListening = listen.length > 0;
    for (const peer of this.#peers.values()) this.#admit(peer.configuration);
    const bound: { address: IpAddress; port: number }[] = [];
    for (const { address, port } of listen)
      bound.push({ address, port: await this.#listener.listen(address, port) });
    for (const peer of this.#peers.values()) peer.start();
    return bound;
  }

  /**
   * Other peers than before: those that are as they were go on, a changed one is made anew, one that is not there any more is told so.
   * @throws BgpError `transport` where the key of a peer is not to be had; peers before it are as they are to be then.
   */
  reconfigure(peers: readonly PeerConfiguration[]): void {
    const wanted = new Map(peers.map((peer) => [peer.name, peer]));
    this.#ownAddresses(peers);
    for (const [name, peer] of this.#peers) {
      const next = wanted.get(name);
      if (next !== undefined && isDeepStrictEqual(next, peer.configuration)) continue;
      peer.stop(next === undefined ? 'deconfigured' : 'configuration-change');
      this.#listener.remove(peer.configuration.address);
      this.#peers.delete(name);
    }
    for (const [name, configuration] of wanted) {
      const known = this.#peers.get(name);
      const peer = known ?? this.#peer(configuration);
      // In the order of the configuration.
      this.#peers.delete(name);
      this.#peers.set(name, peer);
      if (known !== undefined) continue;
      this.#admit(configuration);
      peer.start();
    }
    this.changed();
  }

  /** Ends all sessions. @param communication for the peers' operators (RFC 9003) */
  stop(communication?: string): void {
    for (const peer of this.#peers.values()) peer.stop('shutdown', communication);
    this.#listener.close();
  }

  /** The RIB was changed: peers are told, and `changed` is called, in the next turn. */
  changed(): void {
    if (this.#isChangeDue) return;
    this.#isChangeDue = true;
    this.#parts.defer(() => {
      this.#isChangeDue = false;
      for (const peer of this.#peers.values()) peer.wake();
      this.#parts.changed();
    });
  }

  /** Routes with this target are wanted; counted. */
  hold(target: RouteTarget): void {
    this.#shared.held.hold(target);
  }

  release(target: RouteTarget): void {
    this.#shared.held.release(target);
  }

  /** All that this speaker has to say after its start has been said into the RIB: peers are told End-of-RIB (RFC 4724 section 4.1). */
  complete(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    for (const peer of this.#peers.values()) peer.release();
  }

  /** Route targets that are held. */
  get held(): Iterable<RouteTarget> {
    return this.#shared.held.targets;
  }

  /** Names of the peers that are sent routes with a route target. */
  peersWanting(target: RouteTarget): readonly string[] {
    const { interest } = this.#shared;
    return [...this.#peers].flatMap(([name, peer]) =>
      peer.isUp && interest.wants(peer.number, [target]) ? [name] : [],
    );
  }

  /** Name of the peer that a source is; undefined for our own. */
  peerOf(source: number): string | undefined {
    if (source === this.source) return undefined;
    for (const [name, peer] of this.#peers) if (peer.source === source) return name;
    return undefined;
  }

  /** In the order of the configuration. */
  get peers(): readonly PeerView[] {
    return [...this.#peers.values()].map(({ view }) => view);
  }

  #peer(configuration: PeerConfiguration): Peer {
    const { address, port, localAddress, protection } = configuration;
    const dialer = new TcpDialer({ address, port, localAddress, protection }, this.#parts.clock);
    const used = new Set([...this.#peers.values()].map((peer) => peer.number));
    let number = 0;
    while (used.has(number)) number += 1;
    return new Peer(configuration, number, dialer, this.#shared);
  }

  #admit({ name, address, protection }: PeerConfiguration): void {
    if (this.#isListening)
      this.#listener.add({ address, protection, accept: (wire) => this.#peers.get(name)?.accept(wire) });
  }

  /** Whose nexthops are our own. */
  #ownAddresses(peers: readonly PeerConfiguration[]): void {
    this.#addresses.clear();
    for (const { address } of this.#parts.configuration.listen) this.#addresses.add(address);
    for (const { localAddress } of peers) if (localAddress !== undefined) this.#addresses.add(localAddress);
  }
}
