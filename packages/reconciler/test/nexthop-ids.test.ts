import { parseIpAddress, parseLabel } from '@hostpe/net';
import type { Nexthop } from '@hostpe/rtnetlink';
import { expect, test } from 'vitest';
import { nexthopKey } from '../src/keys.ts';
import { groupContent, NexthopIds } from '../src/nexthop-ids.ts';

const first = 0x68700000;
const gateway = parseIpAddress('fe80::5efe:aff:2');

function toPe(id: number, label: number, facts: Partial<Nexthop> = {}): Nexthop {
  return {
    object: 'nexthop',
    id,
    family: 'ipv6',
    protocol: 200,
    device: 3,
    gateway,
    onlink: true,
    encapLabels: [parseLabel(label)],
    ...facts,
  };
}

const content = (label: number) => nexthopKey(3, gateway, [parseLabel(label)]);

test('what is there with the right content keeps its id, the lowest of several', () => {
  const ids = new NexthopIds([toPe(first + 9, 1000), toPe(first + 5, 1000)]);
  expect(ids.take(content(1000))).toEqual({ id: first + 5, isNew: false });
});

test('what is new gets the lowest id that nobody has, and the same when asked again', () => {
  const ids = new NexthopIds([toPe(first, 1000), toPe(first + 2, 16, { protocol: 11 })]);
  expect(ids.take(content(1001))).toEqual({ id: first + 1, isNew: true });
  expect(ids.take(content(1002))).toEqual({ id: first + 3, isNew: true });
  expect(ids.take(content(1001))).toEqual({ id: first + 1, isNew: false });
});

test.each([
  ['another protocol', { protocol: 11 }],
  ['another family', { family: 'ipv4' }],
  ['another label', { encapLabels: [parseLabel(2000)] }],
  ['no onlink', { onlink: false }],
  ['an id of others', { id: 5 }],
] as const)('a nexthop with %s is not taken for ours', (_what, facts) => {
  const ids = new NexthopIds([toPe(first, 1000, facts)]);
  expect(ids.take(content(1000))?.isNew).toBe(true);
});

test('groups are the same in any order of members, and not when the kernel shrank them or they have weights', () => {
  const group = (...members: readonly (readonly [number, number])[]): Nexthop => ({
    object: 'nexthop',
    id: first,
    protocol: 200,
    group: members.map(([id, weight]) => ({ id, weight })),
  });
  const wanted = groupContent([first + 2, first + 1]);
  expect(new NexthopIds([group([first + 1, 1], [first + 2, 1])]).take(wanted)?.isNew).toBe(false);
  expect(new NexthopIds([group([first + 1, 1])]).take(wanted)?.isNew).toBe(true);
  expect(new NexthopIds([group([first + 1, 1], [first + 2, 3])]).take(wanted)?.isNew).toBe(true);
});

test('when all ids are taken there is none', () => {
  const all = Array.from({ length: 2 ** 19 }, (_, at) => ({ object: 'nexthop', id: first + at }) as const);
  expect(new NexthopIds(all).take(content(1000))).toBeUndefined();
});
