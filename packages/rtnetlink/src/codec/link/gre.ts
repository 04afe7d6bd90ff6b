// GRE tunnels over IPv4 and IPv6, layer 3: IFLA_GRE_* of linux/if_tunnel.h.
import type { AddressFamily } from '@hostpe/net';
import type { GreInfo, Ip6GreInfo } from '../../objects.ts';
import { AttributeTable, present } from '../wire/attributes.ts';
import { be16, be32, bool, flag, ignored, ip, keptUnlessZero, u8, u16, u32 } from '../wire/formats.ts';
import { linkForm } from './link-form.ts';
import { checkEnds, encapLimitFlags, encapNumbers, readEncap, readEncapLimit, readEnds } from './tunnel.ts';

/** GRE_KEY of linux/if_tunnel.h: the header has a key (RFC 2890 section 2). */
const flagKey = 0x2000;

/** What is kept makes it a device that no info of ours says. */
const greAttributes = new AttributeTable({
  IFLA_GRE_LINK: [1, u32],
  IFLA_GRE_IFLAGS: [2, be16],
  IFLA_GRE_OFLAGS: [3, be16],
  IFLA_GRE_IKEY: [4, be32],
  IFLA_GRE_OKEY: [5, be32],
  IFLA_GRE_LOCAL: [6, ip],
  IFLA_GRE_REMOTE: [7, ip],
  IFLA_GRE_TTL: [8, u8],
  IFLA_GRE_TOS: [9, keptUnlessZero],
  IFLA_GRE_PMTUDISC: [10, bool],
  IFLA_GRE_ENCAP_LIMIT: [11, u8],
  IFLA_GRE_FLOWINFO: [12, keptUnlessZero],
  IFLA_GRE_FLAGS: [13, u32],
  IFLA_GRE_ENCAP_TYPE: [14, u16],
  IFLA_GRE_ENCAP_FLAGS: [15, u16],
  IFLA_GRE_ENCAP_SPORT: [16, be16],
  IFLA_GRE_ENCAP_DPORT: [17, be16],
  IFLA_GRE_COLLECT_METADATA: [18, flag],
  IFLA_GRE_IGNORE_DF: [19, keptUnlessZero],
  IFLA_GRE_FWMARK: [20, keptUnlessZero],
  IFLA_GRE_ERSPAN_INDEX: [21, ignored],
  IFLA_GRE_ERSPAN_VER: [22, ignored],
  IFLA_GRE_ERSPAN_DIR: [23, ignored],
  IFLA_GRE_ERSPAN_HWID: [24, ignored],
});

type GreValues = ReturnType<typeof greAttributes.read>;

export const gre = linkForm(
  greAttributes,
  (values) => {
    const shared = sharedFacts('ipv4', values);
    if (shared === undefined || values.IFLA_GRE_COLLECT_METADATA !== undefined) return undefined;
    const facts = {
      ...shared.facts,
      pathMtuDiscovery: values.IFLA_GRE_PMTUDISC === false ? false : undefined,
    } as const;
    return { info: { kind: 'gre', ...shared.always, ...present<GreInfo>(facts) }, below: shared.below };
  },
  (info: GreInfo, below) => ({
    ...sharedValues('ipv4', info, below),
    IFLA_GRE_PMTUDISC: info.pathMtuDiscovery,
  }),
);

export const ip6gre = linkForm(
  greAttributes,
  (values) => {
    const shared = sharedFacts('ipv6', values);
    const encapLimit = readEncapLimit(values.IFLA_GRE_FLAGS, values.IFLA_GRE_ENCAP_LIMIT);
    if (shared === undefined || encapLimit === 'other') return undefined;
    return {
      info: {
        kind: 'ip6gre',
        ...shared.always,
        ...present<Ip6GreInfo>({
          ...shared.facts,
          encapLimit,
          external: values.IFLA_GRE_COLLECT_METADATA,
        }),
      },
      below: shared.below,
    };
  },
  (info: Ip6GreInfo, below) => ({
    ...sharedValues('ipv6', info, below),
    IFLA_GRE_ENCAP_LIMIT: info.encapLimit,
    IFLA_GRE_FLAGS: encapLimitFlags(info.encapLimit),
    IFLA_GRE_COLLECT_METADATA: info.external,
  }),
);

function sharedValues(
  family: AddressFamily,
  info: GreInfo | Ip6GreInfo,
  below: number | undefined,
): GreValues {
  checkEnds(family, info);
  const { key } = info;
  const flags = key === undefined ? undefined : flagKey;
  const encap = encapNumbers(family, info.encap);
  return {
    IFLA_GRE_LINK: below,
    IFLA_GRE_IFLAGS: flags,
    IFLA_GRE_OFLAGS: flags,
    IFLA_GRE_IKEY: key,
    IFLA_GRE_OKEY: key,
    IFLA_GRE_LOCAL: info.local,
    IFLA_GRE_REMOTE: info.remote,
    IFLA_GRE_TTL: info.ttl,
    IFLA_GRE_ENCAP_TYPE: encap.type,
    IFLA_GRE_ENCAP_FLAGS: encap.flags,
    IFLA_GRE_ENCAP_SPORT: encap.sourcePort,
    IFLA_GRE_ENCAP_DPORT: encap.destinationPort,
  };
}

/** @returns undefined for keys of one direction, checksums, sequence numbers, and whatever else no info says. */
function sharedFacts(family: AddressFamily, values: GreValues) {
  const { IFLA_GRE_IFLAGS: flags = 0, IFLA_GRE_IKEY: inKey = 0, IFLA_GRE_OKEY: outKey = 0 } = values;
  const hasKey = flags === flagKey;
  const encap = readEncap(family, {
    type: values.IFLA_GRE_ENCAP_TYPE,
    flags: values.IFLA_GRE_ENCAP_FLAGS,
    sourcePort: values.IFLA_GRE_ENCAP_SPORT,
    destinationPort: values.IFLA_GRE_ENCAP_DPORT,
  });
  const isOurs =
    values.kept === undefined &&
    (flags === 0 || (hasKey && inKey === outKey)) &&
    (values.IFLA_GRE_OFLAGS ?? 0) === flags;
  if (!isOurs || encap === 'other') return undefined;
  const { local, remote } = readEnds(family, values.IFLA_GRE_LOCAL, values.IFLA_GRE_REMOTE);
  return {
    always: { local, ttl: values.IFLA_GRE_TTL ?? 0 },
    facts: { remote, encap, key: hasKey ? inKey : undefined },
    below: values.IFLA_GRE_LINK || undefined,
  };
}
