// What the tunnels of linux/if_tunnel.h have in common, though not the numbers of their attributes: two ends of one family, foo-over-UDP
// inside, and the flags of those over IPv6.
import type { AddressFamily, IpAddress } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import type { TunnelEncap } from '../../objects.ts';
import { sameFamily } from '../wire/family.ts';
import { malformed } from '../wire/reader.ts';

/** TUNNEL_ENCAP_FOU */
const encapFou = 1;
/** TUNNEL_ENCAP_FLAG_CSUM, _CSUM6: of the family that is outside. */
const encapCsum = { ipv4: 1, ipv6: 2 } as const;
/** IP6_TNL_F_IGN_ENCAP_LIMIT */
const ignoreEncapLimit = 1;
/** IP6_TNL_F_CAP_*: what the kernel found out and not what was asked for. */
const askedFlags = 0xffff;

const anyAddress = { ipv4: '0.0.0.0' as IpAddress, ipv6: '::' as IpAddress } as const;

interface Ends {
  readonly local: IpAddress;
  readonly remote?: IpAddress | undefined;
}

/** @throws RtnetlinkError `invalid` for an end of another family. */
export function checkEnds(family: AddressFamily, { local, remote = local }: Ends): void {
  for (const end of [local, remote])
    if (!sameFamily(family, end)) throw new RtnetlinkError('invalid', `${end} is no ${family} address`);
}

/** The kernel says all zeros for an end that is not set. @throws RtnetlinkError `decode` for an end of another family. */
export function readEnds(
  family: AddressFamily,
  local: IpAddress | undefined,
  remote: IpAddress | undefined,
): Ends {
  const none = anyAddress[family];
  if (!sameFamily(family, local ?? none, remote ?? none))
    throw malformed(`${local} and ${remote} as ends of a tunnel over ${family}`);
  return { local: local ?? none, remote: remote === none ? undefined : remote };
}

/** IFLA_*_ENCAP_TYPE, _FLAGS, _SPORT, _DPORT. */
interface EncapNumbers {
  readonly type: number | undefined;
  readonly flags: number | undefined;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

export function encapNumbers(family: AddressFamily, encap: TunnelEncap | undefined): EncapNumbers {
  return {
    type: encap && encapFou,
    flags: encap && (encap.csum ? encapCsum[family] : 0),
    sourcePort: encap?.sourcePort,
    destinationPort: encap?.destinationPort,
  };
}

/** @returns undefined for none, 'other' for what TunnelEncap cannot say: GUE, other flags. */
export function readEncap(family: AddressFamily, numbers: EncapNumbers): TunnelEncap | 'other' | undefined {
  const { type = 0, flags = 0, sourcePort = 0, destinationPort = 0 } = numbers;
  if (type === 0) return undefined;
  if (type !== encapFou || (flags & ~encapCsum[family]) !== 0) return 'other';
  return { type: 'fou', sourcePort, destinationPort, csum: flags !== 0 };
}

/** IFLA_GRE_FLAGS, IFLA_IPTUN_FLAGS of tunnels over IPv6. */
export function encapLimitFlags(encapLimit: number | undefined): number {
  return encapLimit === undefined ? ignoreEncapLimit : 0;
}

/** @returns 'other' for flags that no fact says. */
export function readEncapLimit(flags = 0, encapLimit = 0): number | 'other' | undefined {
  const asked = flags & askedFlags;
  if (asked === ignoreEncapLimit) return undefined;
  return asked === 0 ? encapLimit : 'other';
}
