// Neighbour entries: struct ndmsg and NDA_* of linux/neighbour.h.
import type { AddressFamily, IpAddress, MacAddress } from '@hostpe/net';
import { addressFamily } from '@hostpe/net';
import { RtnetlinkError } from '../errors.ts';
import type { Operation } from '../kernel.ts';
import type { Neighbour } from '../objects.ts';
import { familyNumber, ipFamily } from './family.ts';
import { readLinkLayerAddress, writeLinkLayerAddress } from './link-layer-address.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 12;
const attribute = { destination: 1, linkLayerAddress: 2, interface: 8 } as const;
/** NUD_*. */
const stateNumber = { reachable: 0x02, stale: 0x04, noarp: 0x40, permanent: 0x80 } as const;
/** NTF_PROXY: an answer for others, not a neighbour. */
const flagProxy = 0x08;

export function encodeNeighbour(writer: MessageWriter, op: Operation, neighbour: Neighbour): void {
  const family = familyNumber[addressFamily(neighbour.address)];
  writeHeader(writer, family, neighbour.index, op === 'delete' ? 0 : stateOf(neighbour));
  writer.attributeAddress(attribute.destination, neighbour.address);
  if (op === 'delete' || neighbour.linkLayerAddress === undefined) return;
  writeLinkLayerAddress(writer, attribute.linkLayerAddress, neighbour.linkLayerAddress);
}

export function encodeNeighbourDump(
  writer: MessageWriter,
  family: AddressFamily | undefined,
  index: number | undefined,
): void {
  // With strict checking the interface is an attribute; in the header it would be refused.
  writeHeader(writer, familyNumber[family ?? 'unspecified'], 0, 0);
  if (index !== undefined) writer.attributeU32(attribute.interface, index);
}

function writeHeader(writer: MessageWriter, family: number, index: number, state: number): void {
  writer.u8(family);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u16(state);
  writer.u8(0);
  writer.u8(0);
}

function stateOf(neighbour: Neighbour): number {
  if (neighbour.state === 'other')
    throw new RtnetlinkError('invalid', 'a neighbour of state other cannot be asked for');
  return stateNumber[neighbour.state];
}

/** @returns undefined for bridge forwarding entries and proxies. */
export function decodeNeighbour(payload: Payload): Neighbour | undefined {
  const family = ipFamily(payload.u8(0));
  if (family === undefined || (payload.u8(10) & flagProxy) !== 0) return undefined;
  let address: IpAddress | undefined;
  let linkLayerAddress: MacAddress | IpAddress | undefined;
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.destination) address = value.addressOf(family);
    else if (type === attribute.linkLayerAddress) linkLayerAddress = readLinkLayerAddress(value);
  });
  if (address === undefined) return undefined;
  return {
    object: 'neighbour',
    index: payload.u32(4),
    address,
    ...(linkLayerAddress === undefined ? {} : { linkLayerAddress }),
    state: stateName(payload.u16(8)),
  };
}

function stateName(state: number): Neighbour['state'] {
  if (state === stateNumber.permanent) return 'permanent';
  if (state === stateNumber.noarp) return 'noarp';
  if (state === stateNumber.reachable) return 'reachable';
  return state === stateNumber.stale ? 'stale' : 'other';
}
