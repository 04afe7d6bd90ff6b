// A session that is lost, from the side of the other forwarders.
import { describe, expect, test } from 'vitest';
import { h1, h2, p1, p2, setUp } from './control-plane-scene.ts';

describe('a lost session', () => {
  test('costs nobody a route for withdraw-delay, then all of them', () => {
    const { clock, controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    controlPlane.publish('h1', 'red', [h1(p1)]);
    heard();
    controlPlane.closed('h1');
    clock.advance(59_999);
    expect(heard()).toEqual([]);
    clock.advance(1);
    expect(heard()).toEqual([`h2 red -${p1}`]);
    expect([...controlPlane.presence.forwarders()][0]).toMatchObject({ account: 'h1', state: 'lost' });
  });

  test('that comes back in time keeps what is published again and loses the rest at End-of-RIB', () => {
    const { clock, controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    controlPlane.publish('h1', 'red', [h1(p1), h1(p2)]);
    controlPlane.closed('h1');
    clock.advance(59_000);
    controlPlane.opened('h1');
    join('h1', 'red');
    heard();
    controlPlane.publish('h1', 'red', [h1(p1)]);
    clock.advance(30_000);
    expect(heard()).toEqual([]);
    controlPlane.endOfRib('h1', 'red');
    expect(heard()).toEqual([`h2 red -${p2}`, `h1 red -${p2}`]);
    clock.advance(600_000);
    expect(heard()).toEqual([]);
  });

  test('that comes back and never says End-of-RIB, or does not join again, loses the rest after withdraw-delay', () => {
    const { clock, controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    join('h1', 'blue');
    controlPlane.publish('h1', 'red', [h1(p1), h1(p2)]);
    controlPlane.publish('h1', 'blue', [h1(p1)]);
    controlPlane.closed('h1');
    clock.advance(1_000);
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    heard();
    clock.advance(59_999);
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 3, stale: 2 });
    clock.advance(1);
    expect(heard()).toEqual([`h1 red -${p2}`]);
    expect(controlPlane.rib.published('h1')).toEqual({ routes: 1, stale: 0 });
  });

  test('is a line of the log when routes go for it, and only then', () => {
    const { clock, controlPlane, join, warnings } = setUp();
    controlPlane.opened('h1');
    controlPlane.opened('h2');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1), h1(p2)]);
    controlPlane.closed('h1');
    controlPlane.closed('h2');
    clock.advance(60_000);
    expect(warnings).toEqual(['forwarder h1: 2 routes withdrawn, its session was lost 60 s ago']);
  });

  test('takes the subscriptions with it', () => {
    const { controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    controlPlane.closed('h2');
    controlPlane.opened('h2');
    heard();
    controlPlane.publish('h1', 'red', [h1(p1)]);
    expect(heard()).toEqual([`h1 red +${p1} 10.255.0.1/1000`]);
    expect(() => controlPlane.publish('h2', 'red', [h2(p2)])).toThrow('subscribe first');
  });
});

describe('where stale routes are lowered, a lost session', () => {
  test('leaves its routes the least preferred at once, until they are published again', () => {
    const { clock, controlPlane, heard, join } = setUp({ lowerStale: true });
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    controlPlane.publish('h1', 'red', [h1(p1, { sequenceNumber: 5 }), h1(p2)]);
    controlPlane.publish('h2', 'red', [h2(p1)]);
    heard();
    controlPlane.closed('h1');
    // Of p1 there is another, however old its sequence number; of p2 there is none, and other route servers may know better.
    expect(heard()).toEqual([`h2 red +${p1} 10.255.0.2/2000 +${p2} 10.255.0.1/1000`]);
    const preferences = () =>
      [...controlPlane.rib.tables.entries('red')].map(([{ prefix, localPreference }]) => [
        prefix,
        localPreference,
      ]);
    expect(preferences()).toEqual([
      [p1, undefined],
      [p2, 0],
    ]);
    clock.advance(30_000);
    controlPlane.opened('h1');
    join('h1', 'red');
    heard();
    controlPlane.publish('h1', 'red', [h1(p1, { sequenceNumber: 5 }), h1(p2)]);
    expect(heard()[0]).toBe(`h2 red +${p1} 10.255.0.1/1000 +${p2} 10.255.0.1/1000`);
    expect(preferences()).toEqual([
      [p1, undefined],
      [p2, undefined],
    ]);
  });

  test('and that stays away loses them as ever', () => {
    const { clock, controlPlane, heard, join } = setUp({ lowerStale: true });
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.closed('h1');
    heard();
    clock.advance(60_000);
    expect(heard()).toEqual([`h2 red -${p1}`]);
  });
});
