// What the control plane tells the BGP side, which is not there where no BGP is configured. Types only.
import type { IpPrefix } from '@hostpe/net';
import type { RibPath } from './adj-rib-in.ts';
import type { Export } from './rib.ts';
import type { VpnChanges } from './vpns.ts';

export interface Exchange {
  /** Names of the peers, whose routes are awaited after a start. */
  readonly peers: Iterable<string>;
  /** Of each change of what a forwarder has in a VPN. */
  readonly export: Export;
  /** A forwarder subscribed. @param paths what it has in the VPN */
  subscribed(
    account: string,
    vpn: string,
    instanceId: number | undefined,
    paths: () => ReadonlyMap<IpPrefix, RibPath>,
  ): void;
  /** It left, or was not back in time. */
  unsubscribed(account: string, vpn: string): void;
  /** The VPNs are others. */
  vpnsChanged(changes: VpnChanges): void;
  /** Nothing is held back any more: peers may be told that they were told all. */
  complete(): void;
}
