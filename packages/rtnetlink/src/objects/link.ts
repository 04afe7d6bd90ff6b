// Network devices by kind, in the words of linux/if_link.h, if_tunnel.h and ip6_tunnel.h.
import type { IpAddress, MacAddress } from '@hostpe/net';
import type { Extensible } from './common.ts';

/** A network device (RTM_*LINK). */
export interface Link extends Extensible {
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
  /** IFLA_LINK: index of the device below (of a VLAN, a tunnel), or of the other end of a veth pair, then maybe in another namespace. */
  readonly link?: number;
  readonly address?: MacAddress;
  /** IFLA_IFALIAS, at most 255 bytes; what marks a device as ours. The kernel ignores it in an `add`: a `set` gives it, an empty one takes it away. */
  readonly alias?: string;
  readonly info?: LinkInfo;
}

/** IFLA_LINKINFO by kind. */
export type LinkInfo =
  | VrfInfo
  | DummyInfo
  | VethInfo
  | GreInfo
  | Ip6GreInfo
  | IpipInfo
  | Ip6TunnelInfo
  | VlanInfo
  | BridgeInfo
  | OtherLinkInfo;

export interface VrfInfo extends Extensible {
  readonly kind: 'vrf';
  readonly table: number;
}

export interface DummyInfo extends Extensible {
  readonly kind: 'dummy';
}

export interface VethInfo extends Extensible {
  readonly kind: 'veth';
  /** Name of the other end; only a request has it. */
  readonly peer?: string;
}

/** IFLA_GRE_ENCAP_*, IFLA_IPTUN_ENCAP_*: what goes between the tunnel's IP header and its contents. */
export interface TunnelEncap {
  readonly type: 'fou';
  /** 0: chosen by flow. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly csum: boolean;
}

interface TunnelFacts extends Extensible {
  readonly local: IpAddress;
  /** Absent: multipoint (NBMA); the neighbour's link-layer address, or a tunnel_key action, is the remote end. */
  readonly remote?: IpAddress;
  /** Of IPv6 tunnels the hop limit. 0: inherited from what is inside. */
  readonly ttl: number;
  readonly encap?: TunnelEncap;
}

/** GRE over IPv4, layer 3 (if_tunnel.h). */
export interface GreInfo extends TunnelFacts {
  readonly kind: 'gre';
  /** RFC 2890, both directions. */
  readonly key?: number;
  /** Absent: path MTU discovery, the kernel's default. */
  readonly pathMtuDiscovery?: false;
}

/** GRE over IPv6, layer 3. */
export interface Ip6GreInfo extends TunnelFacts {
  readonly kind: 'ip6gre';
  readonly key?: number;
  /** RFC 2473 section 4.1.1; absent: none is sent (IP6_TNL_F_IGN_ENCAP_LIMIT). */
  readonly encapLimit?: number;
  /** `local` is `::`, and each packet's other end that of the tunnel_key action that it went through. One such device in a namespace. */
  readonly external?: true;
}

/** MPLS in IPv4; of the other modes of `ipip` nothing is ours. */
export interface IpipInfo extends TunnelFacts {
  readonly kind: 'ipip';
  readonly mode: 'mplsip';
}

/** MPLS or IP in IPv6 (ip6_tunnel). */
export interface Ip6TunnelInfo extends TunnelFacts {
  readonly kind: 'ip6tnl';
  /** MPLS goes in `any`: the kernel refuses IPPROTO_MPLS by itself. */
  readonly mode: 'ipip6' | 'ip6ip6' | 'any';
  /** RFC 2473 section 4.1.1; absent: none is sent (IP6_TNL_F_IGN_ENCAP_LIMIT). */
  readonly encapLimit?: number;
}

export interface VlanInfo extends Extensible {
  readonly kind: 'vlan';
  /** 802.1Q VLAN identifier, 0-4095. */
  readonly id: number;
  /** Absent: 802.1Q. */
  readonly protocol?: '802.1ad';
}

export interface BridgeInfo extends Extensible {
  readonly kind: 'bridge';
  readonly vlanFiltering?: boolean;
  /** IEEE 802.1D spanning tree. */
  readonly stp?: boolean;
  /** Hundredths of a second. */
  readonly forwardDelay?: number;
  /** Hundredths of a second. */
  readonly ageingTime?: number;
}

/** A kind, or a mode of a kind, that has no form here. */
export interface OtherLinkInfo {
  readonly kind: 'other';
  readonly name: string;
  /** IFLA_INFO_DATA as it came. */
  readonly data?: Uint8Array;
}
