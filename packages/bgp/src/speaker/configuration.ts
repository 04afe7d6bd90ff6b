// What a speaker and its peers are configured to be. Facts only. Times are seconds.
import type { IpAddress } from '@hostpe/net';
import type { VpnFamily } from '../codec/options.ts';
import type { Family } from '../messages.ts';
import type { EncapsulationForm } from '../rules/export-rules.ts';
import { defaultTimes, type SessionConfiguration, type SessionTimes } from '../session/configuration.ts';
import type { PeerProtection } from '../transport/dialer.ts';

export interface PeerConfiguration {
  /** For operators; unique. */
  readonly name: string;
  /** Unique. */
  readonly address: IpAddress;
  readonly port: number;
  /** Undefined: the system chooses. */
  readonly localAddress: IpAddress | undefined;
  readonly as: number;
  readonly families: readonly Family[];
  readonly protection: PeerProtection;
  /** Waits for the peer to connect. */
  readonly passive: boolean;
  /** 0: neither KEEPALIVE nor an end of silence. */
  readonly holdTime: number;
  readonly routeReflectorClient: boolean;
  readonly encapsulation: EncapsulationForm;
  readonly addPathReceive: readonly VpnFamily[];
  readonly addPathSend: readonly VpnFamily[];
  /** Whether either end keeps the other's routes over a restart (RFC 4724), and how long beyond as long-lived stale (RFC 9494; 0: not). */
  readonly gracefulRestart: boolean;
  readonly longLivedTime: number;
}

export interface SpeakerConfiguration {
  readonly as: number;
  readonly identifier: IpAddress;
  readonly clusterId: IpAddress;
  /** Empty: peers cannot connect, only be connected to. */
  readonly listen: readonly { readonly address: IpAddress; readonly port: number }[];
  /** In how many seconds this speaker is back after it was lost: what peers are told (RFC 4724 section 3). */
  readonly restartTime: number;
  readonly peers: readonly PeerConfiguration[];
  /** For tests: shorter than any operator would have them. */
  readonly times?: SessionTimes;
}

/** What the session with a peer is to be. @param restarting this speaker has restarted and not said its End-of-RIB yet. */
export function sessionConfiguration(
  { as, identifier, restartTime, times = defaultTimes }: SpeakerConfiguration,
  peer: PeerConfiguration,
  restarting: boolean,
): SessionConfiguration {
  const { families } = peer;
  // The forwarders forward, whether this speaker is there or not.
  const kept = families.map((family) => ({ family, forwarding: true }));
  return {
    localAs: as,
    identifier,
    peerAs: peer.as,
    families,
    requiredFamilies: [],
    holdTime: peer.holdTime,
    passive: peer.passive,
    addPathReceive: peer.addPathReceive,
    addPathSend: peer.addPathSend,
    extendedNexthop: true,
    gracefulRestart: peer.gracefulRestart ? { restarting, time: restartTime, families: kept } : undefined,
    longLived:
      peer.gracefulRestart && peer.longLivedTime > 0
        ? kept.map((one) => ({ ...one, time: peer.longLivedTime }))
        : [],
    times,
  };
}
