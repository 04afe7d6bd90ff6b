// What another configuration comes to for each forwarder that was there before. Pure.
import type { IpAddress } from '@hostpe/net';

/** What a forwarder may do. */
export interface Authorisation {
  /** The next-hops that it may announce. */
  readonly addresses: ReadonlySet<IpAddress>;
  readonly vpns: ReadonlySet<string>;
  /** The most routes that it may publish, in all VPNs; undefined: as many as it has. */
  readonly maxRoutes?: number | undefined;
  /** What of it a session was made by: of another one the forwarder has to log in anew. */
  readonly login?: string;
}

export interface ForwarderChange {
  readonly account: string;
  /** It is not configured any more. */
  readonly isRemoved: boolean;
  readonly hasOtherLogin: boolean;
  /** VPNs that it may join no more. */
  readonly lostVpns: readonly string[];
  /** The next-hops that it may announce from now on; undefined: all that it might before, and perhaps others. */
  readonly onlyAddresses: ReadonlySet<IpAddress> | undefined;
}

/** Those that lose something, or are gone. */
export function forwarderChanges(
  before: ReadonlyMap<string, Authorisation>,
  after: ReadonlyMap<string, Authorisation>,
): readonly ForwarderChange[] {
  const changes: ForwarderChange[] = [];
  for (const [account, was] of before) {
    const now = after.get(account);
    const lostVpns = [...was.vpns].filter((vpn) => !now?.vpns.has(vpn));
    const onlyAddresses =
      now && [...was.addresses].some((one) => !now.addresses.has(one)) ? now.addresses : undefined;
    const hasOtherLogin = now !== undefined && now.login !== was.login;
    if (now === undefined || hasOtherLogin || lostVpns.length > 0 || onlyAddresses !== undefined)
      changes.push({ account, isRemoved: now === undefined, hasOtherLogin, lostVpns, onlyAddresses });
  }
  return changes;
}
