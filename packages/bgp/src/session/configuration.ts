// What a session with one peer is configured to be, and its times. Facts only: who may connect, and by which address and key, is the transport's.
// Times are seconds.
import type { IpAddress } from '@hostpe/net';
import type { VpnFamily } from '../codec/options.ts';
import { BgpError } from '../error.ts';
import type { Family } from '../messages.ts';

export interface SessionConfiguration {
  readonly localAs: number;
  /** BGP identifier: an IPv4 address that is not 0.0.0.0. */
  readonly identifier: IpAddress;
  readonly peerAs: number;
  readonly families: readonly Family[];
  /** A peer without one of these is refused with 2/7. */
  readonly requiredFamilies: readonly Family[];
  /** 0 (no KEEPALIVE, no end of silence), or 3 to 65535. */
  readonly holdTime: number;
  /** Waits for the peer to connect, never connects. */
  readonly passive: boolean;
  readonly addPathReceive: readonly VpnFamily[];
  readonly addPathSend: readonly VpnFamily[];
  /** VPNv4 with IPv6 nexthops (RFC 8950). */
  readonly extendedNexthop: boolean;
  readonly gracefulRestart: LocalGracefulRestart | undefined;
  /** RFC 9494: what this speaker says of its own routes; empty: not spoken. */
  readonly longLived: readonly {
    readonly family: Family;
    readonly forwarding: boolean;
    readonly time: number;
  }[];
  readonly times: SessionTimes;
}

/** RFC 4724 section 3, as this speaker says it. */
export interface LocalGracefulRestart {
  /** This speaker has restarted and has not yet sent its End-of-RIB. */
  readonly restarting: boolean;
  /** In how many seconds this speaker is back, at most 4095. */
  readonly time: number;
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
}

export interface SessionTimes {
  /** Longest attempt to connect. */
  readonly connect: number;
  /** Between attempts to connect: the first, doubled by each failure up to the last. */
  readonly retryLeast: number;
  readonly retryMost: number;
  /** In Idle after an error: the first, doubled by each error up to the last. A session that lasts for the last forgets them. */
  readonly idleLeast: number;
  readonly idleMost: number;
  /** From a connection to its OPEN (RFC 4271 section 8.2.2: a large value). */
  readonly open: number;
  /** For the OPEN of the connection that a collision left over, when that has none yet. */
  readonly collision: number;
  /** Longest time in which the peer takes nothing of what waits (RFC 9687); at least twice the hold time is kept. */
  readonly sendHold: number;
}

export const defaultTimes: SessionTimes = {
  connect: 20,
  retryLeast: 5,
  retryMost: 120,
  idleLeast: 2,
  idleMost: 120,
  open: 240,
  collision: 15,
  sendHold: 480,
};

/** @throws BgpError `configuration` where no peer could accept what is configured. */
export function checkConfiguration(configuration: SessionConfiguration): void {
  const { holdTime, identifier, families, requiredFamilies, gracefulRestart } = configuration;
  const refuse = (reason: string): never => {
    throw new BgpError('configuration', reason);
  };
  if (!Number.isInteger(holdTime) || holdTime < 0 || holdTime > 65_535 || holdTime === 1 || holdTime === 2)
    refuse(`a hold time of ${holdTime} s; 0 or 3 to 65535 is possible`);
  if (identifier.includes(':') || identifier === '0.0.0.0')
    refuse(`BGP identifier ${identifier}; an IPv4 address other than 0.0.0.0 is one`);
  for (const as of [configuration.localAs, configuration.peerAs])
    if (!Number.isInteger(as) || as < 1 || as > 0xffffffff)
      refuse(`AS number ${as}; 1 to 4294967295 is possible`);
  for (const family of requiredFamilies)
    if (!families.includes(family)) refuse(`${family} is required of the peer and not configured here`);
  if (gracefulRestart !== undefined && (gracefulRestart.time < 0 || gracefulRestart.time > 4095))
    refuse(`a restart time of ${gracefulRestart.time} s; at most 4095 is possible`);
}
