// Routes of several nexthops beside what iproute2 6.1 sends for them, byte for byte as seen by strace.
import { parseIpPrefix } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { routeAttributes } from '../src/codec/route/route.ts';
import { routeHeaderLength } from '../src/codec/route/route-header.ts';
import { forEachMessage, type Message, messageFlag } from '../src/codec/wire/message.ts';
import type { Payload } from '../src/codec/wire/reader.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import { sameInside } from './golden/multipath-route.ts';

const multipath = 9;
const memberHeaderLength = 8;

function onlyMessage(bytes: Uint8Array): Message {
  const messages: Message[] = [];
  forEachMessage(bytes, (message) => messages.push(message));
  expect(messages).toHaveLength(1);
  return messages[0] as Message;
}

/** Attributes with their flags in the order of their types; those of each member in its place. */
function tree(payload: Payload, header: number): unknown[] {
  const all: [number, unknown][] = [];
  payload.attributes(header, (type, value, _start, flags) => {
    all.push([type | flags, type === multipath ? members(value) : hex(value)]);
  });
  return all.sort(([a], [b]) => a - b);
}

function members(payload: Payload): unknown[] {
  const all: unknown[] = [];
  for (let at = 0; at < payload.length; at += payload.u16(at)) {
    const member = payload.part(at, payload.u16(at));
    all.push([hex(member.part(0, memberHeaderLength)), tree(member, memberHeaderLength)]);
  }
  return all;
}

function hex(payload: Payload): string {
  return Buffer.from(payload.bytes()).toString('hex');
}

describe.each(sameInside)('%s', (_command, sent, { op, object }) => {
  const theirs = onlyMessage(Buffer.from(sent, 'hex'));

  test('is our message too', () => {
    const writer = new MessageWriter();
    encodeRequest(writer, { op, object }, 1);
    const ours = onlyMessage(writer.take());
    expect(ours.type).toBe(theirs.type);
    expect(ours.flags | messageFlag.ack).toBe(theirs.flags);
    expect(ours.payload.bytes(0, routeHeaderLength)).toEqual(theirs.payload.bytes(0, routeHeaderLength));
    expect(tree(ours.payload, routeHeaderLength)).toEqual(tree(theirs.payload, routeHeaderLength));
  });

  test('means what we read', () => {
    expect(decodeObject(theirs)).toEqual({ type: 'new', object });
  });
});

describe('an array of nexthops', () => {
  const route = {
    object: 'route',
    family: 'ipv4',
    table: 1001,
    prefix: parseIpPrefix('10.0.0.0/8'),
  } as const;

  function withMultipath(...bytes: readonly number[]): Uint8Array {
    const writer = new MessageWriter();
    const unknown = [{ type: multipath, value: Uint8Array.from(bytes) }];
    encodeRequest(writer, { op: 'add', object: { ...route, unknown } }, 1);
    return writer.take();
  }

  test('each begins at a multiple of four, whatever the length of the one before', () => {
    const odd = [9, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0];
    const message = onlyMessage(withMultipath(...odd, 8, 0, 0, 1, 3, 0, 0, 0));
    expect(decodeObject(message)?.object).toMatchObject({
      multipath: [
        { weight: 1, device: 2 },
        { weight: 2, device: 3 },
      ],
    });
  });

  test.each([0, 7, 9])('with one of %i bytes is malformed', (length) => {
    const bytes = withMultipath(8, 0, 0, 0, 2, 0, 0, 0, length, 0, 0, 0, 3, 0, 0, 0);
    expect(() => decodeObject(onlyMessage(bytes))).toThrow(expect.objectContaining({ code: 'decode' }));
    const { payload } = onlyMessage(bytes);
    expect(() => routeAttributes.at(payload, payload.length - 4, routeHeaderLength)).toThrow(
      expect.objectContaining({ code: 'decode' }),
    );
  });
});

test('a route to an address of the other family is malformed', () => {
  const writer = new MessageWriter();
  const object = { object: 'route', family: 'ipv6', table: 1001, prefix: parseIpPrefix('::/8') } as const;
  encodeRequest(writer, { op: 'add', object }, 1);
  const bytes = writer.take();
  bytes[16] = 2;
  expect(() => decodeObject(onlyMessage(bytes))).toThrow(expect.objectContaining({ code: 'decode' }));
});
