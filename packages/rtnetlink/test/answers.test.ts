// What the kernel says of links, addresses, neighbours, rules, netconf and queueing disciplines: see golden/answers.ts, link-answers.ts.
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../src/codec/object.ts';
import { forEachMessage } from '../src/codec/wire/message.ts';
import type { KernelObject } from '../src/index.ts';
import { answers } from './golden/answers.ts';
import { answers as linkAnswers } from './golden/link-answers.ts';

function decode(hex: string): KernelObject[] {
  const objects: KernelObject[] = [];
  forEachMessage(Buffer.from(hex, 'hex'), (message) => {
    const object = decodeObject(message)?.object;
    if (object !== undefined) objects.push(object);
  });
  return objects;
}

describe('a 6.18 kernel tells of', () => {
  test.each([...linkAnswers, ...answers])('%s', (_what, hex, objects) => {
    expect(decode(hex)).toEqual(objects);
  });
});

/** Flags of the header, where IFA_FLAGS is not sent. */
test('an address that another host has', () => {
  const told = '280000001400000000000000000000000218080002000000080002000a000001080001000a000001';
  expect(decode(told)).toMatchObject([{ object: 'address', index: 2, address: '10.0.0.1', dadFailed: true }]);
});
