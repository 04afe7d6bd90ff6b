// The kernel's networking objects as values, one interface a kind, in the words of linux/rtnetlink.h, if_link.h, neighbour.h, nexthop.h,
// fib_rules.h, pkt_cls.h and fou.h. Owns no bytes: the codec of each kind does.
// Units: indexes and ids are the kernel's u32 numbers, MTUs are bytes, labels are 20-bit numbers.
import type { IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';

export type RouteFamily = 'ipv4' | 'ipv6' | 'mpls';

/** A network device (RTM_*LINK). Optional facts are absent where the kernel did not send them or the request leaves them alone. */
export interface Link {
  readonly object: 'link';
  /** Interface index; absent in a request that creates, where the kernel chooses. */
  readonly index?: number;
  readonly name?: string;
  /** IFF_UP. */
  readonly up?: boolean;
  /** IFF_LOWER_UP: carrier. Never sent. */
  readonly carrier?: boolean;
  readonly mtu?: number;
  /** Index of the master device (a VRF, a bridge); 0 in a request releases the device. */
  readonly master?: number;
  readonly address?: MacAddress;
  /** IFLA_IFALIAS, at most 255 bytes; what marks a device as ours. The kernel ignores it in an `add`: a `set` gives it, an empty one takes it away. */
  readonly alias?: string;
  readonly info?: LinkInfo;
}

/** IFLA_LINKINFO by kind. A kind that has no codec yet is `other`. */
export type LinkInfo =
  | { readonly kind: 'vrf'; readonly table: number }
  | { readonly kind: 'dummy' }
  | { readonly kind: 'veth'; readonly peer?: string }
  | {
      readonly kind: 'gre';
      readonly local: IpAddress;
      /** Absent: multipoint (NBMA); the neighbour's link-layer address is the remote end. */
      readonly remote?: IpAddress;
      readonly ttl: number;
    }
  | {
      readonly kind: 'ipip';
      readonly mode: 'mplsip';
      readonly local: IpAddress;
      readonly remote?: IpAddress;
      readonly ttl: number;
      readonly encap?: {
        readonly type: 'fou';
        readonly sourcePort: number;
        readonly destinationPort: number;
        readonly csum: boolean;
      };
    }
  | { readonly kind: 'other'; readonly name: string };

/** An address of a device (RTM_*ADDR). */
export interface Address {
  readonly object: 'address';
  readonly index: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** IFA_F_NODAD: usable at once. IPv6 only. */
  readonly noDad?: boolean;
}

/** A neighbour entry (RTM_*NEIGH). On a GRE device the link-layer address is an IP address (NBMA). */
export interface Neighbour {
  readonly object: 'neighbour';
  readonly index: number;
  readonly address: IpAddress;
  readonly linkLayerAddress?: MacAddress | IpAddress;
  /** NUD_* */
  readonly state: 'permanent' | 'noarp' | 'reachable' | 'stale' | 'other';
}

/** A route (RTM_*ROUTE) of IPv4 or IPv6. */
export interface IpRoute {
  readonly object: 'route';
  readonly family: 'ipv4' | 'ipv6';
  readonly table: number;
  readonly prefix: IpPrefix;
  /** RTN_*; absent: unicast. */
  readonly type?: 'unicast' | 'unreachable' | 'blackhole' | 'local' | 'other';
  /** RTA_PRIORITY; the kernel's default is 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number;
  /** rtm_protocol, 0-255; absent in a request: RTPROT_BOOT. */
  readonly protocol?: number;
  /** RTA_NH_ID; excludes device and gateway. */
  readonly nexthopId?: number;
  readonly device?: number;
  readonly gateway?: IpAddress;
}

/** A label route (RTM_*ROUTE of AF_MPLS): pop and forward, or swap where `newLabels` is given. */
export interface MplsRoute {
  readonly object: 'route';
  readonly family: 'mpls';
  readonly label: Label;
  readonly protocol?: number;
  /** RTA_OIF: a VRF device (pop, look up), or the device behind which `via` is. */
  readonly device: number;
  /** RTA_VIA: an IP address, resolved by ARP or ND, or a link-layer address. */
  readonly via?: IpAddress | MacAddress;
  readonly newLabels?: readonly Label[];
}

export type Route = IpRoute | MplsRoute;

/** A nexthop object (RTM_*NEXTHOP). */
export interface Nexthop {
  readonly object: 'nexthop';
  readonly id: number;
  /** nh_family; a group has none. */
  readonly family?: 'ipv4' | 'ipv6';
  readonly protocol?: number;
  readonly device?: number;
  readonly gateway?: IpAddress;
  readonly onlink?: boolean;
  /** NHA_ENCAP of MPLS: outermost label first. */
  readonly encapLabels?: readonly Label[];
  readonly blackhole?: boolean;
  /** NHA_GROUP; weights count from 1. */
  readonly group?: readonly { readonly id: number; readonly weight: number }[];
}

/** A routing-policy rule (RTM_*RULE): only what VRFs need. */
export interface Rule {
  readonly object: 'rule';
  readonly family: 'ipv4' | 'ipv6';
  readonly priority: number;
  readonly table: number;
  /** FRA_L3MDEV: look up in the VRF's table. */
  readonly l3mdev?: boolean;
}

/** A queueing discipline (RTM_*QDISC); only clsact is ours. */
export interface Qdisc {
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
        };
        readonly redirect: number;
      }
    | { readonly kind: 'other'; readonly name: string };
}

/** A foo-over-UDP receive port (generic netlink, family `fou`). */
export interface FouPort {
  readonly object: 'fou';
  readonly family: 'ipv4' | 'ipv6';
  readonly port: number;
  /** IP protocol inside, 137 for MPLS. */
  readonly protocol: number;
}

export type KernelObject = Link | Address | Neighbour | Route | Nexthop | Rule | Qdisc | Filter | FouPort;
