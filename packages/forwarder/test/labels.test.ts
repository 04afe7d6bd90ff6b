import { parseLabel } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LabelAllocator } from '../src/labels.ts';

const quarantine = 60_000;
/** Begins at the range's first label. */
const atFirst = () => 0;

describe('labels', () => {
  test('are given in turn, and stay with their owner', () => {
    const labels = new LabelAllocator({ first: 1000, last: 1010 }, quarantine, () => 0, atFirst);
    expect([labels.allocate('v-red1'), labels.allocate('v-red2'), labels.allocate('v-red1')]).toEqual([
      1000, 1001, 1000,
    ]);
    expect(labels.ownerOf(parseLabel(1001))).toBe('v-red2');
  });

  test('that the kernel has are not given to others, wherever they are', () => {
    const labels = new LabelAllocator({ first: 1000, last: 1010 }, quarantine, () => 0, atFirst);
    expect(labels.adopt('v-red1', parseLabel(1000))).toBe(true);
    expect(labels.adopt('v-old', parseLabel(77))).toBe(true);
    expect(labels.adopt('v-red1', parseLabel(1005))).toBe(false);
    expect(labels.adopt('v-red2', parseLabel(1000))).toBe(false);
    expect([labels.allocate('v-red2'), labels.allocate('v-old')]).toEqual([1001, 77]);
  });

  test('rest after their release and come back when the time is over', () => {
    let now = 0;
    const labels = new LabelAllocator({ first: 1000, last: 1001 }, quarantine, () => now, atFirst);
    labels.allocate('a');
    labels.release('a');
    expect(labels.allocate('b')).toBe(1001);
    now = quarantine - 1;
    expect(() => labels.allocate('c')).toThrow(
      /c: no label is left between 1000 and 1001 \(1 in use, 1 at rest/,
    );
    now = quarantine;
    expect(labels.allocate('c')).toBe(1000);
  });

  test('come back only after the whole rest of the range, however long ago they were freed', () => {
    let now = 0;
    const labels = new LabelAllocator({ first: 1000, last: 1003 }, quarantine, () => now, atFirst);
    const given = ['a', 'b', 'c', 'd', 'e', 'f'].map((owner) => {
      const label = labels.allocate(owner);
      labels.release(owner);
      now += 10 * quarantine;
      return label;
    });
    expect(given).toEqual([1000, 1001, 1002, 1003, 1000, 1001]);
  });

  test('begin where the random source says, so that a restart does not begin with those that were freed before it', () => {
    const first = (random: number) =>
      new LabelAllocator(
        { first: 1000, last: 1009 },
        quarantine,
        () => 0,
        () => random,
      ).allocate('a');
    expect([0, 0.5, 0.999].map(first)).toEqual([1000, 1005, 1009]);
  });

  test('of the kernel do not say where allocation goes on', () => {
    const labels = new LabelAllocator({ first: 1000, last: 1009 }, quarantine, () => 0, atFirst);
    labels.adopt('a', parseLabel(1007));
    expect(labels.allocate('b')).toBe(1000);
  });

  test('of attachments that are gone at the start rest as well', () => {
    const labels = new LabelAllocator({ first: 1000, last: 1010 }, quarantine, () => 0, atFirst);
    labels.rest(parseLabel(1000));
    expect(labels.allocate('a')).toBe(1001);
  });

  test('agree with a naive model under any history', () => {
    const range = { first: 1000, last: 1006 };
    const owners = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const step = fc.oneof(
      fc.record({ do: fc.constant('allocate' as const), owner: owners }),
      fc.record({ do: fc.constant('release' as const), owner: owners }),
      fc.record({ do: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 50_000 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), fc.array(step, { maxLength: 60 }), (start, steps) => {
        let now = 0;
        const labels = new LabelAllocator(
          range,
          quarantine,
          () => now,
          () => (start + 0.5) / 7,
        );
        /** All labels, in the order in which they are tried next. */
        let turn = Array.from({ length: 7 }, (_, offset) => range.first + ((start + offset) % 7));
        const held = new Map<string, number>();
        const freedAt = new Map<number, number>();
        for (const one of steps) {
          if (one.do === 'wait') now += one.time;
          else if (one.do === 'release') {
            const label = held.get(one.owner);
            if (label !== undefined) freedAt.set(label, now);
            held.delete(one.owner);
            labels.release(one.owner);
          } else {
            const isFree = (label: number) =>
              ![...held.values()].includes(label) && now - (freedAt.get(label) ?? -quarantine) >= quarantine;
            const expected = held.get(one.owner) ?? turn.find(isFree);
            if (expected === undefined) expect(() => labels.allocate(one.owner)).toThrow(/no label is left/);
            else {
              expect(labels.allocate(one.owner)).toBe(expected);
              if (!held.has(one.owner)) {
                const at = turn.indexOf(expected) + 1;
                turn = [...turn.slice(at), ...turn.slice(0, at)];
              }
              held.set(one.owner, expected);
            }
          }
        }
      }),
    );
  });
});
