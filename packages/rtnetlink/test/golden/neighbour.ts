// Neighbours: messages of iproute2.
import { parseIpAddress, parseMac } from '@hostpe/net';
import { type Near, octets, request, type Same } from './golden.ts';

const machine = parseIpAddress('10.1.0.2');
const pe = parseIpAddress('fe80::5efe:aff:2');

export const same: Same = [
  [
    'ip -6 neigh replace fe80::5efe:aff:2 lladdr 10.255.0.2 dev hostpe-gre nud permanent',
    '380000001c0005051621036b000000000a000000020000008000000014000100fe8000000000000000005efe0aff0002080002000aff0002',
    request('replace', {
      object: 'neighbour',
      index: 2,
      address: pe,
      linkLayerAddress: parseIpAddress('10.255.0.2'),
      state: 'permanent',
    }),
  ],
  [
    'ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev d0 nud permanent',
    '300000001c0005061621036b00000000020000000300000080000000080001000a0100020a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: machine,
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'permanent',
    }),
  ],
  [
    'ip neigh add 10.1.0.3 lladdr 02:00:00:00:00:02 dev d0 nud reachable',
    '300000001c000506c745036b00000000020000000300000002000000080001000a0100030a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.3'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'reachable',
    }),
  ],
  [
    'ip neigh replace 10.1.0.4 lladdr 02:00:00:00:00:02 dev d0 nud stale',
    '300000001c000505c745036b00000000020000000300000004000000080001000a0100040a0002000200000000020000',
    request('replace', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.4'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'stale',
    }),
  ],
  [
    'ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:02 dev d0 nud noarp',
    '300000001c000506c745036b00000000020000000300000040000000080001000a0100050a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.5'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'noarp',
    }),
  ],
  [
    'ip neigh add 10.1.0.6 dev d0 nud none',
    '240000001c000506c745036b00000000020000000300000000000000080001000a010006',
    request('add', { object: 'neighbour', index: 3, address: parseIpAddress('10.1.0.6'), state: 'none' }),
  ],
  [
    'ip neigh add 10.1.0.7 dev d0 nud incomplete',
    '240000001c000506c745036b00000000020000000300000001000000080001000a010007',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.7'),
      state: 'incomplete',
    }),
  ],
  [
    'ip neigh add 10.1.0.8 lladdr 02:00:00:00:00:02 dev d0 nud delay',
    '300000001c000506c745036b00000000020000000300000008000000080001000a0100080a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.8'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'delay',
    }),
  ],
  [
    'ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:02 dev d0 nud probe',
    '300000001c000506c745036b00000000020000000300000010000000080001000a0100090a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.9'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'probe',
    }),
  ],
  [
    'ip neigh add 10.1.0.10 dev d0 nud failed',
    '240000001c000506c745036b00000000020000000300000020000000080001000a01000a',
    request('add', { object: 'neighbour', index: 3, address: parseIpAddress('10.1.0.10'), state: 'failed' }),
  ],
  [
    'ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:02 dev d0 router extern_learn protocol bgp nud reachable',
    '440000001c000506c745036b000000000a000000030000000200900005000c00ba0000001400010020010db80000000000000000000000090a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('2001:db8::9'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'reachable',
      router: true,
      externallyLearned: true,
      protocol: 186,
    }),
  ],
  [
    'ip neigh add 10.1.0.11 lladdr 02:00:00:00:00:02 dev d0 managed',
    '380000001c000506c745036b00000000020000000300000000000000080001000a01000b08000f00010000000a0002000200000000020000',
    request('add', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.11'),
      linkLayerAddress: parseMac('02:00:00:00:00:02'),
      state: 'none',
      unknown: [{ type: 15, value: octets('01000000') }],
    }),
  ],
];

export const near: Near = [
  [
    'ip neigh delete 10.1.0.3 dev d0',
    '240000001d000500c745036b00000000020000000300000080000000080001000a010003',
    request('delete', {
      object: 'neighbour',
      index: 3,
      address: parseIpAddress('10.1.0.3'),
      state: 'permanent',
    }),
    ['theirs header 020000000300000080000000', 'ours header 020000000300000000000000'],
  ],
];
