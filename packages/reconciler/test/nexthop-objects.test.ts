import { parseIpAddress, parseLabel } from '@hostpe/net';
import type { Nexthop } from '@hostpe/rtnetlink';
import { expect, test } from 'vitest';
import { nexthopKey } from '../src/keys.ts';
import { contentOfMembers, NexthopObjects } from '../src/routes/nexthop-objects.ts';

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

function group(id: number, ...members: readonly (readonly [number, number])[]): Nexthop {
  return {
    object: 'nexthop',
    id,
    protocol: 200,
    group: members.map(([member, weight]) => ({ id: member, weight })),
  };
}

function loaded(...existing: readonly Nexthop[]): NexthopObjects {
  const objects = new NexthopObjects();
  objects.load(existing);
  return objects;
}

const content = (label: number) => nexthopKey(3, gateway, [parseLabel(label)]);
const both = contentOfMembers([content(1000), content(1001)]);

test('what is there with the right content keeps its id, the lowest of several', () => {
  const objects = loaded(toPe(first + 9, 1000), toPe(first + 5, 1000));
  expect(objects.single(content(1000))).toBe(first + 5);
  expect(objects.content(first + 9)).toBe(content(1000));
});

test('what is new gets the lowest id that nobody has', () => {
  const objects = loaded(toPe(first, 1000), toPe(first + 2, 16, { protocol: 11 }));
  expect(objects.freeId()).toBe(first + 1);
  objects.put(toPe(first + 1, 1001), content(1001));
  expect(objects.freeId()).toBe(first + 3);
  objects.delete(first + 1);
  expect(objects.freeId()).toBe(first + 1);
});

test.each([
  ['another protocol', { protocol: 11 }],
  ['another family', { family: 'ipv4' }],
  ['another label', { encapLabels: [parseLabel(2000)] }],
  ['no onlink', { onlink: false }],
  ['an id of others', { id: 5 }],
] as const)('a nexthop with %s is not taken for ours', (_what, facts) => {
  const objects = loaded(toPe(first, 1000, facts));
  expect(objects.single(content(1000))).toBeUndefined();
});

test('groups are the same in any order of members, and not when the kernel shrank them or they have weights', () => {
  const members = [toPe(first + 1, 1000), toPe(first + 2, 1001)];
  expect(loaded(...members, group(first, [first + 2, 1], [first + 1, 1])).group(both)).toBe(first);
  expect(loaded(...members, group(first, [first + 1, 1])).group(both)).toBeUndefined();
  expect(loaded(...members, group(first, [first + 1, 1], [first + 2, 3])).group(both)).toBeUndefined();
});

test('a group of one leads where its member does, and is not taken for the member', () => {
  const objects = loaded(toPe(first, 1000), group(first + 1, [first, 1]));
  expect(objects.content(first + 1)).toBe(content(1000));
  expect(objects.single(content(1000))).toBe(first);
});

test('when all ids are taken there is none', () => {
  const all = Array.from({ length: 2 ** 19 }, (_, at) => ({ object: 'nexthop', id: first + at }) as const);
  const objects = new NexthopObjects();
  objects.load(all);
  expect(objects.freeId()).toBeUndefined();
});

test('unused is what neither routes nor groups need, also after the kernel was read again', () => {
  const existing = [
    toPe(first, 1000),
    toPe(first + 1, 1001),
    toPe(first + 2, 1002),
    group(first + 3, [first, 1]),
  ];
  const objects = loaded(...existing);
  objects.countRoute(first + 1, 1);
  objects.load(existing);
  const unused = () => objects.unused().map(({ id }) => id);
  expect(unused()).toEqual([first + 2, first + 3]);
  objects.delete(first + 3);
  expect(unused()).toEqual([first, first + 2]);
  objects.countRoute(first + 1, -1);
  expect(unused()).toEqual([first, first + 1, first + 2]);
});

test('replaced in place, an object keeps its users and loses its name', () => {
  const objects = loaded(toPe(first, 1000));
  objects.countRoute(first, 1);
  objects.put(toPe(first, 1001), content(1001));
  expect(objects.get(first)).toMatchObject({ content: content(1001), routes: 1 });
  expect(objects.single(content(1000))).toBeUndefined();
});
