// The kernel's networking objects as values, one interface a kind, in the words of linux/rtnetlink.h, if_link.h, neighbour.h, nexthop.h,
// fib_rules.h, pkt_cls.h, netconf.h and fou.h. Owns no bytes: the codec of each kind does.
// Units: indexes and ids are the kernel's u32 numbers, MTUs are bytes, labels are 20-bit numbers.
// An optional fact is absent where the kernel did not send it or has its default, and where the request leaves it alone.
import type { IpAddress, IpPrefix, MacAddress } from '@hostpe/net';
import type { Extensible, RouteFamily } from './objects/common.ts';
import type { Link } from './objects/link.ts';
import type { Nexthop, Route } from './objects/route.ts';

export type { OtherEncap, RouteFamily, UnknownAttribute } from './objects/common.ts';
export type {
  BridgeInfo,
  DummyInfo,
  GreInfo,
  Ip6GreInfo,
  Ip6TunnelInfo,
  IpipInfo,
  Link,
  LinkInfo,
  OtherLinkInfo,
  TunnelEncap,
  VethInfo,
  VlanInfo,
  VrfInfo,
} from './objects/link.ts';
export type {
  IpRoute,
  MplsNexthop,
  MplsRoute,
  Nexthop,
  Route,
  RouteMetrics,
  RouteNexthop,
  RouteType,
} from './objects/route.ts';

/** An address of a device (RTM_*ADDR). */
export interface Address extends Extensible {
  readonly object: 'address';
  readonly index: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The other end of a point-to-point device. */
  readonly peer?: IpAddress;
  /** IFA_F_NODAD: usable at once. IPv6 only. */
  readonly noDad?: boolean;
  /** IFA_F_DADFAILED: another host has it. Never sent. */
  readonly dadFailed?: boolean;
}

/** NUD_*; `none` is also the state of an entry that nobody gave one. */
export type NeighbourState =
  | 'permanent'
  | 'noarp'
  | 'reachable'
  | 'stale'
  | 'delay'
  | 'probe'
  | 'incomplete'
  | 'failed'
  | 'none';

/** A neighbour entry (RTM_*NEIGH). On a GRE device the link-layer address is an IP address (NBMA). */
export interface Neighbour extends Extensible {
  readonly object: 'neighbour';
  readonly index: number;
  readonly address: IpAddress;
  readonly linkLayerAddress?: MacAddress | IpAddress;
  readonly state: NeighbourState;
  /** NTF_ROUTER. IPv6 only. */
  readonly router?: boolean;
  /** NTF_EXT_LEARNED: given by a control plane; never aged by the kernel. */
  readonly externallyLearned?: boolean;
  /** NDA_PROTOCOL: RTPROT_* of who made it; absent: 0. */
  readonly protocol?: number;
}

/** A routing-policy rule (RTM_*RULE) that looks up a table, jumps or refuses. */
export interface Rule extends Extensible {
  readonly object: 'rule';
  readonly family: 'ipv4' | 'ipv6';
  readonly priority: number;
  /** FR_ACT_*; absent: looks up `table`. */
  readonly action?: 'blackhole' | 'unreachable' | 'prohibit' | 'nop' | 'goto';
  /** 0 where the action looks nothing up, and with l3mdev. */
  readonly table: number;
  /** FRA_L3MDEV: look up in the VRF's table. */
  readonly l3mdev?: boolean;
  /** FRA_GOTO: priority of the rule to go on with. */
  readonly target?: number;
  readonly source?: IpPrefix;
  readonly destination?: IpPrefix;
  /** Names of devices. */
  readonly inputDevice?: string;
  readonly outputDevice?: string;
  /** FRA_FWMARK, FRA_FWMASK */
  readonly mark?: { readonly value: number; readonly mask: number };
  /** FRA_IP_PROTO: IP protocol number. */
  readonly ipProtocol?: number;
  /** FRA_SUPPRESS_PREFIXLEN: routes that are this long or shorter do not count. */
  readonly suppressPrefixLength?: number;
}

/** A queueing discipline (RTM_*QDISC); only clsact is ours. */
export interface Qdisc extends Extensible {
  readonly object: 'qdisc';
  readonly index: number;
  readonly kind: 'clsact' | (string & {});
}

/** A traffic-control filter (RTM_*TFILTER) at a clsact hook. A filter that has not this shape decodes as `other`. */
export interface Filter {
  readonly object: 'filter';
  readonly index: number;
  readonly hook: 'ingress' | 'egress';
  readonly priority: number;
  /** EtherType, for example 0x8847. */
  readonly protocol: number;
  readonly handle: number;
  readonly match:
    | {
        readonly kind: 'flower';
        readonly destinationMac: MacAddress;
        /** act_tunnel_key set, then act_mirred egress redirect, in this order. */
        readonly tunnel: {
          readonly source: IpAddress;
          readonly destination: IpAddress;
          readonly csum: boolean;
          /** Absent: key 0, which GRE writes into its header, and foo-over-UDP does not. */
          readonly keyless?: true;
        };
        readonly redirect: number;
      }
    | { readonly kind: 'other'; readonly name: string };
}

/** A foo-over-UDP receive port (generic netlink, family `fou`). */
export interface FouPort extends Extensible {
  readonly object: 'fou';
  readonly family: 'ipv4' | 'ipv6';
  readonly port: number;
  /** IP protocol inside, 137 for MPLS. */
  readonly protocol: number;
}

/** How a device forwards a family (RTM_*NETCONF). To be read only: sysctls change it. */
export interface Netconf extends Extensible {
  readonly object: 'netconf';
  readonly family: RouteFamily;
  /** Interface index; NETCONFA_IFINDEX_ALL and _DEFAULT by name. */
  readonly index: number | 'all' | 'default';
  readonly forwarding?: boolean;
  /** 0 off, 1 strict, 2 loose. IPv4 only. */
  readonly rpFilter?: number;
  readonly ignoreRoutesWithLinkdown?: boolean;
  /** NETCONFA_INPUT: takes MPLS packets. */
  readonly input?: boolean;
}

export type KernelObject =
  | Link
  | Address
  | Neighbour
  | Route
  | Nexthop
  | Rule
  | Qdisc
  | Filter
  | FouPort
  | Netconf;
