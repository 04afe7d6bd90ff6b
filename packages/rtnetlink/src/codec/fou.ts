// Foo-over-UDP receive ports, over generic netlink: struct genlmsghdr (linux/genetlink.h) and FOU_* of linux/fou.h.
import type { Operation } from '../kernel.ts';
import type { FouPort } from '../objects.ts';
import { AttributeTable, present, unsaid } from './wire/attributes.ts';
import { familyNumber, ipFamily } from './wire/family.ts';
import { be16, ignored, keptUnlessZero, text, u8, u16 } from './wire/formats.ts';
import type { Payload } from './wire/reader.ts';
import type { MessageWriter } from './wire/writer.ts';

export const fouHeaderLength = 4;
const version = 1;
const command = { add: 1, delete: 2, get: 3 } as const;
/** FOU_ENCAP_DIRECT: the packet follows the UDP header at once. */
const encapDirect = 1;

/** A port may be bound to an end of its packets, which is a part of its key then. */
export const fouAttributes = new AttributeTable({
  FOU_ATTR_PORT: [1, be16],
  FOU_ATTR_AF: [2, u8],
  FOU_ATTR_IPPROTO: [3, u8],
  FOU_ATTR_TYPE: [4, u8],
  FOU_ATTR_REMCSUM_NOPARTIAL: [5, ignored],
  FOU_ATTR_LOCAL_V4: [6, keptUnlessZero],
  FOU_ATTR_LOCAL_V6: [7, keptUnlessZero],
  FOU_ATTR_PEER_V4: [8, keptUnlessZero],
  FOU_ATTR_PEER_V6: [9, keptUnlessZero],
  FOU_ATTR_PEER_PORT: [10, keptUnlessZero],
  FOU_ATTR_IFINDEX: [11, keptUnlessZero],
});

/** The generic-netlink controller, which knows the number of each family by its name. */
export const controller = { messageType: 16, getFamily: 3 } as const;
/** GENL_NAMSIZ, without the terminating zero. */
const longestFamilyName = 15;

const controllerAttributes = new AttributeTable({
  CTRL_ATTR_FAMILY_ID: [1, u16],
  CTRL_ATTR_FAMILY_NAME: [2, text(longestFamilyName)],
  CTRL_ATTR_VERSION: [3, ignored],
  CTRL_ATTR_HDRSIZE: [4, ignored],
  CTRL_ATTR_MAXATTR: [5, ignored],
  CTRL_ATTR_OPS: [6, ignored],
  CTRL_ATTR_MCAST_GROUPS: [7, ignored],
  CTRL_ATTR_POLICY: [8, ignored],
  CTRL_ATTR_OP_POLICY: [9, ignored],
  CTRL_ATTR_OP: [10, ignored],
});

export function encodeFamilyQuery(writer: MessageWriter, name: string): void {
  writeHeader(writer, controller.getFamily);
  controllerAttributes.write(writer, { CTRL_ATTR_FAMILY_NAME: name });
}

/** @returns the message type of the family, or undefined where the answer does not say. */
export function decodeFamilyId(payload: Payload): number | undefined {
  return controllerAttributes.read(payload, fouHeaderLength).CTRL_ATTR_FAMILY_ID;
}

/** There is no replace: a port is there or not. A delete sends family and port, and what the port is bound to. */
export function encodeFou(writer: MessageWriter, op: Operation, port: FouPort): void {
  const isDelete = op === 'delete';
  writeHeader(writer, isDelete ? command.delete : command.add);
  fouAttributes.write(writer, {
    FOU_ATTR_PORT: port.port,
    FOU_ATTR_AF: familyNumber[port.family],
    FOU_ATTR_IPPROTO: isDelete ? undefined : port.protocol,
    FOU_ATTR_TYPE: isDelete ? undefined : encapDirect,
    unknown: port.unknown,
  });
}

export function encodeFouDump(writer: MessageWriter): void {
  writeHeader(writer, command.get);
}

function writeHeader(writer: MessageWriter, number: number): void {
  writer.u8(number);
  writer.u8(version);
  writer.u16(0);
}

/** @returns undefined for what is not a direct port (GUE). @throws RtnetlinkError `decode` */
export function decodeFou(payload: Payload): FouPort | undefined {
  const values = fouAttributes.read(payload, fouHeaderLength);
  const family = values.FOU_ATTR_AF === undefined ? undefined : ipFamily(values.FOU_ATTR_AF);
  if (family === undefined || (values.FOU_ATTR_TYPE ?? encapDirect) !== encapDirect) return undefined;
  return {
    object: 'fou',
    family,
    port: values.FOU_ATTR_PORT ?? 0,
    protocol: values.FOU_ATTR_IPPROTO ?? 0,
    ...present<FouPort>({ unknown: unsaid(values) }),
  };
}
