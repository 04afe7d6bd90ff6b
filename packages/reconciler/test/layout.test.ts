import type { IpAddress } from '@hostpe/net';
import { addressFromBytes, parseIpAddress } from '@hostpe/net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isPlainInterfaceName,
  peFilterHandle,
  peGateway,
  peMac,
  peOfGateway,
  vpnOfAlias,
  vrfAlias,
} from '../src/layout.ts';

const pe = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes): IpAddress => addressFromBytes(bytes));

test('a gateway names its PE, and each PE has its own gateway, MAC and filter', () => {
  fc.assert(
    fc.property(pe, pe, (one, other) => {
      expect(peOfGateway(peGateway(one))).toBe(one);
      expect(peGateway(one) === peGateway(other)).toBe(one === other);
      expect(peMac(one) === peMac(other)).toBe(one === other);
      expect(peFilterHandle(one) === peFilterHandle(other)).toBe(one === other);
    }),
  );
});

test('the addresses of a PE read as it', () => {
  const address = parseIpAddress('10.255.0.2');
  expect(peGateway(address)).toBe('fe80::5efe:aff:2');
  expect(peMac(address)).toBe('02:00:0a:ff:00:02');
  expect(peFilterHandle(address)).toBe(0x0aff0002);
  expect(peFilterHandle(parseIpAddress('192.0.2.1'))).toBe(0xc0000201);
});

test.each(['fe80::1', 'fe80::6:5efe:aff:2', '2001:db8::5efe:aff:2', '10.255.0.2'])(
  '%s is no gateway of ours',
  (text) => {
    expect(peOfGateway(parseIpAddress(text))).toBeUndefined();
  },
);

test('an alias names its VPN; another alias none', () => {
  expect(vpnOfAlias(vrfAlias('red team'))).toBe('red team');
  expect(vpnOfAlias('vpn red')).toBeUndefined();
  expect(vpnOfAlias(undefined)).toBeUndefined();
});

test.each([
  ['v-red1', true],
  ['trk.100', true],
  ['@pes', false],
  ['v*', false],
  ['a b', false],
])('%s as the name of an interface in nftables: %s', (name, isPlain) => {
  expect(isPlainInterfaceName(name)).toBe(isPlain);
});
