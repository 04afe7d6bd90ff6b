// What should be in the kernel, as the forwarder says it: plain values, no I/O, no ids that the kernel chooses.
// Units: MTUs are bytes, labels 20-bit numbers, tables the kernel's u32 table ids.
import { isDeepStrictEqual } from 'node:util';
import type { Encapsulation, IpAddress, IpPrefix, Label, MacAddress } from '@hostpe/net';
import type { VpnRoutes } from './routes/vpn-routes.ts';

export interface DesiredState {
  readonly underlay: DesiredUnderlay;
  /** Keyed by nothing: names and tables are unique, which the forwarder ensures. */
  readonly vpns: readonly DesiredVpn[];
}

export interface DesiredUnderlay {
  /** Our PE address: source of every tunnel. Its family is that of the underlay. */
  readonly address: IpAddress;
  /**
   * MTU of the underlay, at least 1312, or 1328 over IPv6; absent: that of the interface with the PE address. Tunnel devices get it less 24 (GRE),
   * 28 (UDP) or 44 (GRE over IPv6).
   */
  readonly mtu?: number | undefined;
  /** Where tunnel packets may come from besides the PEs of known routes. */
  readonly allowedPes: readonly IpPrefix[];
}

export interface DesiredVpn {
  /** The VPN identifier. */
  readonly name: string;
  /** Name of the VRF device. */
  readonly device: string;
  readonly table: number;
  /** What packets of the VPN may go in: says what is left of the underlay's MTU. Absent: any. */
  readonly encapsulations?: readonly Encapsulation[];
  readonly attachments: readonly DesiredAttachment[];
  /** One object as long as the VPN is there: changed in place, see Reconciler.routesChanged. */
  readonly routes: VpnRoutes;
  /** False until every route server that should said End-of-RIB: routes in the kernel that are not in `routes` are kept, with all they need. */
  readonly complete: boolean;
}

export interface DesiredAttachment {
  readonly interface: string;
  /** Host prefixes of the machine behind it; the first IPv4 one, else the first, is where the label's packets go. */
  readonly addresses: readonly IpPrefix[];
  readonly label: Label;
  /** The machine's MAC address; where it is given, frames from others are dropped. */
  readonly mac?: MacAddress;
  /** The interface is a VLAN subinterface, which is made where it is not there. */
  readonly vlan?: DesiredVlan;
  /** The machine takes a subnet for on-link: the gateway answers its ARP queries for every address. Absent: for its own alone. */
  readonly multipoint?: boolean;
  /** MTU that the interface is given; `underlay`: what the underlay carries whole. Absent: it keeps its own. */
  readonly mtu?: number | 'underlay';
}

export interface DesiredVlan {
  /** Name of the interface below. */
  readonly parent: string;
  /** 802.1Q VLAN identifier, 1 to 4094. */
  readonly id: number;
}

export type DesiredNexthop =
  | {
      readonly kind: 'remote';
      readonly pe: IpAddress;
      readonly label: Label;
      readonly encapsulation: Encapsulation;
    }
  | { readonly kind: 'local'; readonly interface: string };

/** Whether all is the same but routes and which VPNs are complete. */
export function differInRoutesAlone(one: DesiredState, other: DesiredState): boolean {
  if (one === other) return true;
  return (
    one.vpns.length === other.vpns.length &&
    one.vpns.every(({ routes }, at) => routes === other.vpns[at]?.routes) &&
    isDeepStrictEqual(withoutRoutes(one), withoutRoutes(other))
  );
}

function withoutRoutes({ underlay, vpns }: DesiredState): object {
  return { underlay, vpns: vpns.map(({ routes: _routes, complete: _complete, ...rest }) => rest) };
}

export interface AdoptedLabel {
  readonly label: Label;
  /**
   * The VPN that the label was published in: that of the VRF which the interface is in. Undefined where the interface is in no VRF of ours, or
   * has several labels, of which one may be left over from another VPN.
   */
  readonly vpn: string | undefined;
}

/** What a first look at the kernel found of ours, so that labels and tables stay what they were. */
export interface Adopted {
  /** VRF device name to its VPN and table. */
  readonly vpns: ReadonlyMap<string, { readonly name: string; readonly table: number }>;
  /** Interface name to the label that leads to it, and the VPN whose VRF the interface is in. */
  readonly labels: ReadonlyMap<string, AdoptedLabel>;
}
