// What iproute2 6.1 sends for the commands of the names, byte for byte as seen by strace: each decodes to the object that the command
// means, and our request for that object is the same message, but for what the comments say.
import { describe, expect, test } from 'vitest';
import { trafficControlAttributes, trafficControlHeaderLength } from '../src/codec/filter/traffic-control.ts';
import { linkAttributes, linkHeaderLength } from '../src/codec/link/link.ts';
import { neighbourAttributes, neighbourHeaderLength } from '../src/codec/neighbour.ts';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { ruleAttributes, ruleHeaderLength } from '../src/codec/rule.ts';
import type { AttributeNames } from '../src/codec/wire/attributes.ts';
import { forEachMessage, type Message, messageFlag } from '../src/codec/wire/message.ts';
import { newMessage } from '../src/codec/wire/message-types.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import * as addresses from './golden/address.ts';
import * as links from './golden/link.ts';
import * as linkKinds from './golden/link-kind.ts';
import * as neighbours from './golden/neighbour.ts';
import * as nexthops from './golden/nexthop.ts';
import * as routes from './golden/route.ts';
import * as rules from './golden/rule.ts';
import * as trafficControl from './golden/traffic-control.ts';
import * as tunnels from './golden/tunnel.ts';
import { differences, leaves } from './leaves.ts';

const same = [links, addresses, neighbours, nexthops, routes, trafficControl].flatMap((kind) => kind.same);
const alike = [routes, trafficControl].flatMap((kind) => kind.alike);
const near = [links, linkKinds, tunnels, neighbours, rules, trafficControl].flatMap((kind) => kind.near);

function onlyMessage(bytes: Uint8Array): Message {
  const messages: Message[] = [];
  forEachMessage(bytes, (message) => messages.push(message));
  expect(messages).toHaveLength(1);
  return messages[0] as Message;
}

function attributes(message: Message, header: number): string[] {
  const all: string[] = [];
  message.payload.attributes(header, (type, value) =>
    all.push(`${type} ${Buffer.from(value.bytes()).toString('hex')}`),
  );
  return all.sort();
}

/** Tables, and lengths of the fixed structs, by the first message type of each kind. */
const kinds: Readonly<Record<number, { readonly table: AttributeNames; readonly header: number }>> = {
  [newMessage.link]: { table: linkAttributes, header: linkHeaderLength },
  [newMessage.neighbour]: { table: neighbourAttributes, header: neighbourHeaderLength },
  [newMessage.rule]: { table: ruleAttributes, header: ruleHeaderLength },
  [newMessage.qdisc]: { table: trafficControlAttributes, header: trafficControlHeaderLength },
  [newMessage.filter]: { table: trafficControlAttributes, header: trafficControlHeaderLength },
};

/** Lengths of the fixed structs, by the first message type of each kind. */
const headerLength: Readonly<Record<number, number>> = {
  16: 16,
  20: 8,
  24: 12,
  28: 12,
  32: 12,
  36: 20,
  44: 20,
  104: 8,
};

describe('is our message too', () => {
  test.each(same)('%s', (_command, hex, { op, object }) => {
    const theirs = onlyMessage(Buffer.from(hex, 'hex'));
    const writer = new MessageWriter();
    encodeRequest(writer, { op, object }, 1);
    const ours = onlyMessage(writer.take());
    const header = headerLength[theirs.type & ~3] ?? 0;
    expect(ours.type).toBe(theirs.type);
    // We ask for one acknowledgement a datagram.
    expect(ours.flags | messageFlag.ack).toBe(theirs.flags);
    expect(ours.payload.bytes(0, header)).toEqual(theirs.payload.bytes(0, header));
    expect(attributes(ours, header)).toEqual(attributes(theirs, header));
  });
});

describe('is our message too, but for', () => {
  test.each(near)('%s', (_command, hex, { op, object }, listed) => {
    const theirs = onlyMessage(Buffer.from(hex, 'hex'));
    const writer = new MessageWriter();
    encodeRequest(writer, { op, object }, 1);
    const ours = onlyMessage(writer.take());
    expect(ours.type).toBe(theirs.type);
    expect(ours.flags | messageFlag.ack).toBe(theirs.flags);
    const kind = kinds[theirs.type & ~3];
    if (kind === undefined) throw new Error(`no table for messages of type ${theirs.type}`);
    const said = [ours, theirs].map((message) => leaves(message, kind.table, kind.header));
    expect(differences(said[0] ?? [], said[1] ?? [])).toEqual(listed);
  });
});

describe('means nothing that an object says', () => {
  test.each(rules.unsaid)('%s', (_command, hex) => {
    expect(decodeObject(onlyMessage(Buffer.from(hex, 'hex')))).toBeUndefined();
  });
});

describe('means what we read', () => {
  const added = [...same, ...near].flatMap(([command, hex, { op, object }]) =>
    op === 'add' || op === 'replace' ? [[command, hex, object] as const] : [],
  );
  test.each([...added, ...alike])('%s', (_command, hex, object) => {
    expect(decodeObject(onlyMessage(Buffer.from(hex, 'hex')))).toEqual({
      type: 'new',
      object: object.object === 'link' ? { up: false, carrier: false, ...object } : object,
    });
  });
});
