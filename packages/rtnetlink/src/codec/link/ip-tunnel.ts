// MPLS in IPv4 (`ipip`), and MPLS or IP in IPv6 (`ip6tnl`): IFLA_IPTUN_* of linux/if_tunnel.h.
import type { AddressFamily } from '@hostpe/net';
import type { Ip6TunnelInfo, IpipInfo } from '../../objects.ts';
import { AttributeTable, present } from '../wire/attributes.ts';
import { be16, bool, ip, kept, keptUnlessZero, u8, u16, u32 } from '../wire/formats.ts';
import { linkForm } from './link-form.ts';
import { checkEnds, encapLimitFlags, encapNumbers, readEncap, readEncapLimit, readEnds } from './tunnel.ts';

/** IPPROTO_* of what is inside. */
const inner = { mplsip: 137, ipip6: 4, ip6ip6: 41, any: 0 } as const;
const overIpv6 = ['ipip6', 'ip6ip6', 'any'] as const;

/** What is kept makes it a device that no info of ours says. */
const tunnelAttributes = new AttributeTable({
  IFLA_IPTUN_LINK: [1, u32],
  IFLA_IPTUN_LOCAL: [2, ip],
  IFLA_IPTUN_REMOTE: [3, ip],
  IFLA_IPTUN_TTL: [4, u8],
  IFLA_IPTUN_TOS: [5, keptUnlessZero],
  IFLA_IPTUN_ENCAP_LIMIT: [6, u8],
  IFLA_IPTUN_FLOWINFO: [7, keptUnlessZero],
  IFLA_IPTUN_FLAGS: [8, u32],
  IFLA_IPTUN_PROTO: [9, u8],
  IFLA_IPTUN_PMTUDISC: [10, bool],
  IFLA_IPTUN_6RD_PREFIX: [11, keptUnlessZero],
  IFLA_IPTUN_6RD_RELAY_PREFIX: [12, keptUnlessZero],
  IFLA_IPTUN_6RD_PREFIXLEN: [13, keptUnlessZero],
  IFLA_IPTUN_6RD_RELAY_PREFIXLEN: [14, keptUnlessZero],
  IFLA_IPTUN_ENCAP_TYPE: [15, u16],
  IFLA_IPTUN_ENCAP_FLAGS: [16, u16],
  IFLA_IPTUN_ENCAP_SPORT: [17, be16],
  IFLA_IPTUN_ENCAP_DPORT: [18, be16],
  IFLA_IPTUN_COLLECT_METADATA: [19, kept],
  IFLA_IPTUN_FWMARK: [20, keptUnlessZero],
});

type TunnelValues = ReturnType<typeof tunnelAttributes.read>;

export const ipip = linkForm(
  tunnelAttributes,
  (values) => {
    const shared = sharedFacts('ipv4', values);
    const isOurs = values.IFLA_IPTUN_PROTO === inner.mplsip && values.IFLA_IPTUN_PMTUDISC !== false;
    if (shared === undefined || !isOurs) return undefined;
    return {
      info: { kind: 'ipip', mode: 'mplsip', ...shared.always, ...present<IpipInfo>(shared.facts) },
      below: shared.below,
    };
  },
  (info: IpipInfo, below) => sharedValues('ipv4', info, below),
);

export const ip6tnl = linkForm(
  tunnelAttributes,
  (values) => {
    const shared = sharedFacts('ipv6', values);
    const encapLimit = readEncapLimit(values.IFLA_IPTUN_FLAGS, values.IFLA_IPTUN_ENCAP_LIMIT);
    const mode = overIpv6.find((name) => inner[name] === (values.IFLA_IPTUN_PROTO ?? 0));
    if (shared === undefined || encapLimit === 'other' || mode === undefined) return undefined;
    return {
      info: {
        kind: 'ip6tnl',
        mode,
        ...shared.always,
        ...present<Ip6TunnelInfo>({ ...shared.facts, encapLimit }),
      },
      below: shared.below,
    };
  },
  (info: Ip6TunnelInfo, below) => ({
    ...sharedValues('ipv6', info, below),
    IFLA_IPTUN_ENCAP_LIMIT: info.encapLimit,
    IFLA_IPTUN_FLAGS: encapLimitFlags(info.encapLimit),
  }),
);

function sharedValues(
  family: AddressFamily,
  info: IpipInfo | Ip6TunnelInfo,
  below: number | undefined,
): TunnelValues {
  checkEnds(family, info);
  const encap = encapNumbers(family, info.encap);
  return {
    IFLA_IPTUN_LINK: below,
    IFLA_IPTUN_LOCAL: info.local,
    IFLA_IPTUN_REMOTE: info.remote,
    IFLA_IPTUN_TTL: info.ttl,
    IFLA_IPTUN_PROTO: inner[info.mode],
    IFLA_IPTUN_ENCAP_TYPE: encap.type,
    IFLA_IPTUN_ENCAP_FLAGS: encap.flags,
    IFLA_IPTUN_ENCAP_SPORT: encap.sourcePort,
    IFLA_IPTUN_ENCAP_DPORT: encap.destinationPort,
  };
}

/** @returns undefined for what no info says. */
function sharedFacts(family: AddressFamily, values: TunnelValues) {
  const encap = readEncap(family, {
    type: values.IFLA_IPTUN_ENCAP_TYPE,
    flags: values.IFLA_IPTUN_ENCAP_FLAGS,
    sourcePort: values.IFLA_IPTUN_ENCAP_SPORT,
    destinationPort: values.IFLA_IPTUN_ENCAP_DPORT,
  });
  if (encap === 'other' || values.kept !== undefined) return undefined;
  const { local, remote } = readEnds(family, values.IFLA_IPTUN_LOCAL, values.IFLA_IPTUN_REMOTE);
  return {
    always: { local, ttl: values.IFLA_IPTUN_TTL ?? 0 },
    facts: { remote, encap },
    below: values.IFLA_IPTUN_LINK || undefined,
  };
}
