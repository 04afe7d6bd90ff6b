// The forms that payloads of attributes have, for the tables. Numbers are in host order but for those called `be`.
import type { IpAddress, Label, MacAddress } from '@hostpe/net';
import { RtnetlinkError } from '../../errors.ts';
import { readLabels, writeLabels } from '../route/label-stack.ts';
import type { AttributeTable, Entries, Format, Values } from './attributes.ts';
import { ipBytes } from './checked-ip.ts';
import { inRange } from './in-range.ts';
import { macBytes } from './link-layer-address.ts';
import { malformed, type Payload } from './reader.ts';

/** A fixed length: what is longer or shorter is malformed. */
function exactly(payload: Payload, length: number): Payload {
  if (payload.length !== length) throw malformed(`${payload.length} bytes instead of ${length}`);
  return payload;
}

export const u8: Format<number> = {
  read: (payload) => exactly(payload, 1).u8(0),
  write: (writer, value) => writer.u8(value),
};

export const u16: Format<number> = {
  read: (payload) => exactly(payload, 2).u16(0),
  write: (writer, value) => writer.u16(value),
};

export const u32: Format<number> = {
  read: (payload) => exactly(payload, 4).u32(0),
  write: (writer, value) => writer.u32(value),
};

export const i32: Format<number> = {
  read: (payload) => exactly(payload, 4).i32(0),
  write: (writer, value) => writer.i32(value),
};

export const be16: Format<number> = {
  read: (payload) => exactly(payload, 2).be16(0),
  write: (writer, value) => writer.be16(value),
};

export const be32: Format<number> = {
  read: (payload) => exactly(payload, 4).be32(0),
  write: (writer, value) => writer.be32(value),
};

/** 0 or 1 in one byte. */
export const bool: Format<boolean> = {
  read: (payload) => exactly(payload, 1).u8(0) !== 0,
  write: (writer, value) => writer.u8(value ? 1 : 0),
};

/** There or not; false is not written. */
export const flag: Format<true> = {
  read: (payload) => {
    exactly(payload, 0);
    return true;
  },
  write: () => {},
};

/** A string that ends with a zero. @param longest bytes of UTF-8 without the zero. */
export function text(longest: number): Format<string> {
  return {
    read: (payload) => payload.string(),
    write: (writer, value) => writer.string(value, longest),
  };
}

/** An IP address of the family that its length says. */
export const ip: Format<IpAddress> = {
  read: (payload) => payload.address(),
  write: (writer, value) => writer.bytes(ipBytes(value)),
};

export const mac: Format<MacAddress> = {
  read: (payload) => payload.mac(),
  write: (writer, value) => writer.bytes(macBytes(value)),
};

/** MPLS labels, outermost first. */
export const labels: Format<readonly Label[]> = { read: readLabels, write: writeLabels };

/** Attributes in an attribute. @param header length of a struct before them, which is written as zeros. */
export function nest<E extends Entries>(table: AttributeTable<E>, header = 0): Format<Values<E>> {
  return {
    isNested: true,
    header,
    inside: () => table,
    read: (payload) => table.read(payload, header),
    write: (writer, values) => {
      for (let at = 0; at < header; at++) writer.u8(0);
      table.write(writer, values);
    },
  };
}

/** As `nest`, for the attributes that the kernel's headers do not demand NLA_F_NESTED of, and that iproute2 sends without. */
export function plainNest<E extends Entries>(table: AttributeTable<E>, header = 0): Format<Values<E>> {
  const { isNested: _, ...format } = nest(table, header);
  return format;
}

/** A number that is written only where it is in a range. */
export function ranged(format: Format<number>, least: number, most: number): Format<number> {
  return {
    read: (payload, values) => format.read(payload, values),
    write: (writer, value, values) => {
      format.write(writer, inRange(value, least, most), values);
    },
  };
}

/** The name of a device: 1 to 15 bytes (IFNAMSIZ with its zero). */
export const deviceName: Format<string> = {
  read: (payload) => payload.string(),
  write: (writer, value) => {
    // The kernel would choose a name.
    if (value === '') throw new RtnetlinkError('invalid', 'a device name of no bytes');
    writer.string(value, 15);
  },
};

/** Attributes that say something which no fact of ours does, and are sent again as they came. */
export const kept: Format<never> = {
  isKept: 'always',
  read: () => {
    throw new TypeError('a kept attribute is never read');
  },
  write: () => {
    throw new TypeError('a kept attribute is written as an unknown one');
  },
};

/** As `kept`, where all zeros are the same as none. */
export const keptUnlessZero: Format<never> = { ...kept, isKept: 'unless zero' };

/** Attributes that we know and have no use for. */
export const ignored: Format<never> = {
  isIgnored: true,
  read: () => {
    throw new TypeError('an ignored attribute is never read');
  },
  write: () => {
    throw new TypeError('an ignored attribute is never written');
  },
};
