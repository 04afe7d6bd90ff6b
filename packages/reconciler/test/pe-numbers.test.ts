import { parseIpAddress } from '@hostpe/net';
import type { Filter } from '@hostpe/rtnetlink';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numberedGateway, numberedMac, numberOfGateway, peOfGateway } from '../src/layout.ts';
import { PeNumbers } from '../src/pe-numbers.ts';

const own = parseIpAddress('2001:db8:ff::1');
const pe = (n: number) => parseIpAddress(`2001:db8:ff::${n.toString(16)}`);

function filter(handle: number, destination: string, some: Partial<Filter> = {}): Filter {
  return {
    object: 'filter',
    index: 5,
    hook: 'egress',
    priority: 10,
    protocol: 0x8847,
    handle,
    match: {
      kind: 'flower',
      destinationMac: numberedMac(handle),
      tunnel: { source: own, destination: parseIpAddress(destination), csum: false, keyless: true },
      redirect: 4,
    },
    ...some,
  };
}

test('a number is read again from the gateway and the MAC address that it is in', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), (one, other) => {
      expect(numberOfGateway(numberedGateway(one))).toBe(one);
      expect(numberedMac(one) === numberedMac(other)).toBe(one === other);
      expect(peOfGateway(numberedGateway(one))).toBeUndefined();
    }),
  );
  expect(numberedGateway(0x10002)).toBe('fe80::7065:1:2');
  expect(numberedMac(0x10002)).toBe('02:01:00:01:00:02');
  expect(numberOfGateway(parseIpAddress('fe80::5efe:aff:2'))).toBeUndefined();
});

test('an IPv4 PE needs none', () => {
  const numbers = new PeNumbers();
  const address = parseIpAddress('10.255.0.2');
  expect([numbers.gateway(address), numbers.mac(address), numbers.handle(address)]).toEqual([
    'fe80::5efe:aff:2',
    '02:00:0a:ff:00:02',
    0x0aff0002,
  ]);
  expect(numbers.pe(parseIpAddress('fe80::5efe:aff:2'))).toBe(address);
});

test('each IPv6 PE has its own, which stays when the kernel forgets it', () => {
  const numbers = new PeNumbers();
  const gateways = [2, 3, 4].map((n) => numbers.gateway(pe(n)));
  expect(gateways).toEqual(['fe80::7065:0:1', 'fe80::7065:0:2', 'fe80::7065:0:3']);
  numbers.load([], [], []);
  expect(numbers.gateway(pe(5))).toBe('fe80::7065:0:4');
  expect([2, 3, 4].map((n) => numbers.gateway(pe(n)))).toEqual(gateways);
  expect(gateways.map((gateway) => numbers.pe(gateway))).toEqual([pe(2), pe(3), pe(4)]);
});

test('a process that knows nothing has them from the filters', () => {
  const numbers = new PeNumbers();
  numbers.load([filter(7, pe(2)), filter(1, pe(3))], [], []);
  expect(numbers.pe(parseIpAddress('fe80::7065:0:7'))).toBe(pe(2));
  expect([pe(2), pe(3), pe(4)].map((one) => numbers.handle(one))).toEqual([7, 1, 2]);
});

test('a filter that is not as ours are ties no number, and keeps it from being given away', () => {
  const numbers = new PeNumbers();
  const [flower] = [filter(1, pe(2)).match];
  const strange: readonly Filter[] = [
    filter(1, pe(2), { match: { ...flower, destinationMac: numberedMac(9) } as Filter['match'] }),
    filter(2, pe(2), { priority: 11 }),
    filter(3, pe(2), { match: { kind: 'other', name: 'bpf' } }),
    filter(4, '10.255.0.2'),
  ];
  numbers.load(strange, [], []);
  for (const n of [1, 2, 3, 4]) expect(numbers.pe(numberedGateway(n))).toBeUndefined();
  expect(numbers.handle(pe(2))).toBe(5);
});

test('a number that a neighbour or a nexthop of nobody leads to is not given away', () => {
  const numbers = new PeNumbers();
  const neighbour = {
    object: 'neighbour',
    index: 5,
    address: numberedGateway(1),
    state: 'permanent',
  } as const;
  numbers.load([], [neighbour], [{ gateway: numberedGateway(2) }, {}]);
  expect(numbers.handle(pe(2))).toBe(3);
});

test('of two filters to one PE the first is its, and the number of the other stays unused', () => {
  const numbers = new PeNumbers();
  numbers.load([filter(1, pe(2)), filter(2, pe(2))], [], []);
  expect(numbers.handle(pe(2))).toBe(1);
  expect(numbers.pe(numberedGateway(2))).toBeUndefined();
  expect(numbers.handle(pe(3))).toBe(3);
});

test('what is known is not unlearnt from a filter that somebody changed', () => {
  const numbers = new PeNumbers();
  expect(numbers.handle(pe(2))).toBe(1);
  numbers.load([filter(1, pe(3))], [], []);
  expect(numbers.pe(numberedGateway(1))).toBe(pe(2));
  expect(numbers.handle(pe(3))).toBe(2);
});
