// What two speakers agreed on by their OPENs, as far as it changes how messages are read and written.
import type { Family } from '../messages.ts';

export interface CodecOptions {
  /** AS numbers have four octets on the wire (RFC 6793). */
  readonly as4: boolean;
  /** An iBGP session: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST have a meaning. */
  readonly internal: boolean;
  /** Messages of up to 65,535 octets both ways (RFC 8654). */
  readonly extendedMessage: boolean;
  /** Families that both speak; what comes of another one is ignored. */
  readonly families: readonly Family[];
  /** Families whose NLRI have a path identifier (RFC 7911), by direction. */
  readonly addPathReceive: readonly VpnFamily[];
  readonly addPathSend: readonly VpnFamily[];
  /** Whether VPNv4 may have IPv6 nexthops (RFC 8950). */
  readonly extendedNexthop: boolean;
}

export type VpnFamily = 'vpnv4' | 'vpnv6';

/** Until both OPENs were seen. */
export const initialOptions: CodecOptions = {
  as4: false,
  internal: false,
  extendedMessage: false,
  families: [],
  addPathReceive: [],
  addPathSend: [],
  extendedNexthop: false,
};

/** Octets of a message, header included (RFC 4271 section 4.1, RFC 8654 section 4). */
export function longestMessage(options: Pick<CodecOptions, 'extendedMessage'>): number {
  return options.extendedMessage ? 65_535 : 4096;
}
