// The benchmark's messages to zebra, against bytes that zebra of FRR 8.4.4 took and programmed right.
import { parseIpAddress, parseIpPrefix } from '@hostpe/net';
import { expect, test } from 'vitest';
import { encodeHello, encodeRouteAdd, knownFrr } from '../bench/zapi.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('hello says that routes of sharpd follow', () => {
  expect(hex(encodeHello())).toBe(['0013fe06000000000012', '17', '0000', '00000000', '00', '00'].join(''));
});

test.each([
  {
    prefix: '10.0.0.1/32',
    gateway: '192.0.2.3',
    head: '002cfe06000000000008',
    destination: '02200a000001',
    nexthop: '0200c0000203',
  },
  {
    prefix: 'fd00::1/128',
    gateway: '2001:db8::3',
    head: '0044fe06000000000008',
    destination: '0a80fd000000000000000000000000000001',
    nexthop: '040020010db8000000000000000000000003',
  },
])('a route to $prefix has one nexthop, whose interface zebra finds', (route) => {
  const { head, destination, nexthop } = route;
  // Protocol, instance, flags, contents, SAFI; and behind the prefix the number of nexthops, the VRF and, at the end, no interface.
  const body = ['17', '0000', '00000001', '00000001', '01', destination, '0001', '00000000', nexthop];
  expect(hex(encodeRouteAdd(parseIpPrefix(route.prefix), parseIpAddress(route.gateway)))).toBe(
    [head, ...body, '00000000'].join(''),
  );
});

test.each([
  ['zebra 8.4.4', true],
  ['zebra 8.0', true],
  ['zebra 7.5.1', false],
  ['zebra 9.1', false],
  ['zebra 10.8.4', false],
  ['zebra 8.55', false],
])('%s: its messages are known: %s', (version, known) => {
  expect(knownFrr.test(version)).toBe(known);
});
