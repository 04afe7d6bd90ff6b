// Foo-over-UDP receive ports, over generic netlink: struct genlmsghdr (linux/genetlink.h) and FOU_* of linux/fou.h.
import type { Operation } from '../kernel.ts';
import type { FouPort } from '../objects.ts';
import { familyNumber, ipFamily } from './family.ts';
import type { Payload } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const headerLength = 4;
const version = 1;
const command = { add: 1, delete: 2, get: 3 } as const;
const attribute = { port: 1, family: 2, protocol: 3, type: 4 } as const;
/** FOU_ENCAP_DIRECT: the packet follows the UDP header at once. */
const encapDirect = 1;

/** The generic-netlink controller, which knows the number of each family by its name. */
export const controller = { messageType: 16, getFamily: 3, familyId: 1, familyName: 2 } as const;
const longestFamilyName = 15;

export function encodeFamilyQuery(writer: MessageWriter, name: string): void {
  writeHeader(writer, controller.getFamily);
  writer.attributeString(controller.familyName, name, longestFamilyName);
}

/** @returns the message type of the family, or undefined where the answer does not say. */
export function decodeFamilyId(payload: Payload): number | undefined {
  let id: number | undefined;
  payload.attributes(headerLength, (type, value) => {
    if (type === controller.familyId) id = value.u16(0);
  });
  return id;
}

/** There is no replace: a port is there or not. A delete sends family and port. */
export function encodeFou(writer: MessageWriter, op: Operation, port: FouPort): void {
  writeHeader(writer, op === 'delete' ? command.delete : command.add);
  writer.attributeBe16(attribute.port, port.port);
  writer.attributeU8(attribute.family, familyNumber[port.family]);
  if (op === 'delete') return;
  writer.attributeU8(attribute.protocol, port.protocol);
  writer.attributeU8(attribute.type, encapDirect);
}

export function encodeFouDump(writer: MessageWriter): void {
  writeHeader(writer, command.get);
}

function writeHeader(writer: MessageWriter, number: number): void {
  writer.u8(number);
  writer.u8(version);
  writer.u16(0);
}

/** @returns undefined for what is not a direct port (GUE). */
export function decodeFou(payload: Payload): FouPort | undefined {
  let port = 0;
  let family: FouPort['family'] | undefined;
  let protocol = 0;
  let type_ = encapDirect as number;
  payload.attributes(headerLength, (type, value) => {
    if (type === attribute.port) port = value.be16(0);
    else if (type === attribute.family) family = ipFamily(value.u8(0));
    else if (type === attribute.protocol) protocol = value.u8(0);
    else if (type === attribute.type) type_ = value.u8(0);
  });
  return family === undefined || type_ !== encapDirect
    ? undefined
    : { object: 'fou', family, port, protocol };
}
