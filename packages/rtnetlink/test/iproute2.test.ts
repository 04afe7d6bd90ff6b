// What iproute2 6.1 sends for the commands of the names, byte for byte as seen by strace: each decodes to the object that the command
// means, and our request for that object is the same message, but for what the comments say.
import { describe, expect, test } from 'vitest';
import { forEachMessage, type Message, messageFlag } from '../src/codec/message.ts';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { MessageWriter } from '../src/codec/writer.ts';
import { alike, same } from './iproute2-messages.ts';

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

describe('means what we read', () => {
  const added = same.flatMap(([command, hex, { op, object }]) =>
    op === 'add' || op === 'replace' ? [[command, hex, object] as const] : [],
  );
  test.each([...added, ...alike])('%s', (_command, hex, object) => {
    expect(decodeObject(onlyMessage(Buffer.from(hex, 'hex')))).toEqual({
      type: 'new',
      object: object.object === 'link' ? { up: false, carrier: false, ...object } : object,
    });
  });
});
