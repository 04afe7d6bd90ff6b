// Addresses: messages of iproute2.
import { parseIpAddress } from '@hostpe/net';
import { request, type Same } from './golden.ts';

export const same: Same = [
  [
    'ip address add 169.254.1.1/32 dev v0',
    '28000000140005061521036b00000000022000000500000008000200a9fe010108000100a9fe0101',
    request('add', { object: 'address', index: 5, address: parseIpAddress('169.254.1.1'), prefixLength: 32 }),
  ],
  [
    'ip address add fe80::1/64 dev v0 nodad',
    '40000000140005061521036b000000000a4002000500000014000200fe80000000000000000000000000000114000100fe800000000000000000000000000001',
    request('add', {
      object: 'address',
      index: 5,
      address: parseIpAddress('fe80::1'),
      prefixLength: 64,
      noDad: true,
    }),
  ],
  [
    'ip address delete 169.254.1.1/32 dev v0',
    '28000000150005001521036b00000000022000000500000008000200a9fe010108000100a9fe0101',
    request('delete', {
      object: 'address',
      index: 5,
      address: parseIpAddress('169.254.1.1'),
      prefixLength: 32,
    }),
  ],
  [
    'ip address add 10.0.0.1 peer 10.0.0.2/32 dev d0',
    '2800000014000506c645036b000000000220000003000000080002000a000001080001000a000002',
    request('add', {
      object: 'address',
      index: 3,
      address: parseIpAddress('10.0.0.1'),
      peer: parseIpAddress('10.0.0.2'),
      prefixLength: 32,
    }),
  ],
  [
    'ip -6 address add 2001:db8::1 peer 2001:db8::2/128 dev d0 nodad',
    '4000000014000506c645036b000000000a800200030000001400020020010db80000000000000000000000011400010020010db8000000000000000000000002',
    request('add', {
      object: 'address',
      index: 3,
      address: parseIpAddress('2001:db8::1'),
      peer: parseIpAddress('2001:db8::2'),
      prefixLength: 128,
      noDad: true,
    }),
  ],
  [
    'ip address delete 10.0.0.1 peer 10.0.0.2/32 dev d0',
    '2800000015000500c645036b000000000220000003000000080002000a000001080001000a000002',
    request('delete', {
      object: 'address',
      index: 3,
      address: parseIpAddress('10.0.0.1'),
      peer: parseIpAddress('10.0.0.2'),
      prefixLength: 32,
    }),
  ],
  [
    'ip address replace 10.0.0.3/24 dev d0',
    '2800000014000505c645036b000000000218000003000000080002000a000003080001000a000003',
    request('replace', {
      object: 'address',
      index: 3,
      address: parseIpAddress('10.0.0.3'),
      prefixLength: 24,
    }),
  ],
];
