// What kind of device a link is: IFLA_LINKINFO, with the attributes of vrf, veth (linux/if_link.h, veth.h) and IPv4 tunnels (if_tunnel.h).
import type { IpAddress } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { LinkInfo } from '../objects.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

type GreInfo = Extract<LinkInfo, { kind: 'gre' }>;
type IpipInfo = Extract<LinkInfo, { kind: 'ipip' }>;

const attribute = { kind: 1, data: 2 } as const;
const vrfTable = 1;
const vethPeer = 1;
const linkName = 3;
const linkHeaderLength = 16;
const longestName = 15;
const gre = { local: 6, remote: 7, ttl: 8 } as const;
const tunnel = {
  local: 2,
  remote: 3,
  ttl: 4,
  protocol: 9,
  encapType: 15,
  encapFlags: 16,
  encapSourcePort: 17,
  encapDestinationPort: 18,
} as const;
/** IPPROTO_MPLS: what makes an `ipip` device carry MPLS, `mode mplsip`. */
const protocolMpls = 137;
const encapFou = 1;
const encapFlagCsum = 1;
const noAddress = '0.0.0.0' as IpAddress;

export function encodeLinkInfo(writer: MessageWriter, type: number, info: LinkInfo): void {
  if (info.kind === 'other') throw new RtnetlinkError('invalid', `a link of kind ${info.name} has no codec`);
  const nest = writer.openNest(type);
  writer.attributeString(attribute.kind, info.kind, longestName);
  const data = writer.openNest(attribute.data);
  if (info.kind === 'vrf') writer.attributeU32(vrfTable, info.table);
  else if (info.kind === 'veth' && info.peer !== undefined) writeVethPeer(writer, info.peer);
  else if (info.kind === 'gre') writeGre(writer, info);
  else if (info.kind === 'ipip') writeIpip(writer, info);
  writer.closeAttribute(data);
  writer.closeAttribute(nest);
}

/** The peer is a link of its own: a struct ifinfomsg and attributes. */
function writeVethPeer(writer: MessageWriter, name: string): void {
  const peer = writer.openAttribute(vethPeer);
  for (let at = 0; at < linkHeaderLength; at += 4) writer.u32(0);
  writer.attributeString(linkName, name, longestName);
  writer.closeAttribute(peer);
}

function writeGre(writer: MessageWriter, info: GreInfo): void {
  writer.attributeAddress(gre.local, info.local);
  if (info.remote !== undefined) writer.attributeAddress(gre.remote, info.remote);
  writer.attributeU8(gre.ttl, info.ttl);
}

function writeIpip(writer: MessageWriter, info: IpipInfo): void {
  writer.attributeAddress(tunnel.local, info.local);
  if (info.remote !== undefined) writer.attributeAddress(tunnel.remote, info.remote);
  writer.attributeU8(tunnel.ttl, info.ttl);
  writer.attributeU8(tunnel.protocol, protocolMpls);
  if (info.encap === undefined) return;
  writer.attributeU16(tunnel.encapType, encapFou);
  writer.attributeU16(tunnel.encapFlags, info.encap.csum ? encapFlagCsum : 0);
  writer.attributeBe16(tunnel.encapSourcePort, info.encap.sourcePort);
  writer.attributeBe16(tunnel.encapDestinationPort, info.encap.destinationPort);
}

/** @returns undefined where the message names no kind, as for a physical device. */
export function decodeLinkInfo(payload: Payload): LinkInfo | undefined {
  let kind: string | undefined;
  let data: Payload | undefined;
  payload.attributes(0, (type, value) => {
    if (type === attribute.kind) kind = value.string();
    else if (type === attribute.data) data = value;
  });
  if (kind === undefined) return undefined;
  if (kind === 'dummy' || kind === 'veth')
    return { kind, ...(data === undefined ? {} : readVethPeer(kind, data)) };
  if (data !== undefined) {
    if (kind === 'vrf') return readVrf(data);
    if (kind === 'gre') return readGre(data);
    if (kind === 'ipip') return readIpip(data);
  }
  return { kind: 'other', name: kind };
}

/** Only a request names the peer; the kernel never does. */
function readVethPeer(kind: 'dummy' | 'veth', data: Payload): { peer?: string } {
  let name: string | undefined;
  if (kind === 'veth') {
    data.attributes(0, (type, value) => {
      if (type !== vethPeer) return;
      value.attributes(linkHeaderLength, (inner, text) => {
        if (inner === linkName) name = text.string();
      });
    });
  }
  return name === undefined ? {} : { peer: name };
}

function readVrf(data: Payload): LinkInfo {
  let table = 0;
  data.attributes(0, (type, value) => {
    if (type === vrfTable) table = value.u32(0);
  });
  return { kind: 'vrf', table };
}

function readGre(data: Payload): LinkInfo {
  let local = noAddress;
  let remote = noAddress;
  let ttl = 0;
  data.attributes(0, (type, value) => {
    if (type === gre.local) local = value.addressOf('ipv4');
    else if (type === gre.remote) remote = value.addressOf('ipv4');
    else if (type === gre.ttl) ttl = value.u8(0);
  });
  return { kind: 'gre', local, ...(remote === noAddress ? {} : { remote }), ttl };
}

function readIpip(data: Payload): LinkInfo {
  let local = noAddress;
  let remote = noAddress;
  let ttl = 0;
  let protocol = 0;
  let encapType = 0;
  let csum = false;
  let sourcePort = 0;
  let destinationPort = 0;
  data.attributes(0, (type, value) => {
    if (type === tunnel.local) local = value.addressOf('ipv4');
    else if (type === tunnel.remote) remote = value.addressOf('ipv4');
    else if (type === tunnel.ttl) ttl = value.u8(0);
    else if (type === tunnel.protocol) protocol = value.u8(0);
    else if (type === tunnel.encapType) encapType = value.u16(0);
    else if (type === tunnel.encapFlags) csum = (value.u16(0) & encapFlagCsum) !== 0;
    else if (type === tunnel.encapSourcePort) sourcePort = value.be16(0);
    else if (type === tunnel.encapDestinationPort) destinationPort = value.be16(0);
  });
  if (protocol !== protocolMpls) return { kind: 'other', name: 'ipip' };
  return {
    kind: 'ipip',
    mode: 'mplsip',
    local,
    ...(remote === noAddress ? {} : { remote }),
    ttl,
    ...(encapType === encapFou ? { encap: { type: 'fou', sourcePort, destinationPort, csum } } : {}),
  };
}
