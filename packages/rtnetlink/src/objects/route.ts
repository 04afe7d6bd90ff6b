// Routes of IPv4, IPv6 and MPLS, and the nexthop objects that they lead to, in the words of linux/rtnetlink.h and nexthop.h.
import type { IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';
import type { Extensible, OtherEncap } from './common.ts';

/** RTN_*. `other`: one that has no word here; never sent. */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'other';

/** RTA_METRICS (RTAX_*) of a route. */
export interface RouteMetrics {
  /** Bytes. */
  readonly mtu?: number;
  /** `mtu lock`: path MTU discovery may not lower it. */
  readonly mtuLocked?: boolean;
  /** TCP maximum segment size that is announced, bytes. */
  readonly advmss?: number;
  readonly hopLimit?: number;
}

/** Where a route leads. */
interface Leg {
  readonly device?: number;
  /** RTA_GATEWAY, or RTA_VIA where it is of the other family. */
  readonly gateway?: IpAddress;
  /** RTNH_F_ONLINK */
  readonly onlink?: boolean;
  /** RTA_ENCAP of MPLS, outermost label first. Slow by the thousand in IPv4: nexthop objects are not. */
  readonly encapLabels?: readonly Label[];
  readonly otherEncap?: OtherEncap;
}

/** A member of RTA_MULTIPATH (struct rtnexthop). */
export interface RouteNexthop extends Leg, Extensible {
  /** 1-256: rtnh_hops and one. */
  readonly weight: number;
}

/** A route (RTM_*ROUTE) of IPv4 or IPv6. */
export interface IpRoute extends Leg, Extensible {
  readonly object: 'route';
  readonly family: 'ipv4' | 'ipv6';
  /** 1 to 2^32-1. */
  readonly table: number;
  readonly prefix: IpPrefix;
  /** Absent: unicast. */
  readonly type?: RouteType;
  /** RTA_PRIORITY; the kernel's default is 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number;
  /** rtm_protocol, 0-255; absent in a request: RTPROT_BOOT. */
  readonly protocol?: number;
  /** RTA_NH_ID; excludes device, gateway and multipath. */
  readonly nexthopId?: number;
  /** RTA_PREFSRC */
  readonly preferredSource?: IpAddress;
  /** Excludes device and gateway. */
  readonly multipath?: readonly RouteNexthop[];
  readonly metrics?: RouteMetrics;
}

/** Where a label route leads: a VRF device (pop, look up), or the device behind which `via` is. */
interface MplsLeg {
  readonly device: number;
  /** RTA_VIA: an IP address, resolved by ARP or ND, or a link-layer address. */
  readonly via?: IpAddress | MacAddress;
  /** RTA_NEWDST: swap; absent: pop. Outermost first. */
  readonly newLabels?: readonly Label[];
}

/** A member of a label route's RTA_MULTIPATH. The kernel ignores weights here. */
export interface MplsNexthop extends MplsLeg, Extensible {}

/** A label route (RTM_*ROUTE of AF_MPLS): pop and forward, or swap where `newLabels` is given. */
export interface MplsRoute extends MplsLeg, Extensible {
  readonly object: 'route';
  readonly family: 'mpls';
  readonly label: Label;
  readonly protocol?: number;
  /** RTA_TTL_PROPAGATE; absent: as net.mpls.ip_ttl_propagate says. */
  readonly ttlPropagate?: boolean;
  /** Where given, `device` is 0 and neither `via` nor `newLabels` is. */
  readonly multipath?: readonly MplsNexthop[];
}

export type Route = IpRoute | MplsRoute;

/** A nexthop object (RTM_*NEXTHOP). */
export interface Nexthop extends Extensible {
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
  readonly otherEncap?: OtherEncap;
  readonly blackhole?: boolean;
  /** NHA_GROUP; weights are 1-65536, and above 256 need kernel 6.12. */
  readonly group?: readonly { readonly id: number; readonly weight: number }[];
  /** NEXTHOP_GRP_TYPE_RES: a group that keeps flows on their member while others come and go. Absent: hash threshold. */
  readonly resilient?: {
    /** 1-65535 */
    readonly buckets: number;
    /** Hundredths of a second (clock_t) that a bucket has to be idle before it may move. */
    readonly idleTimer?: number;
    /** Hundredths of a second after which busy buckets move too; 0: never. */
    readonly unbalancedTimer?: number;
  };
}
