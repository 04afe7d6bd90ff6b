import { parseIpAddress } from '@hostpe/net';
import type { VpnEvent } from '@hostpe/signaling';
import { describe, expect, test } from 'vitest';
import { apiRoutes } from '../src/api.ts';
import { type Authorisation, ControlPlane } from '../src/control-plane.ts';
import { RouteServerError } from '../src/errors.ts';
import { Sessions } from '../src/session.ts';
import { FakeClock } from './fake-clock.ts';
import { nexthopsOf, type RouteParts, route, silent, vpnsOf } from './values.ts';

const p1 = '10.1.0.1/32';
const p2 = '10.1.0.2/32';
const h1 = (prefix: string, more: Partial<RouteParts> = {}) =>
  route({ prefix, nexthop: '10.255.0.1', label: 1000, ...more });
const h2 = (prefix: string, more: Partial<RouteParts> = {}) =>
  route({ prefix, nexthop: '10.255.0.2', label: 2000, ...more });

function authorisation(address: string, ...vpns: readonly string[]): Authorisation {
  return { addresses: new Set([parseIpAddress(address)]), vpns: new Set(vpns) };
}

/** Withdraw-delay is 60 s; restart-delay 0 unless said, so that End-of-RIB is not held back. */
function setUp({ restartDelay = 0 } = {}) {
  const clock = new FakeClock();
  const log: string[] = [];
  const infos: string[] = [];
  const warnings: string[] = [];
  const vpns = vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] });
  const forwarders = new Map([
    ['h1', authorisation('10.255.0.1', 'red', 'blue')],
    ['h2', authorisation('10.255.0.2', 'red', 'blue')],
    ['h3', authorisation('10.255.0.3', 'blue')],
  ]);
  const controlPlane = new ControlPlane({
    vpns,
    forwarders,
    withdrawDelay: 60_000,
    restartDelay,
    clock,
    log: {
      ...silent,
      info: (_facts, message) => infos.push(message),
      warn: (_facts, message) => warnings.push(message),
    },
    deliver: (event, accounts) => {
      for (const account of accounts) log.push(`${account} ${event.vpn} ${lineOf(event)}`);
    },
  });
  const api = apiRoutes({
    domain: 'dc1.example',
    listening: [],
    startedAt: 0,
    clock,
    vpns,
    forwarders,
    controlPlane,
    sessions: new Sessions({ log: silent, dialect: () => 'end-system-06', defer: () => {} }),
  });
  return {
    clock,
    controlPlane,
    infos,
    warnings,
    /** As `/status` shows it. */
    heldBack: async () => (await api['GET /status']()).endOfRibHeldBack,
    /** What was delivered since the last call. */
    heard: () => log.splice(0),
    join(account: string, vpn: string) {
      controlPlane.subscribe(account, vpn, undefined);
      controlPlane.inform(account, vpn);
    },
  };
}

function lineOf(event: VpnEvent): string {
  if (event.kind === 'end-of-rib') return 'end-of-rib';
  const lines = [
    ...event.retractedIds.map((id) => `-${id}`),
    ...event.routes.map((announced) => `+${announced.prefix} ${nexthopsOf(announced)}`),
  ];
  return lines.join(' ');
}

describe('subscribers', () => {
  test('get the whole table, then End-of-RIB, then changes; the publisher its own too', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    expect(heard()).toEqual(['h1 red end-of-rib']);
    controlPlane.publish('h1', 'red', [h1(p1)]);
    expect(heard()).toEqual([`h1 red +${p1} 10.255.0.1/1000`]);
    controlPlane.opened('h2');
    join('h2', 'red');
    expect(heard()).toEqual([`h2 red +${p1} 10.255.0.1/1000`, 'h2 red end-of-rib']);
    controlPlane.retract('h1', 'red', [h1(p1).id]);
    expect(heard()).toEqual([`h1 red -${p1}`, `h2 red -${p1}`]);
  });

  test('hear nothing between the subscribe and their table, which has it all', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    controlPlane.opened('h2');
    join('h1', 'red');
    heard();
    controlPlane.subscribe('h2', 'red', 7);
    controlPlane.publish('h2', 'red', [h2(p2)]);
    controlPlane.publish('h1', 'red', [h1(p1)]);
    expect(heard()).toEqual([`h1 red +${p2} 10.255.0.2/2000`, `h1 red +${p1} 10.255.0.1/1000`]);
    controlPlane.inform('h2', 'red');
    expect(heard()).toEqual([`h2 red +${p2} 10.255.0.2/2000 +${p1} 10.255.0.1/1000`, 'h2 red end-of-rib']);
  });

  test('that subscribe again get the whole table and End-of-RIB again, and miss no change meanwhile', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    heard();
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.retract('h1', 'red', [h1(p1).id]);
    controlPlane.publish('h1', 'red', [h1(p2)]);
    controlPlane.inform('h1', 'red');
    expect(heard()).toEqual([
      `h1 red -${p1}`,
      `h1 red +${p2} 10.255.0.1/1000`,
      `h1 red +${p2} 10.255.0.1/1000`,
      'h1 red end-of-rib',
    ]);
  });

  test('that left hear nothing more, and what they published in the VPN goes', () => {
    const { controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h2']) {
      controlPlane.opened(account);
      join(account, 'red');
    }
    join('h1', 'blue');
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.publish('h1', 'blue', [h1(p1)]);
    heard();
    controlPlane.unsubscribe('h1', 'red');
    expect(heard()).toEqual([`h2 red -${p1}`]);
    controlPlane.publish('h2', 'red', [h2(p2)]);
    expect(heard()).toEqual([`h2 red +${p2} 10.255.0.2/2000`]);
    expect(controlPlane.rib.size('blue')).toBe(1);
  });

  test('that left before their table was sent are sent none', () => {
    const { controlPlane, heard } = setUp();
    controlPlane.opened('h1');
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.unsubscribe('h1', 'red');
    controlPlane.inform('h1', 'red');
    expect(heard()).toEqual([]);
  });

  test('whose session ends while the table is sent do not stay among those that are told of changes', () => {
    const clock = new FakeClock();
    const delivered: string[] = [];
    const controlPlane: ControlPlane = new ControlPlane({
      vpns: vpnsOf({ red: [['64512:1'], ['64512:1']] }),
      forwarders: new Map([
        ['h1', authorisation('10.255.0.1', 'red')],
        ['h2', authorisation('10.255.0.2', 'red')],
      ]),
      withdrawDelay: 60_000,
      restartDelay: 0,
      clock,
      log: silent,
      deliver: (event, accounts) => {
        for (const account of accounts) {
          delivered.push(`${account} ${event.kind}`);
          if (account === 'h2') controlPlane.closed('h2');
        }
      },
    });
    controlPlane.opened('h1');
    controlPlane.subscribe('h1', 'red', undefined);
    controlPlane.publish('h1', 'red', [h1(p1)]);
    controlPlane.opened('h2');
    controlPlane.subscribe('h2', 'red', undefined);
    controlPlane.inform('h2', 'red');
    controlPlane.opened('h2');
    controlPlane.publish('h1', 'red', [h1(p2)]);
    expect(delivered).toEqual(['h2 items']);
  });
});

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

describe('refusals', () => {
  const code = (attempt: () => unknown): string => {
    try {
      attempt();
    } catch (error) {
      if (error instanceof RouteServerError) return error.code;
      throw error;
    }
    return 'none';
  };

  test('unknown VPN, VPN that the forwarder may not join, no subscription: nothing changes', () => {
    const { controlPlane, heard, join } = setUp();
    for (const account of ['h1', 'h3']) controlPlane.opened(account);
    join('h1', 'red');
    heard();
    const h3 = route({ prefix: p1, nexthop: '10.255.0.3', label: 3000 });
    expect(code(() => controlPlane.subscribe('h3', 'green', undefined))).toBe('unknown-vpn');
    expect(code(() => controlPlane.subscribe('h3', 'red', undefined))).toBe('not-authorised');
    expect(code(() => controlPlane.publish('h3', 'red', [h3]))).toBe('not-authorised');
    expect(code(() => controlPlane.publish('h3', 'blue', [h3]))).toBe('not-subscribed');
    expect(code(() => controlPlane.retract('h3', 'blue', ['x']))).toBe('not-subscribed');
    expect(code(() => controlPlane.endOfRib('h3', 'blue'))).toBe('not-subscribed');
    expect(code(() => controlPlane.unsubscribe('h3', 'blue'))).toBe('not-subscribed');
    expect(heard()).toEqual([]);
    expect(controlPlane.rib.published('h3').routes).toBe(0);
  });

  test('a next-hop of someone else: that route is rejected, the others stand', () => {
    const { controlPlane, heard, join } = setUp();
    controlPlane.opened('h1');
    join('h1', 'red');
    heard();
    const rejected = controlPlane.publish('h1', 'red', [h2(p2), h1(p1)]);
    expect(rejected).toEqual([
      { id: h2(p2).id, reason: `${p2}: forwarder h1 may not announce next-hop 10.255.0.2` },
    ]);
    expect(heard()).toEqual([`h1 red +${p1} 10.255.0.1/1000`]);
  });
});

test('stop leaves no timer', () => {
  const { clock, controlPlane } = setUp({ restartDelay: 120_000 });
  controlPlane.opened('h1');
  controlPlane.closed('h1');
  controlPlane.stop();
  expect(clock.pending).toBe(0);
});
