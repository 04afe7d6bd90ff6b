// Links: struct ifinfomsg and IFLA_* of linux/if_link.h.

import type { Operation } from '../kernel.ts';
import type { Link } from '../objects.ts';
import { decodeLinkInfo, encodeLinkInfo } from './link-info.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 16;
const attribute = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  info: 18,
  alias: 20,
  extensionMask: 29,
} as const;
const flagUp = 0x1;
const flagLowerUp = 0x10000;
/** RTEXT_FILTER_SKIP_STATS: counters are most of a link's bytes. */
const skipStatistics = 8;
/** IFNAMSIZ and IFALIASZ, without the terminating zero. */
const longestName = 15;
const longestAlias = 255;

/** A delete sends the index, or the name where there is none. */
export function encodeLink(writer: MessageWriter, op: Operation, link: Link): void {
  writeHeader(writer, link.index ?? 0, op === 'delete' ? undefined : link.up);
  if (link.name !== undefined && !(op === 'delete' && link.index !== undefined)) {
    writer.attributeString(attribute.name, link.name, longestName);
  }
  if (op === 'delete') return;
  if (link.mtu !== undefined) writer.attributeU32(attribute.mtu, link.mtu);
  if (link.master !== undefined) writer.attributeU32(attribute.master, link.master);
  if (link.address !== undefined) writer.attributeMac(attribute.address, link.address);
  if (link.alias !== undefined) writer.attributeString(attribute.alias, link.alias, longestAlias);
  if (link.info !== undefined) encodeLinkInfo(writer, attribute.info, link.info);
}

export function encodeLinkDump(writer: MessageWriter): void {
  writeHeader(writer, 0, undefined);
  writer.attributeU32(attribute.extensionMask, skipStatistics);
}

function writeHeader(writer: MessageWriter, index: number, up: boolean | undefined): void {
  writer.u8(0);
  writer.u8(0);
  writer.u16(0);
  writer.u32(index);
  writer.u32(up === true ? flagUp : 0);
  writer.u32(up === undefined ? 0 : flagUp);
}

/** @returns undefined for messages about a bridge port or an address family of a link, which have the same type. */
export function decodeLink(payload: Payload): Link | undefined {
  if (payload.u8(0) !== 0) return undefined;
  const flags = payload.u32(8);
  const facts: { -readonly [Fact in keyof Link]?: Link[Fact] } = {};
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.name) facts.name = value.string();
    else if (type === attribute.mtu) facts.mtu = value.u32(0);
    else if (type === attribute.master) facts.master = value.u32(0);
    // Tunnels have their local address here, of 4 or 16 bytes.
    else if (type === attribute.address && value.length === 6) facts.address = value.mac();
    else if (type === attribute.alias) facts.alias = value.string();
    else if (type === attribute.info) {
      const info = decodeLinkInfo(value);
      if (info !== undefined) facts.info = info;
    }
  });
  return {
    object: 'link',
    index: payload.i32(4),
    up: (flags & flagUp) !== 0,
    carrier: (flags & flagLowerUp) !== 0,
    ...facts,
  };
}
