import { parseIpPrefix } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFou } from '../src/codec/fou.ts';
import { encodeNetconfDump, netconfAttributes } from '../src/codec/netconf.ts';
import { decodeObject, decodePayload } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { decodeVerdict, forEachMessage, type Message } from '../src/codec/wire/message.ts';
import { newMessage } from '../src/codec/wire/message-types.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { KernelObject, Request } from '../src/index.ts';
import { RtnetlinkError } from '../src/index.ts';
import type { Netconf } from '../src/objects.ts';
import * as arbitrary from './arbitraries.ts';

const fouType = 900;

function encode(...requests: readonly Request[]): Uint8Array {
  const writer = new MessageWriter(16);
  for (const [at, request] of requests.entries()) encodeRequest(writer, request, 100 + at, fouType);
  return writer.take();
}

/** As the kernel does; no request can hold it. */
function encodeNetconf(object: Netconf): Uint8Array {
  const writer = new MessageWriter();
  writer.begin(newMessage.netconf, 0, 0);
  encodeNetconfDump(writer, object.family);
  const { index } = object;
  netconfAttributes.write(writer, {
    NETCONFA_IFINDEX: index === 'all' ? -1 : index === 'default' ? -2 : index,
    NETCONFA_FORWARDING: object.forwarding,
    NETCONFA_RP_FILTER: object.rpFilter,
    NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN: object.ignoreRoutesWithLinkdown,
    NETCONFA_INPUT: object.input,
    unknown: object.unknown,
  });
  writer.end();
  return writer.take();
}

function messages(bytes: Uint8Array): Message[] {
  const all: Message[] = [];
  forEachMessage(bytes, (message) => all.push(message));
  return all;
}

function decode(message: Message): KernelObject | undefined {
  return message.type === fouType ? decodePayload(message.payload, decodeFou) : decodeObject(message)?.object;
}

/** The kernel tells more of a link than a request says. */
function asTold(object: KernelObject): KernelObject {
  return object.object === 'link' ? { ...object, carrier: false } : object;
}

describe('what is encoded decodes to the same', () => {
  test.each([
    ['link', arbitrary.link],
    ['address', arbitrary.address],
    ['neighbour', arbitrary.neighbour],
    ['route', arbitrary.route],
    ['nexthop', arbitrary.nexthop],
    ['rule', arbitrary.rule],
    ['qdisc', arbitrary.qdisc],
    ['filter', arbitrary.filter],
    ['fou', arbitrary.fou],
  ])('%s', (_kind, objects: fc.Arbitrary<KernelObject>) => {
    fc.assert(
      fc.property(objects, fc.constantFrom('add' as const, 'replace' as const), (object, op) => {
        const [message, none] = messages(encode({ op, object }));
        expect(none).toBeUndefined();
        expect(message && decode(message)).toEqual(asTold(object));
      }),
      { numRuns: 500 },
    );
  });

  test('netconf, which only the kernel says', () => {
    fc.assert(
      fc.property(arbitrary.netconf, (object) => {
        expect(messages(encodeNetconf(object)).map(decode)).toEqual([object]);
      }),
    );
  });

  test('several in one buffer, numbered in their order', () => {
    fc.assert(
      fc.property(fc.array(arbitrary.rtnetlinkObject, { maxLength: 20 }), (objects) => {
        const all = messages(encode(...objects.map((object) => ({ op: 'add', object }) as const)));
        expect(all.map(({ sequence }) => sequence)).toEqual(objects.map((_, at) => 100 + at));
        expect(all.map(decode)).toEqual(objects.map(asTold));
      }),
      { numRuns: 50 },
    );
  });
});

describe('bytes from outside', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
  /** A message of any kind of which some bytes are others, and sometimes the end is not there. */
  const damaged = fc
    .tuple(fc.oneof(arbitrary.rtnetlinkObject, arbitrary.fou, arbitrary.netconf), damage, fc.nat())
    .map(([object, changes, cut]) => {
      const whole = object.object === 'netconf' ? encodeNetconf(object) : encode({ op: 'add', object });
      for (const [at, byte] of changes) whole[at % whole.length] = byte;
      return whole.subarray(0, whole.length - (cut % 3 === 0 ? cut % whole.length : 0));
    });

  function decodeAll(bytes: Uint8Array): unknown {
    try {
      return messages(bytes).map((message) => [decode(message), decodeVerdict(message)]);
    } catch (error) {
      expect(error).toBeInstanceOf(RtnetlinkError);
      expect(error).toMatchObject({ code: 'decode' });
      return 'refused';
    }
  }

  test('whatever they are, they decode or are refused with RtnetlinkError `decode`', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        decodeAll(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('and what is around them makes no difference', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const [zeros, ones] = [0x00, 0xff].map((byte) => {
          const buffer = new Uint8Array(bytes.length + 64).fill(byte);
          buffer.set(bytes, 32);
          return decodeAll(buffer.subarray(32, 32 + bytes.length));
        });
        expect(zeros).toEqual(ones);
      }),
      { numRuns: 1000 },
    );
  });

  test('a message in the middle of a greater buffer sees nothing of its neighbours', () => {
    const one = encode({ op: 'add', object: { object: 'nexthop', id: 7 } });
    const buffer = new Uint8Array(one.length + 64).fill(0xff);
    buffer.set(one, 32);
    expect(messages(buffer.subarray(32, 32 + one.length)).map(decode)).toEqual([
      { object: 'nexthop', id: 7, protocol: 0 },
    ]);
  });
});

describe('what lies behind a message is not read', () => {
  const refused = expect.objectContaining({ code: 'decode' });

  test('by an attribute that is longer than what holds it', () => {
    const buffer = encode(
      { op: 'add', object: { object: 'nexthop', id: 7 } },
      { op: 'add', object: { object: 'nexthop', id: 8 } },
    );
    // NHA_ID of the first reaches four bytes into the second.
    buffer[24] = 12;
    expect(() => messages(buffer).map(decode)).toThrow(refused);
  });

  test.each([0, 1, 4, 7])('by a struct of which only %i bytes are there', (length) => {
    const buffer = new Uint8Array(64);
    buffer.set(encode({ op: 'add', object: { object: 'nexthop', id: 7 } }));
    buffer[0] = 16 + length;
    expect(() => {
      forEachMessage(buffer.subarray(0, 16 + length), decode);
    }).toThrow(refused);
  });

  test('by a value that is longer than its attribute', () => {
    const bytes = encode({ op: 'add', object: { object: 'nexthop', id: 7 } });
    // NHA_ID of three bytes, and one of alignment.
    bytes[24] = 7;
    expect(() => messages(bytes).map(decode)).toThrow(refused);
  });
});

test('a delete names the nexthop, or a route of metric 0 is the first of its prefix, whatever that is', () => {
  const route = {
    object: 'route',
    family: 'ipv4',
    table: 16001,
    prefix: parseIpPrefix('0.0.0.0/0'),
    nexthopId: 0x68700000,
  } as const;
  const deleted = messages(encode({ op: 'delete', object: { ...route, protocol: 200 } })).map(decode);
  expect(deleted).toEqual([{ ...route, type: 'other', protocol: 0 }]);
});

test('a rule is added as one of the kernel, and deleted whosever it is', () => {
  const object = { object: 'rule', family: 'ipv4', priority: 32765, table: 255 } as const;
  const ofKernel = '0500150002000000';
  expect(Buffer.from(encode({ op: 'add', object })).toString('hex')).toContain(ofKernel);
  expect(Buffer.from(encode({ op: 'delete', object })).toString('hex')).not.toContain(ofKernel);
});

test('a delete sends the key and nothing else', () => {
  fc.assert(
    fc.property(arbitrary.rtnetlinkObject, (object) => {
      const deleted = messages(encode({ op: 'delete', object })).map(decode)[0];
      switch (object.object) {
        case 'link':
          expect(deleted).toEqual({ object: 'link', index: object.index, up: false, carrier: false });
          break;
        case 'neighbour':
          expect(deleted).toEqual({
            object: 'neighbour',
            index: object.index,
            address: object.address,
            state: 'none',
          });
          break;
        case 'nexthop':
          expect(deleted).toEqual({ object: 'nexthop', id: object.id, protocol: 0 });
          break;
        case 'filter':
          expect(deleted).toEqual({ ...object, match: { kind: 'other', name: '' } });
          break;
        case 'route':
          expect(deleted).toEqual(
            object.family === 'mpls'
              ? { object: 'route', family: 'mpls', label: object.label, protocol: 0, device: 0 }
              : {
                  object: 'route',
                  family: object.family,
                  table: object.table,
                  prefix: object.prefix,
                  // A dump calls a route by a blackhole nexthop a blackhole, which it is not to a delete.
                  ...(object.nexthopId === undefined
                    ? object.type === undefined || object.type === 'unicast'
                      ? {}
                      : { type: object.type }
                    : { type: 'other', nexthopId: object.nexthopId }),
                  protocol: 0,
                  ...(object.metric === undefined ? {} : { metric: object.metric }),
                },
          );
          break;
        case 'address':
          expect(deleted).toEqual({
            object: 'address',
            index: object.index,
            address: object.address,
            prefixLength: object.prefixLength,
            ...(object.peer === undefined ? {} : { peer: object.peer }),
          });
          break;
        case 'qdisc':
          expect(deleted).toEqual({ object: 'qdisc', index: object.index, kind: object.kind });
          break;
        default:
          expect(deleted).toEqual(object);
      }
    }),
    { numRuns: 500 },
  );
});
