// The one filter that VPN traffic needs: flower matches the destination MAC address, tunnel_key names the tunnel's ends, mirred redirects
// (linux/pkt_cls.h, tc_act/tc_tunnel_key.h, tc_act/tc_mirred.h).
import type { IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { Filter } from '../objects.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

type Flower = Extract<Filter['match'], { kind: 'flower' }>;

const key = {
  actions: 3,
  destinationMac: 4,
  destinationMacMask: 5,
  etherType: 8,
  flags: 22,
  hardwareCount: 86,
} as const;
const action = { kind: 1, options: 2 } as const;
const tunnelKey = {
  parameters: 2,
  ipv4Source: 3,
  ipv4Destination: 4,
  ipv6Source: 5,
  ipv6Destination: 6,
  keyId: 7,
  noCsum: 10,
} as const;
const mirred = { parameters: 2 } as const;
/** struct tc_gen: index, capab, action, refcnt, bindcnt. */
const genericLength = 20;
const verdict = { pipe: 3, stolen: 4 } as const;
/** TCA_TUNNEL_KEY_ACT_SET */
const tunnelKeySet = 1;
/** TCA_EGRESS_REDIR */
const egressRedirect = 1;
const wholeMac = 'ff:ff:ff:ff:ff:ff' as MacAddress;
const longestKind = 15;

export function encodeFlower(writer: MessageWriter, type: number, protocol: number, match: Flower): void {
  const options = writer.openNest(type);
  writer.attributeMac(key.destinationMac, match.destinationMac);
  writer.attributeMac(key.destinationMacMask, wholeMac);
  writer.attributeBe16(key.etherType, protocol);
  const actions = writer.openNest(key.actions);
  writeAction(writer, 1, 'tunnel_key', () => writeTunnelKey(writer, match.tunnel));
  writeAction(writer, 2, 'mirred', () => {
    const parameters = writer.openAttribute(mirred.parameters);
    writeGeneric(writer, verdict.stolen);
    writer.u32(egressRedirect);
    writer.u32(match.redirect);
    writer.closeAttribute(parameters);
  });
  writer.closeAttribute(actions);
  writer.closeAttribute(options);
}

function writeAction(writer: MessageWriter, order: number, kind: string, body: () => void): void {
  const nest = writer.openNest(order);
  writer.attributeString(action.kind, kind, longestKind);
  const options = writer.openNest(action.options);
  body();
  writer.closeAttribute(options);
  writer.closeAttribute(nest);
}

function writeTunnelKey(writer: MessageWriter, tunnel: Flower['tunnel']): void {
  const family = addressFamily(tunnel.source);
  if (family !== addressFamily(tunnel.destination)) {
    throw new RtnetlinkError(
      'invalid',
      `a tunnel from ${tunnel.source} to ${tunnel.destination} has two families`,
    );
  }
  const parameters = writer.openAttribute(tunnelKey.parameters);
  writeGeneric(writer, verdict.pipe);
  writer.u32(tunnelKeySet);
  writer.closeAttribute(parameters);
  writer.attributeAddress(family === 'ipv4' ? tunnelKey.ipv4Source : tunnelKey.ipv6Source, tunnel.source);
  writer.attributeAddress(
    family === 'ipv4' ? tunnelKey.ipv4Destination : tunnelKey.ipv6Destination,
    tunnel.destination,
  );
  writer.attributeBe32(tunnelKey.keyId, 0);
  writer.attributeU8(tunnelKey.noCsum, tunnel.csum ? 0 : 1);
}

/** Index 0: the kernel makes a new action. */
function writeGeneric(writer: MessageWriter, verdictNumber: number): void {
  writer.u32(0);
  writer.u32(0);
  writer.u32(verdictNumber);
  writer.u32(0);
  writer.u32(0);
}

/** @returns undefined for every other match or action than those that encodeFlower writes. */
export function decodeFlower(options: Payload, protocol: number): Flower | undefined {
  let destinationMac: MacAddress | undefined;
  let foreign = false;
  let actions: Payload | undefined;
  options.attributes(0, (type, value) => {
    if (type === key.destinationMac) destinationMac = value.mac();
    else if (type === key.destinationMacMask) foreign ||= value.mac() !== wholeMac;
    else if (type === key.etherType) foreign ||= value.be16(0) !== protocol;
    else if (type === key.actions) actions = value;
    else if (type !== key.flags && type !== key.hardwareCount) foreign = true;
  });
  if (foreign || destinationMac === undefined || actions === undefined) return undefined;
  const [first, second, third] = readActions(actions);
  if (first?.kind !== 'tunnel_key' || second?.kind !== 'mirred' || third !== undefined) return undefined;
  const tunnel = readTunnelKey(first.options);
  const redirect = readRedirect(second.options);
  if (tunnel === undefined || redirect === undefined) return undefined;
  return { kind: 'flower', destinationMac, tunnel, redirect };
}

/** In their order: the kernel numbers them from 1. */
function readActions(payload: Payload): { kind: string; options: Payload }[] {
  const actions: { kind: string; options: Payload }[] = [];
  payload.attributes(0, (_order, value) => {
    let kind = '';
    let options: Payload | undefined;
    value.attributes(0, (type, inner) => {
      if (type === action.kind) kind = inner.string();
      else if (type === action.options) options = inner;
    });
    if (options !== undefined) actions.push({ kind, options });
  });
  return actions;
}

function readTunnelKey(options: Payload): Flower['tunnel'] | undefined {
  let source: IpAddress | undefined;
  let destination: IpAddress | undefined;
  let csum = true;
  let sets = false;
  options.attributes(0, (type, value) => {
    if (type === tunnelKey.parameters) sets = value.u32(genericLength) === tunnelKeySet;
    else if (type === tunnelKey.ipv4Source) source = value.addressOf('ipv4');
    else if (type === tunnelKey.ipv4Destination) destination = value.addressOf('ipv4');
    else if (type === tunnelKey.ipv6Source) source = value.addressOf('ipv6');
    else if (type === tunnelKey.ipv6Destination) destination = value.addressOf('ipv6');
    else if (type === tunnelKey.noCsum) csum = value.u8(0) === 0;
  });
  return sets && source !== undefined && destination !== undefined
    ? { source, destination, csum }
    : undefined;
}

function readRedirect(options: Payload): number | undefined {
  let index: number | undefined;
  options.attributes(0, (type, value) => {
    if (type === mirred.parameters && value.u32(genericLength) === egressRedirect)
      index = value.u32(genericLength + 4);
  });
  return index;
}
