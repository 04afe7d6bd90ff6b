import { parseRouteTarget, type RouteTarget, routeTargetToBytes } from '@hostpe/net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RtcNlri } from '../src/index.ts';
import { RouteTargetInterest } from '../src/rtc/interest.ts';

const targets = ['65000:1', '65000:2', '65001:1', '192.0.2.1:1', '4200000000:1'].map(parseRouteTarget);

/** As RFC 4684 section 4 has it: `bits` of AS and route target. */
function nlri(originAs: number | undefined, target: RouteTarget, bits: number): RtcNlri {
  const bytes = routeTargetToBytes(target);
  const kept = Math.max(0, bits - 32);
  const cut = bytes.map((octet, at) => octet & ((0xff00 >>> Math.min(8, Math.max(0, kept - at * 8))) & 0xff));
  return { originAs: bits === 0 ? undefined : originAs, target: Uint8Array.from(cut), length: bits };
}

const whole = (target: string, originAs = 65000) => nlri(originAs, parseRouteTarget(target), 96);
const [one = parseRouteTarget('65000:1'), two = one, other = one] = targets;

describe('what a peer wants', () => {
  test('nothing, until it says so', () => {
    expect(new RouteTargetInterest().wants(1, targets)).toBe(false);
  });

  test('routes with one of its targets, and those of no other peer', () => {
    const interest = new RouteTargetInterest();
    expect(interest.add(1, whole('65000:1'))).toEqual({ targets: [one], matches: undefined });
    expect(interest.wants(1, [other, one])).toBe(true);
    expect(interest.wants(1, [two])).toBe(false);
    expect(interest.wants(2, [one])).toBe(false);
    expect(interest.wants(1, [])).toBe(false);
  });

  test('the same target of two origin ASes is one interest', () => {
    const interest = new RouteTargetInterest();
    interest.add(1, whole('65000:1', 65000));
    expect(interest.add(1, whole('65000:1', 65001))).toBeUndefined();
    expect(interest.remove(1, whole('65000:1', 65000))).toBeUndefined();
    expect(interest.wants(1, [one])).toBe(true);
    expect(interest.remove(1, whole('65000:1', 65001))).toEqual({ targets: [one], matches: undefined });
    expect(interest.wants(1, [one])).toBe(false);
  });

  test('all, by the default route target and by an origin AS alone', () => {
    for (const bits of [0, 32]) {
      const interest = new RouteTargetInterest();
      const change = interest.add(1, nlri(65000, one, bits));
      expect(targets.map((target) => change?.matches?.(target))).toEqual(targets.map(() => true));
      expect(interest.wants(1, [other])).toBe(true);
    }
  });

  test('a range: all targets of one administrator', () => {
    const interest = new RouteTargetInterest();
    interest.add(1, nlri(65000, one, 64));
    expect(targets.map((target) => interest.wants(1, [target]))).toEqual([true, true, false, false, false]);
  });

  test('all, of a peer that does not speak of targets', () => {
    const interest = new RouteTargetInterest();
    interest.unfiltered(1);
    expect(interest.wants(1, [])).toBe(true);
    interest.filtered(1);
    expect(interest.wants(1, [one])).toBe(false);
  });

  test('what is taken back and was never said is nothing', () => {
    expect(new RouteTargetInterest().remove(1, whole('65000:1'))).toBeUndefined();
  });

  test('what is said again is not swept', () => {
    const interest = new RouteTargetInterest();
    for (const target of ['65000:1', '65000:2']) interest.add(1, whole(target));
    interest.markStale(1);
    expect(interest.wants(1, [two])).toBe(true);
    interest.add(1, whole('65000:1'));
    expect(interest.sweep(1)).toEqual({ targets: [two], matches: undefined });
    expect([one, two].map((target) => interest.wants(1, [target]))).toEqual([true, false]);
    expect(interest.sweep(1)).toBeUndefined();
  });
});

test('it is what a list of all that was said says, and changes name what changed', () => {
  const said = fc.record({
    kind: fc.constantFrom('add', 'add', 'remove', 'stale', 'sweep'),
    as: fc.constantFrom(65000, 65001),
    target: fc.nat({ max: targets.length - 1 }),
    bits: fc.constantFrom(0, 32, 48, 64, 65, 80, 95, 96, 96, 96),
  });
  fc.assert(
    fc.property(fc.array(said, { maxLength: 30 }), (events) => {
      const interest = new RouteTargetInterest();
      let list: { readonly nlri: RtcNlri; stale: boolean }[] = [];
      const isSame = (a: RtcNlri, b: RtcNlri) =>
        a.originAs === b.originAs && a.length === b.length && Buffer.compare(a.target, b.target) === 0;
      const wanted = () => targets.map((target) => list.some(({ nlri: range }) => covers(range, target)));
      for (const { kind, as, target, bits } of events) {
        const one = nlri(as, targets[target] as RouteTarget, bits);
        const before = wanted();
        let change: ReturnType<RouteTargetInterest['add']>;
        if (kind === 'add') {
          list = [...list.filter((known) => !isSame(known.nlri, one)), { nlri: one, stale: false }];
          change = interest.add(1, one);
        } else if (kind === 'remove') {
          list = list.filter((known) => !isSame(known.nlri, one));
          change = interest.remove(1, one);
        } else if (kind === 'stale') {
          for (const known of list) known.stale = true;
          interest.markStale(1);
        } else {
          list = list.filter((known) => !known.stale);
          change = interest.sweep(1);
        }
        const after = wanted();
        expect(targets.map((each) => interest.wants(1, [each]))).toEqual(after);
        for (const [at, each] of targets.entries())
          if (before[at] !== after[at])
            expect(change?.targets.includes(each) || change?.matches?.(each)).toBe(true);
      }
    }),
    { numRuns: 1500 },
  );
});

/** By text of bits, so that it shares nothing with what is tested. */
function covers({ target: range, length }: RtcNlri, target: RouteTarget): boolean {
  const bits = (octets: Uint8Array) =>
    [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const count = Math.max(0, length - 32);
  return bits(routeTargetToBytes(target)).slice(0, count) === bits(range).slice(0, count);
}
