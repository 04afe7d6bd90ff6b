import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { faultOf } from '../src/codec/attribute-names.ts';
import { encodeRequest } from '../src/codec/request.ts';
import {
  decodeVerdict,
  forEachMessage,
  type Message,
  messageFlag,
  messageType,
} from '../src/codec/wire/message.ts';
import { MessageWriter, messageHeaderLength } from '../src/codec/wire/writer.ts';
import type { KernelObject } from '../src/index.ts';
import { rtnetlinkObject } from './arbitraries.ts';
import { missing, refusals } from './golden/refusals.ts';

const device = 3;
const via = parseIpAddress('10.1.0.2');
const fouType = 0x20;
/** Of the fixed structs, by message type. */
const headerLengths: Readonly<Record<number, number>> = {
  16: 16,
  20: 8,
  24: 12,
  28: 12,
  32: 12,
  36: 20,
  44: 20,
  104: 8,
};

function messageOf(bytes: Uint8Array): Message {
  const all: Message[] = [];
  forEachMessage(bytes, (message) => all.push(message));
  return all[0] as Message;
}

function encode(object: KernelObject): Uint8Array {
  const writer = new MessageWriter();
  encodeRequest(writer, { op: 'add', object }, 1, fouType);
  return writer.take();
}

/** An acknowledgement with these attributes, each a number: NLMSGERR_ATTR_OFFS 2, _MISS_TYPE 5, _MISS_NEST 6. */
function acknowledgement(attributes: Readonly<Record<number, number>>): Message {
  const writer = new MessageWriter();
  writer.begin(messageType.error, messageFlag.capped | messageFlag.ackAttributes, 1);
  writer.i32(-22);
  for (let at = 0; at < messageHeaderLength; at++) writer.u8(0);
  for (const [type, value] of Object.entries(attributes)) {
    const mark = writer.openAttribute(Number(type));
    writer.u32(value);
    writer.closeAttribute(mark);
  }
  writer.end();
  return messageOf(writer.take());
}

/** Where the attribute that holds these bytes begins. */
function offsetOf(request: Uint8Array, payload: string): number {
  const at = Buffer.from(request).indexOf(Buffer.from(payload, 'hex'));
  expect(at).toBeGreaterThan(messageHeaderLength);
  return at - 4;
}

describe('what a kernel refused is named', () => {
  test.each(refusals)('%s', (_what, request, answer, fault) => {
    expect(faultOf(messageOf(Buffer.from(answer, 'hex')), Buffer.from(request, 'hex'))).toEqual(fault);
  });
});

describe('in a request of ours', () => {
  const mplsRoute = { object: 'route', family: 'mpls', label: parseLabel(1002) } as const;
  const route = {
    object: 'route',
    family: 'ipv4',
    table: 1001,
    prefix: parseIpPrefix('10.1.0.0/16'),
  } as const;
  test.each<[string, KernelObject, payload: string]>([
    ['RTA_NEWDST', { ...mplsRoute, device, via, newLabels: [parseLabel(600)] }, '00258100'],
    [
      'RTA_MULTIPATH/RTA_NEWDST',
      {
        ...mplsRoute,
        device: 0,
        multipath: [
          { device, via },
          { device, via, newLabels: [parseLabel(600)] },
        ],
      },
      '00258100',
    ],
    ['RTA_ENCAP/MPLS_IPTUNNEL_DST', { ...route, device, encapLabels: [parseLabel(600)] }, '00258100'],
    [
      'NHA_ENCAP/MPLS_IPTUNNEL_DST',
      { object: 'nexthop', id: 1, device, encapLabels: [parseLabel(600)] },
      '00258100',
    ],
    [
      'RTA_ENCAP/attribute 9',
      { ...route, device, otherEncap: { type: 5, attributes: Uint8Array.of(8, 0, 9, 0, 1, 2, 3, 4) } },
      '01020304',
    ],
    ['RTA_PREFSRC', { ...route, device, preferredSource: parseIpAddress('10.9.9.9') }, '0a090909'],
    [
      'IFLA_LINKINFO/IFLA_INFO_DATA/IFLA_VRF_TABLE',
      { object: 'link', name: 'red', info: { kind: 'vrf', table: 0x01020304 } },
      '04030201',
    ],
    ['NDA_DST', { object: 'neighbour', index: device, address: via, state: 'permanent' }, '0a010002'],
    ['FOU_ATTR_PORT', { object: 'fou', family: 'ipv4', port: 6635, protocol: 137 }, '19eb'],
  ])('%s', (attribute, object, payload) => {
    const request = encode(object);
    const offset = offsetOf(request, payload);
    const kind = object.object === 'fou' ? fouType : undefined;
    expect(faultOf(acknowledgement({ 2: offset }), request, kind)).toEqual({ attribute, offset });
  });

  test('an offset at which no attribute begins is told without a name', () => {
    const request = encode({ ...route, nexthopId: 7 });
    for (const offset of [0, 15, 16, 29, 34, 4096])
      expect(faultOf(acknowledgement({ 2: offset }), request)).toEqual({ offset });
    expect(faultOf(acknowledgement({ 2: 28 }), request)).toEqual({ attribute: 'RTA_DST', offset: 28 });
  });

  test('an attribute that the caller gave as an unknown one may be malformed', () => {
    const request = encode({ ...route, device, unknown: [{ type: 30, value: Uint8Array.of(1) }] });
    const offset = request.length - 8;
    expect(faultOf(acknowledgement({ 2: offset }), request)).toEqual({ attribute: 'RTA_NH_ID', offset });
    expect(faultOf(acknowledgement({ 2: offset + 4 }), request)).toEqual({ offset: offset + 4 });
    const otherFirst = encode({
      ...route,
      unknown: [
        { type: 30, value: Uint8Array.of(1) },
        { type: 300, value: Uint8Array.of(1) },
      ],
    });
    expect(faultOf(acknowledgement({ 2: otherFirst.length - 8 }), otherFirst)).toEqual({
      offset: otherFirst.length - 8,
    });
  });
});

test('every offset into every request is told, and what begins there is named where it is an attribute', () => {
  fc.assert(
    fc.property(rtnetlinkObject, (object) => {
      const request = encode(object);
      const named: string[] = [];
      for (let offset = 0; offset < request.length + 8; offset++) {
        const fault = faultOf(acknowledgement({ 2: offset }), request);
        expect(fault.offset).toBe(offset);
        if (fault.attribute !== undefined) named.push(fault.attribute);
      }
      const type = messageOf(request).type;
      const outermost = named.filter((name) => !name.includes('/'));
      let attributes = 0;
      messageOf(request).payload.attributes(headerLengths[type] ?? 0, () => attributes++);
      expect(outermost).toHaveLength(attributes);
    }),
    { numRuns: 50 },
  );
});

describe('an attribute that is missing', () => {
  test('is told by a kernel', () => {
    const answer = messageOf(Buffer.from(missing.answer, 'hex'));
    expect(decodeVerdict(answer)).toEqual({
      errno: 22,
      text: 'Missing MDBA_SET_ENTRY attribute',
      offset: undefined,
      missing: { type: 1, nest: undefined },
    });
    expect(faultOf(answer, Buffer.from(missing.request, 'hex'))).toEqual({});
  });

  test('in the message is named', () => {
    const request = encode({ object: 'nexthop', id: 7 });
    expect(faultOf(acknowledgement({ 5: 5 }), request)).toEqual({ attribute: 'NHA_OIF', isMissing: true });
  });

  test('in a nest is named after the nest', () => {
    const request = encode({ object: 'nexthop', id: 7, encapLabels: [parseLabel(600)] });
    const nest = offsetOf(request, '0800010000258100');
    expect(faultOf(acknowledgement({ 5: 2, 6: nest }), request)).toEqual({
      attribute: 'NHA_ENCAP/MPLS_IPTUNNEL_TTL',
      isMissing: true,
    });
    expect(faultOf(acknowledgement({ 5: 2, 6: nest + 1 }), request)).toEqual({});
  });
});
