// When the control plane says End-of-RIB after a restart, and after a time in which it was cut off from all forwarders.
import { describe, expect, test } from 'vitest';
import { h1, h2, p1, p2, setUp } from './control-plane-scene.ts';

describe('after a restart', () => {
  test('End-of-RIB waits for all that may publish, goes to all that wait, and then comes at once', () => {
    const { clock, controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.endOfRib('h1', 'red');
    expect(heard()).toEqual([`h1 red +${p1} 10.255.0.1/1000`]);
    clock.advance(5_000);
    controlPlane.opened('h2');
    join('h2', 'red');
    controlPlane.publish('h2', 'red', [h2(p2)]);
    expect(heard()).toEqual([
      `h2 red +${p1} 10.255.0.1/1000`,
      `h1 red +${p2} 10.255.0.2/2000`,
      `h2 red +${p2} 10.255.0.2/2000`,
    ]);
    controlPlane.endOfRib('h2', 'red');
    expect(heard()).toEqual(['h1 red end-of-rib', 'h2 red end-of-rib']);
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.inform('h1', 'red');
    expect(heard().at(-1)).toBe('h1 red end-of-rib');
    expect(controlPlane.gate.isOpen('blue')).toBe(false);
  });

  test('a forwarder that stays away holds End-of-RIB back for restart-delay', () => {
    const { clock, controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.endOfRib('h1', 'red');
    clock.advance(119_999);
    expect(heard()).toEqual([]);
    clock.advance(1);
    expect(heard()).toEqual(['h1 red end-of-rib']);
  });

  test('one that leaves a VPN is not waited for there', () => {
    const { controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    controlPlane.opened('h2');
    join('h1', 'red');
    join('h2', 'red');
    controlPlane.endOfRib('h1', 'red');
    controlPlane.unsubscribe('h2', 'red');
    expect(heard()).toEqual(['h1 red end-of-rib']);
  });

  test('one that joined nothing is waited for until it has been quiet for a while', () => {
    const { clock, controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    controlPlane.opened('h2');
    join('h1', 'red');
    controlPlane.endOfRib('h1', 'red');
    clock.advance(9_999);
    expect(heard()).toEqual([]);
    clock.advance(1);
    expect(heard()).toEqual(['h1 red end-of-rib']);
  });

  test('a subscriber whose session is lost meanwhile is not told', () => {
    const { clock, controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.closed('h1');
    controlPlane.opened('h1');
    clock.advance(120_000);
    expect(heard()).toEqual([]);
  });
});

describe('after all forwarders were away', () => {
  test('since the start, End-of-RIB is held back for restart-delay after the first is there', async () => {
    const { clock, controlPlane, heard, heldBack, infos, join } = setUp({ restartDelay: 120_000 });
    clock.advance(600_000);
    expect(infos).toEqual([]);
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.endOfRib('h1', 'red');
    expect(await heldBack()).toEqual(['red', 'blue']);
    expect(infos).toEqual([
      'the first forwarder is there: End-of-RIB is held back until all forwarders are back, 120 s at the most from now',
    ]);
    clock.advance(119_999);
    expect(heard()).toEqual([]);
    clock.advance(1);
    expect(heard()).toEqual(['h1 red end-of-rib']);
    expect(await heldBack()).toEqual([]);
  });

  /** All VPNs are open, `h1` and `h2` have published, then all sessions are lost. */
  function partition() {
    const run = setUp({ restartDelay: 120_000 });
    const { clock, controlPlane, heard, infos, join } = run;
    for (const account of ['h1', 'h2', 'h3']) controlPlane.opened(account);
    for (const account of ['h1', 'h2']) join(account, 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.publish('h2', 'red', [h2(p2)]);
    clock.advance(120_000);
    controlPlane.closed('h3');
    controlPlane.closed('h1');
    clock.advance(1_000);
    controlPlane.closed('h2');
    heard();
    infos.splice(0);
    return run;
  }

  test('and routes were withdrawn, End-of-RIB waits for all again', async () => {
    const { clock, controlPlane, heard, heldBack, infos, join, warnings } = partition();
    expect(await heldBack()).toEqual([]);
    clock.advance(600_000);
    expect(await heldBack()).toEqual(['red', 'blue']);
    expect(warnings).toEqual([
      'forwarder h1: 1 routes withdrawn, its session was lost 60 s ago',
      'no forwarder is online: End-of-RIB is held back again, in 2 VPNs, until all forwarders are back, 120 s at the most after the first',
      'forwarder h2: 1 routes withdrawn, its session was lost 60 s ago',
    ]);
    controlPlane.opened('h2');
    join('h2', 'red');
    controlPlane.publish('h2', 'red', [h2(p2)]);
    controlPlane.endOfRib('h2', 'red');
    expect(infos).toEqual([
      'the first forwarder is there: End-of-RIB is held back until all forwarders are back, 120 s at the most from now',
    ]);
    clock.advance(60_000);
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    expect(heard()).not.toContain('h2 red end-of-rib');
    controlPlane.endOfRib('h1', 'red');
    expect(heard()).toEqual(['h2 red end-of-rib', 'h1 red end-of-rib']);
    expect(await heldBack()).toEqual(['blue']);
  });

  test('and routes were withdrawn, restart-delay counts from the first that is back', () => {
    const { clock, controlPlane, heard, join } = partition();
    clock.advance(600_000);
    controlPlane.opened('h2');
    join('h2', 'red');
    controlPlane.endOfRib('h2', 'red');
    clock.advance(119_999);
    expect(heard()).toEqual([]);
    clock.advance(1);
    expect(heard()).toEqual(['h2 red end-of-rib']);
  });

  test('too short for a withdrawal, End-of-RIB comes at once, after the stale routes', async () => {
    const { clock, controlPlane, heard, heldBack, join } = partition();
    clock.advance(58_000);
    controlPlane.opened('h2');
    join('h2', 'red');
    expect(heard()).toEqual([`h2 red +${p1} 10.255.0.1/1000 +${p2} 10.255.0.2/2000`, 'h2 red end-of-rib']);
    clock.advance(600_000);
    expect(await heldBack()).toEqual([]);
  });

  test('while End-of-RIB was held back, all are awaited again, and restart-delay counts anew', () => {
    const { clock, controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.endOfRib('h1', 'red');
    controlPlane.closed('h1');
    clock.advance(600_000);
    heard();
    controlPlane.opened('h2');
    join('h2', 'red');
    controlPlane.endOfRib('h2', 'red');
    expect(controlPlane.gate.waitingFor('red')).toEqual(['h1']);
    clock.advance(119_999);
    expect(heard()).toEqual([]);
    clock.advance(1);
    expect(heard()).toEqual(['h2 red end-of-rib']);
  });

  test('a first one that came and went without a route does not use restart-delay up', () => {
    const { clock, controlPlane, heard, join } = setUp({ restartDelay: 120_000 });
    controlPlane.opened('h1');
    controlPlane.closed('h1');
    clock.advance(600_000);
    controlPlane.opened('h2');
    join('h2', 'red');
    expect(heard()).toEqual([]);
  });
});
