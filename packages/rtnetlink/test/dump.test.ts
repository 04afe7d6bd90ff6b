// What a dump asks the kernel for, as iproute2 6.1 does, and which of the objects that come back were asked for.
import { parseIpAddress } from '@hostpe/net';
import { expect, test } from 'vitest';
import { encodeDump, matches } from '../src/codec/dump.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { DumpFilter, KernelObject } from '../src/index.ts';

test.each<[string, string, DumpFilter]>([
  ['ip -6 netconf show', '1400000052000103c745036b000000000a000000', { object: 'netconf', family: 'ipv6' }],
  [
    'ip -f mpls netconf show',
    '1400000052000103c745036b000000001c000000',
    { object: 'netconf', family: 'mpls' },
  ],
  [
    'ip rule show',
    '1c00000022000103c645036b00000000020000000000000000000000',
    { object: 'rule', family: 'ipv4' },
  ],
  [
    'tc filter show dev d0 egress',
    '240000002e000103c745036b00000000000000000300000000000000f3ffffff00000000',
    { object: 'filter', index: 3, hook: 'egress' },
  ],
  [
    'tc qdisc show dev d0',
    '2400000026000103c745036b000000000000000003000000000000000000000000000000',
    { object: 'qdisc', index: 3 },
  ],
])('%s', (_command, hex, filter) => {
  const writer = new MessageWriter();
  const sequence = Buffer.from(hex, 'hex').readUInt32LE(8);
  encodeDump(writer, filter, sequence);
  expect(Buffer.from(writer.take()).toString('hex')).toBe(hex);
});

const address = parseIpAddress('10.0.0.1');

test.each<[DumpFilter, KernelObject, KernelObject]>([
  [
    { object: 'netconf', family: 'mpls' },
    { object: 'netconf', family: 'mpls', index: 1 },
    { object: 'netconf', family: 'ipv4', index: 1 },
  ],
  [
    { object: 'rule', family: 'ipv6' },
    { object: 'rule', family: 'ipv6', priority: 1, table: 1 },
    { object: 'rule', family: 'ipv4', priority: 1, table: 1 },
  ],
  [
    { object: 'neighbour', index: 3, family: 'ipv4' },
    { object: 'neighbour', index: 3, address, state: 'none' },
    { object: 'neighbour', index: 4, address, state: 'none' },
  ],
  [
    { object: 'address', family: 'ipv4' },
    { object: 'address', index: 3, address, prefixLength: 32 },
    { object: 'address', index: 3, address: parseIpAddress('fe80::1'), prefixLength: 64 },
  ],
  [
    { object: 'qdisc', index: 3 },
    { object: 'qdisc', index: 3, kind: 'clsact' },
    { object: 'qdisc', index: 4, kind: 'clsact' },
  ],
])('%j', (filter, one, other) => {
  expect(matches(filter, one)).toBe(true);
  expect(matches(filter, other)).toBe(false);
});
