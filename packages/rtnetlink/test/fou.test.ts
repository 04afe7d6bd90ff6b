// Foo-over-UDP ports, which are of generic netlink: see golden/fou.ts.
import { describe, expect, test } from 'vitest';
import { encodeDump } from '../src/codec/dump.ts';
import { decodeFamilyId, decodeFou, fouAttributes, fouHeaderLength } from '../src/codec/fou.ts';
import { decodePayload } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { forEachMessage, type Message } from '../src/codec/wire/message.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import { family, near, ports, show, unsaid } from './golden/fou.ts';
import { differences, leaves } from './leaves.ts';

const fouType = 0x20;

function onlyMessage(bytes: Uint8Array): Message {
  const all: Message[] = [];
  forEachMessage(bytes, (message) => all.push(message));
  expect(all).toHaveLength(1);
  return all[0] as Message;
}

function decode(hex: string): unknown {
  return decodePayload(onlyMessage(Buffer.from(hex, 'hex')).payload, decodeFou);
}

test('the family has a number', () => {
  expect(decodePayload(onlyMessage(Buffer.from(family, 'hex')).payload, decodeFamilyId)).toBe(fouType);
});

test('a port that the kernel shows', () => {
  expect(decode(ports)).toEqual({ object: 'fou', family: 'ipv4', port: 6635, protocol: 137 });
});

test('the dump that iproute2 asks for', () => {
  const writer = new MessageWriter();
  encodeDump(writer, { object: 'fou' }, 0, fouType);
  expect(Buffer.from(writer.take()).toString('hex')).toBe(show);
});

describe('iproute2 says', () => {
  test.each(near)('%s', (_command, hex, { op, object }, listed) => {
    const theirs = onlyMessage(Buffer.from(hex, 'hex'));
    const writer = new MessageWriter();
    encodeRequest(writer, { op, object }, 1, fouType);
    const ours = onlyMessage(writer.take());
    expect(ours.type).toBe(theirs.type);
    const said = [ours, theirs].map((message) => leaves(message, fouAttributes, fouHeaderLength));
    expect(differences(said[0] ?? [], said[1] ?? [])).toEqual(listed);
    if (op === 'add') expect(decode(hex)).toEqual(object);
  });

  test.each(unsaid)('%s, which no object says', (_command, hex) => {
    expect(decode(hex)).toBeUndefined();
  });
});
