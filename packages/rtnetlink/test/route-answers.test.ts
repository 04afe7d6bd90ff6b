import { expect, test } from 'vitest';
import { decodeObject } from '../src/codec/object.ts';
import { encodeRequest } from '../src/codec/request.ts';
import { forEachMessage } from '../src/codec/wire/message.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { KernelObject } from '../src/index.ts';
import { answers } from './golden/route-answers.ts';

function objects(bytes: Uint8Array): KernelObject[] {
  const all: KernelObject[] = [];
  forEachMessage(bytes, (message) => {
    const object = decodeObject(message)?.object;
    if (object !== undefined) all.push(object);
  });
  return all;
}

test.each(answers)('%s of the kernel are read, and sent again are the same', (_what, hex, expected) => {
  expect(objects(Buffer.from(hex, 'hex'))).toEqual(expected);
  const writer = new MessageWriter();
  for (const object of expected) encodeRequest(writer, { op: 'replace', object }, 1);
  expect(objects(writer.take())).toEqual(expected);
});
