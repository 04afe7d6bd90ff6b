import type { IpPrefix, Label } from '@hostpe/net';
import { parseIpPrefix } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFou } from '../src/codec/fou.ts';
import { decodeVerdict, forEachMessage, type Message } from '../src/codec/message.ts';
import { decodeObject, decodePayload } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { MessageWriter } from '../src/codec/writer.ts';
import type { KernelObject, Request } from '../src/index.ts';
import { RtnetlinkError } from '../src/index.ts';
import * as arbitrary from './arbitraries.ts';

const fouType = 900;

function encode(...requests: readonly Request[]): Uint8Array {
  const writer = new MessageWriter(16);
  for (const [at, request] of requests.entries()) encodeRequest(writer, request, 100 + at, fouType);
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
  test('whatever they are, they decode or are refused with RtnetlinkError `decode`', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(arbitrary.rtnetlinkObject, damage, fc.nat(), (object, changes, cut) => {
        const whole = encode({ op: 'add', object });
        for (const [at, byte] of changes) whole[at % whole.length] = byte;
        const bytes = whole.subarray(0, whole.length - (cut % 3 === 0 ? cut % whole.length : 0));
        try {
          for (const message of messages(bytes)) {
            decode(message);
            decodeVerdict(message);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RtnetlinkError);
          expect(error).toMatchObject({ code: 'decode' });
        }
      }),
      { numRuns: 1500 },
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

describe('a request that no message can carry is refused and leaves nothing behind', () => {
  const route = { object: 'route', family: 'ipv4', table: 1, prefix: '10.0.0.0/8' as IpPrefix } as const;
  test.each<[string, KernelObject]>([
    ['a table of 2^32', { ...route, table: 2 ** 32 }],
    ['a negative nexthop id', { ...route, nexthopId: -1 }],
    ['a fraction', { ...route, metric: 0.5 }],
    ['a protocol of 256', { ...route, protocol: 256 }],
    ['a prefix of the other family', { ...route, family: 'ipv6' }],
    ['a type that only the kernel uses', { ...route, type: 'other' }],
    ['a label of 2^20', { object: 'route', family: 'mpls', label: 1048576 as Label, device: 1 }],
    ['a device name of 16 bytes', { object: 'link', name: 'abcdefghijklmnop' }],
    ['a name with a zero in it', { object: 'link', name: 'a\0b' }],
    ['an alias of 256 bytes', { object: 'link', index: 1, alias: 'ä'.repeat(128) }],
    ['a kind without a codec', { object: 'link', name: 'br0', info: { kind: 'other', name: 'bridge' } }],
    ['a qdisc without a codec', { object: 'qdisc', index: 1, kind: 'htb' }],
    ['a weight of 0', { object: 'nexthop', id: 1, group: [{ id: 2, weight: 0 }] }],
  ])('%s', (_what, object) => {
    const writer = new MessageWriter();
    encodeRequest(writer, { op: 'add', object: { object: 'nexthop', id: 1 } }, 1);
    const before = writer.length;
    expect(() => encodeRequest(writer, { op: 'add', object }, 2)).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
    expect(writer.length).toBe(before);
    encodeRequest(writer, { op: 'add', object: { object: 'nexthop', id: 3 } }, 3);
    expect(messages(writer.take()).map(({ sequence }) => sequence)).toEqual([1, 3]);
  });

  test('a change of a fou port', () => {
    const object = { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 } as const;
    expect(() => encode({ op: 'set', object })).toThrow(expect.objectContaining({ code: 'invalid' }));
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
            state: 'other',
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
          });
          break;
        default:
          expect(deleted).toEqual(object);
      }
    }),
    { numRuns: 500 },
  );
});
