// Our codec beside an independent one, that of the package `netlink` (node_netlink), in both directions: what it reads in our messages is what
// we meant, and what it writes for that we read as the same. Of it only pure functions are used, which open no socket.
//
// What it cannot do, and is therefore left out here: RTA_VIA, of which it reads three bytes and refuses the others, and with it every gateway
// of another family and every nexthop of a label route but a device; IFLA_LINKINFO and the attributes in RTA_ENCAP, RTA_MULTIPATH and
// NHA_GROUP, which it hands out as bytes (the last three are taken apart by its own functions for their parts below); NLA_F_NESTED, which it
// takes off in both directions; attributes that it does not know, which it loses; weights of a group above 256; netconf; the attributes of
// filters, which are nested; generic netlink families other than its own.

import type { IpAddress, Label, MacAddress } from '@hostpe/net';
import { addressToBytes, macToBytes } from '@hostpe/net';
import { AttrStream, type StreamData } from 'netlink';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { isMac } from '../src/codec/wire/link-layer-address.ts';
import { forEachMessage, type Message, messageFlag } from '../src/codec/wire/message.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { KernelObject } from '../src/objects.ts';

export const familyNumber = { ipv4: 2, ipv6: 10, mpls: 28 } as const;

function oneMessage(bytes: Uint8Array): Message {
  const all: Message[] = [];
  forEachMessage(bytes, (message) => all.push(message));
  return all[0] as Message;
}

export function ours(object: KernelObject): { readonly type: number; readonly payload: Buffer } {
  const writer = new MessageWriter();
  encodeRequest(writer, { op: 'add', object }, 1);
  const { type, payload } = oneMessage(writer.take());
  return { type, payload: Buffer.from(payload.bytes()) };
}

export function weRead(type: number, payload: Uint8Array): KernelObject | undefined {
  const writer = new MessageWriter();
  writer.begin(type, messageFlag.request, 1);
  writer.bytes(payload);
  writer.end();
  return decodeObject(oneMessage(writer.take()))?.object;
}

export function written(...parts: readonly StreamData[]): Buffer {
  const out = new AttrStream();
  for (const part of parts) out.emit(part);
  return Buffer.concat(out.bufs);
}

/** One attribute. */
export function nested(type: number, data: Uint8Array): Buffer {
  const out = new AttrStream();
  out.push(type, data);
  return Buffer.concat(out.bufs);
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0] = value;
  return bytes;
}

/** The fields that are there. */
export function some<T extends object>(fields: { [Name in keyof T]: T[Name] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)) as T;
}

export function ip(address: IpAddress | undefined): Buffer | undefined {
  return address === undefined ? undefined : Buffer.from(addressToBytes(address));
}

export function linkLayer(address: MacAddress | IpAddress | undefined): Buffer | undefined {
  if (address === undefined || !isMac(address)) return ip(address);
  return Buffer.from(macToBytes(address));
}

/** RFC 3032 section 2.1: label, no TC, the bottom of the stack at the last, no TTL. */
export function labels(stack: readonly Label[]): Buffer {
  const bytes = Buffer.alloc(stack.length * 4);
  for (const [at, label] of stack.entries()) {
    const bottom = at === stack.length - 1 ? 0x100 : 0;
    bytes.writeUInt32BE(label * 2 ** 12 + bottom, at * 4);
  }
  return bytes;
}

/** An enumeration's name, as the other codec says numbers that have one. */
export function named<E extends object>(names: E, value: number): number | keyof E {
  return ((names as Record<number, unknown>)[value] as keyof E | undefined) ?? value;
}
