// What the kernel may have and no fact of ours says: it is never taken for something of ours, one step beside what is.
import { parseIpAddress, parseMac } from '@hostpe/net';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { forEachMessage } from '../src/codec/wire/message.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { KernelObject } from '../src/index.ts';
import { octets } from './golden/golden.ts';
import { near as rules } from './golden/rule.ts';
import { near as filters } from './golden/traffic-control.ts';

/** TCA_FLOWER_FLAGS of 0 */
const noFlags = '0800160000000000';

function encode(object: KernelObject): string {
  const writer = new MessageWriter();
  encodeRequest(writer, { op: 'add', object }, 1);
  return Buffer.from(writer.take()).toString('hex');
}

function decode(hex: string): KernelObject | undefined {
  let object: KernelObject | undefined;
  forEachMessage(octets(hex), (message) => {
    object = decodeObject(message)?.object;
  });
  return object;
}

/** Attributes of one byte or four, by their numbers. */
function data(...attributes: readonly (readonly [type: number, hex: string])[]): Uint8Array {
  const writer = new MessageWriter();
  for (const [type, hex] of attributes) {
    const mark = writer.openAttribute(type);
    writer.bytes(octets(hex));
    writer.closeAttribute(mark);
  }
  return writer.take();
}

describe('a tunnel', () => {
  const local4 = [6, '0aff0001'] as const;
  const local6 = [2, '20010db8000000000000000000000001'] as const;
  const end4 = [2, '0aff0001'] as const;
  const mpls = [9, '89'] as const;

  test.each<[string, string, string, readonly (readonly [number, string])[]]>([
    ['as it is', 'gre', 'gre', [local4]],
    [
      'with a key of both directions',
      'gre',
      'gre',
      [local4, [2, '2000'], [3, '2000'], [4, '00000001'], [5, '00000001']],
    ],
    ['with a key of one direction', 'gre', 'other', [local4, [3, '2000'], [5, '00000001']]],
    ['with two keys', 'gre', 'other', [local4, [2, '2000'], [3, '2000'], [4, '00000001'], [5, '00000002']]],
    ['with sequence numbers', 'gre', 'other', [local4, [2, '1000'], [3, '1000']]],
    ['with a type of service', 'gre', 'other', [local4, [9, '10']]],
    ['with GUE', 'gre', 'other', [local4, [14, '0200']]],
    ['with remote checksum offload', 'gre', 'other', [local4, [14, '0100'], [15, '0400']]],
    ['of which the kernel found out what it can', 'ip6tnl', 'ip6tnl', [local6, [8, '01000700']]],
    ['with inherited flow labels', 'ip6tnl', 'other', [local6, [8, '05000000']]],
    ['of another protocol', 'ip6tnl', 'other', [local6, [9, '2f']]],
    ['of MPLS', 'ipip', 'ipip', [end4, mpls]],
    ['of MPLS without path MTU discovery', 'ipip', 'other', [end4, mpls, [10, '00']]],
    ['of MPLS with a mark', 'ipip', 'other', [end4, mpls, [20, '01000000']]],
  ])('%s: %s is %s', (_what, name, kind, attributes) => {
    const raw = { kind: 'other', name, data: data(...attributes) } as const;
    const object = { object: 'link', index: 7, info: raw } as const;
    const decoded = decode(encode(object));
    expect(decoded).toMatchObject({ info: kind === 'other' ? raw : { kind } });
  });

  test('without a device below it', () => {
    const info = { kind: 'gre', local: parseIpAddress('10.255.0.1'), ttl: 64 } as const;
    expect(decode(encode({ object: 'link', index: 7, link: 0, info }))).not.toHaveProperty('link');
  });
});

describe('a filter', () => {
  const address = parseIpAddress('10.255.0.1');
  const ours = encode({
    object: 'filter',
    index: 3,
    hook: 'egress',
    priority: 10,
    protocol: 0x8847,
    handle: 7,
    match: {
      kind: 'flower',
      destinationMac: parseMac('02:00:0a:ff:00:02'),
      tunnel: { source: address, destination: address, csum: false },
      redirect: 6,
    },
  });

  test.each([
    ['that goes on after the redirect', '0400000000000000000000000100000006000000', '03000000'],
    ['that mirrors', '0100000006000000', '02000000'],
    ['that redirects to an ingress', '0100000006000000', '03000000'],
    ['that stops before the redirect', '03000000000000000000000001000000', '02000000'],
    ['that takes the tunnel off', '010000000800', '02000000'],
    ['of a tunnel with a key', '0000000005000a', '00000007'],
    ['of a part of the MAC address', 'ffffffffffff', '00000000'],
    ['of another EtherType', '8847000', '0800'],
  ])('%s', (_what, found, instead) => {
    expect(ours.split(found)).toHaveLength(2);
    const at = ours.indexOf(found);
    const changed = ours.slice(0, at) + instead + ours.slice(at + instead.length);
    expect(decode(ours)).toMatchObject({ match: { kind: 'flower' } });
    expect(decode(changed)).toMatchObject({ match: { kind: 'other', name: 'flower' } });
  });
});

test.each([
  ['only for hardware', '0800160002000000'],
  ['with a key of a later kernel', '0800c80000000000'],
])('a filter %s', (_what, instead) => {
  const [filter] = filters.filter(([, hex]) => hex.includes(noFlags));
  if (filter === undefined) throw new Error('no such filter');
  const [, hex] = filter;
  expect(decode(hex)).toMatchObject({ match: { kind: 'flower' } });
  expect(decode(hex.replace(noFlags, instead))).toMatchObject({ match: { kind: 'other', name: 'flower' } });
});

test('a rule that refuses has no table, though the kernel may show one', () => {
  const [rule] = rules.filter(([command]) => command.endsWith('blackhole'));
  if (rule === undefined) throw new Error('no such rule');
  const [, hex, { object }] = rule;
  expect(decode(`${hex.slice(0, 40)}fe${hex.slice(42)}`)).toEqual(object);
});
