// Node strings of the dialect contrail: AF/SAFI/VRF towards a forwarder, AF/SAFI/VRF/PREFIX from it. Pure text.
import type { IpPrefix } from '@hostpe/net';
import { familyNumber, notEncodable } from './checked.ts';
import { quote } from './errors.ts';

/** The node that says End-of-RIB, of the whole session. */
export const endOfRibNode = '0/0/EndOfRib';

const shape = /^([0-9]{1,5})\/([0-9]{1,5})\/(.+)$/s;

export interface ContrailNode {
  /** IANA address family: 1 IPv4, 2 IPv6, 25 layer 2. */
  readonly af: string;
  readonly safi: string;
  /** The VRF towards a forwarder; opaque from it. */
  readonly rest: string;
}

/** Undefined where `node` has another shape. */
export function readContrailNode(node: string): ContrailNode | undefined {
  const [, af, safi, rest] = shape.exec(node) ?? [];
  return af === undefined || safi === undefined || rest === undefined ? undefined : { af, safi, rest };
}

/** Unicast routes of IPv4 and IPv6; everything else is of Contrail's other uses. */
export function isUnicast({ af, safi }: ContrailNode): boolean {
  return (af === '1' || af === '2') && safi === '1';
}

/** @throws SignalingError `not-encodable` for a VPN that a receiver would cut: it takes what is between slashes. */
export function contrailVrf(vpn: string): string {
  if (vpn.includes('/'))
    throw notEncodable(`the VPN name ${quote(vpn)}: in the dialect contrail it has no slash`);
  return vpn;
}

export function vrfNode(family: '1' | '2', vrf: string): string {
  return `${family}/1/${vrf}`;
}

export function prefixNode(vrf: string, prefix: IpPrefix): string {
  return `${vrfNode(familyNumber(prefix), vrf)}/${prefix}`;
}
