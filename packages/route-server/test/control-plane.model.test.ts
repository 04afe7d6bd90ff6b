// Random sessions, subscriptions and routes against a model that remembers what was published and computes everything anew:
// what each subscriber has put together from its events is what the model says it should have.

import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import type { VpnEvent, VpnRoute } from '@hostpe/signaling';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ControlPlane, type ControlPlaneSettings } from '../src/control-plane.ts';
import { Readers } from './readers.ts';
import { nexthopsOf, policiesOf, route, silent, vpnsOf } from './values.ts';

const WITHDRAW_DELAY = 60;
const RESTART_DELAY = 120;

/** VPN to import and export targets. */
type Policies = Readonly<Record<string, readonly [readonly string[], readonly string[]]>>;
/** An ordinary VPN, hub and spoke, and an extranet of both. */
const usual: Policies = {
  red: [['64512:1', '64512:9'], ['64512:1']],
  spoke: [['64512:10'], ['64512:11']],
  hub: [['64512:11'], ['64512:10']],
  shared: [['64512:1', '64512:9', '64512:11'], ['64512:9']],
};
const otherPolicies: readonly Policies[] = [
  usual,
  {
    ...usual,
    red: [
      ['64512:1', '64512:10'],
      ['64512:9', '64512:1'],
    ],
  },
  Object.fromEntries(Object.keys(usual).map((vpn) => [vpn, [['64512:1'], ['64512:1']]])),
  Object.fromEntries(Object.keys(usual).map((vpn, at) => [vpn, [[`64512:${at + 1}`], [`64512:${at + 1}`]]])),
  // A VPN is not there any more.
  Object.fromEntries(Object.entries(usual).filter(([vpn]) => vpn !== 'shared')),
];
const vpnNames = ['red', 'spoke', 'hub', 'shared'] as const;
const accounts = ['h1', 'h2', 'h3'] as const;
const addressOf = (account: string) => account.replace('h', '10.255.0.');
const prefixNames = ['10.1.0.1/32', '10.1.0.2/32', '10.1.0.3/32', '10.1.0.4/32', '2001:db8::/64'] as const;

type Command =
  | { kind: 'open'; account: string }
  | { kind: 'close'; account: string }
  | { kind: 'subscribe'; account: string; vpn: string }
  | { kind: 'unsubscribe'; account: string; vpn: string }
  | { kind: 'end-of-rib'; account: string; vpn: string }
  | { kind: 'publish'; account: string; vpn: string; routes: VpnRoute[] }
  | { kind: 'retract'; account: string; vpn: string; ids: string[] }
  | { kind: 'wait'; time: number }
  | {
      kind: 'configure';
      policies: Policies;
      allowed: Readonly<Record<string, readonly string[] | undefined>>;
    }
  | { kind: 'read'; account: string; count: number };

const account = fc.constantFrom(...accounts);
const vpn = fc.constantFrom(...vpnNames);
const ids = fc.constantFrom('a', 'b', 'c', 'd');
const published = fc.record({
  prefix: fc.constantFrom(...prefixNames),
  id: ids,
  label: fc.integer({ min: 1000, max: 1002 }),
  localPreference: fc.constantFrom(undefined, undefined, 100, 200),
  sequenceNumber: fc.constantFrom(undefined, undefined, 0, 1),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('open'), account }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close'), account }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('subscribe'), account, vpn }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), account, vpn }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end-of-rib'), account, vpn }) },
  {
    weight: 8,
    arbitrary: fc
      .record({ account, vpn, parts: fc.array(published, { minLength: 1, maxLength: 4 }) })
      .map(({ account, vpn, parts }) => ({
        kind: 'publish' as const,
        account,
        vpn,
        routes: parts.map(({ localPreference, sequenceNumber, ...rest }) =>
          route({
            ...rest,
            nexthop: addressOf(account),
            ...(localPreference !== undefined && { localPreference }),
            ...(sequenceNumber !== undefined && { sequenceNumber }),
          }),
        ),
      })),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('retract'), account, vpn, ids: fc.array(ids) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('configure'),
      policies: fc.constantFrom(...otherPolicies),
      // Undefined: it is not configured.
      allowed: fc.record(
        Object.fromEntries(
          accounts.map((name) => [
            name,
            fc.oneof(
              { weight: 3, arbitrary: fc.constant([...vpnNames]) },
              { weight: 2, arbitrary: fc.subarray([...vpnNames]) },
              { weight: 1, arbitrary: fc.constant(undefined) },
            ),
          ]),
        ),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), time: fc.integer({ min: 0, max: 70 }) }) },
);

interface PublishedRoute {
  readonly account: string;
  readonly vpn: string;
  readonly route: VpnRoute;
  staleSince: number | undefined;
}

/** The rules, in the plainest form: a list of what is published, and everything else derived from it. */
class Model {
  policies = usual;
  /** By account that is configured: the VPNs that it may join. */
  allowed = new Map<string, ReadonlySet<string>>(accounts.map((name) => [name, new Set(vpnNames)]));
  now = 0;
  /** Since when somebody has been online without a break. */
  onlineSince = 0;
  routes: PublishedRoute[] = [];
  readonly online = new Set<string>();
  readonly subscriptions = new Set<string>();
  readonly withdrawAt = new Map<string, number>();

  isSubscribed(account: string, vpn: string): boolean {
    return this.subscriptions.has(`${account} ${vpn}`);
  }

  turn(account: string): void {
    for (const one of this.routes) if (one.account === account) one.staleSince ??= this.now;
    this.withdrawAt.set(account, this.now + WITHDRAW_DELAY);
  }

  remove(gone: (one: PublishedRoute) => boolean): void {
    this.routes = this.routes.filter((one) => !gone(one));
  }

  /** Moment by moment: what has been stale for two withdraw-delays goes, whatever its forwarder does; when a timer fires, all that is stale. */
  wait(time: number): void {
    for (const end = this.now + time; this.now <= end; this.now += 1)
      this.remove(
        ({ account, staleSince }) =>
          staleSince !== undefined &&
          (this.now >= staleSince + 2 * WITHDRAW_DELAY || this.now === this.withdrawAt.get(account)),
      );
    this.now -= 1;
  }

  /** Prefix to what a subscriber of the VPN is to have for it. */
  view(vpn: string): Record<string, string> {
    const imports = this.policies[vpn]?.[0] ?? [];
    const view: Record<string, string> = {};
    for (const prefix of prefixNames) {
      const candidates = this.routes.filter(
        (one) =>
          one.route.prefix === (prefix as string) &&
          this.policies[one.vpn]?.[1].some((target) => imports.includes(target)),
      );
      const preference = (one: PublishedRoute) =>
        (one.route.localPreference ?? 100) * 1000 + (one.route.sequenceNumber ?? 0);
      const best = Math.max(...candidates.map(preference));
      const used = candidates.filter((one) => preference(one) === best);
      // Addresses differ in one digit, so that order of text is order of address.
      const nexthops = new Set(used.flatMap((one) => nexthopsOf(one.route)).sort());
      if (used.length > 0) view[prefix] = `${[...nexthops]} ${best}`;
    }
    return view;
  }
}

/** A subscriber: what its events add up to. */
class View {
  readonly isBehind: boolean;
  readonly routes = new Map<string, string>();
  endOfRib = 0;
  /** What End-of-RIB may not come before: was in the table when it was asked for, and has been ever since. */
  due = new Set<string>();

  constructor(isBehind: boolean) {
    this.isBehind = isBehind;
  }

  stillThere(table: Record<string, string>): void {
    for (const prefix of this.due) if (!(prefix in table)) this.due.delete(prefix);
  }

  take(event: VpnEvent): void {
    if (event.kind === 'end-of-rib') {
      this.endOfRib += 1;
      expect([...this.routes.keys()]).toEqual(expect.arrayContaining([...this.due]));
      return;
    }
    expect(event.routes.length + event.retractedIds.length).toBeGreaterThan(0);
    // Who reads at once has heard of all that it is to forget; others may not have, where it changed and went ahead of them.
    for (const id of event.retractedIds) expect(this.routes.delete(id) || this.isBehind).toBe(true);
    for (const announced of event.routes) {
      expect(announced.id).toBe(announced.prefix);
      const preference = (announced.localPreference ?? 100) * 1000 + (announced.sequenceNumber ?? 0);
      this.routes.set(announced.id, `${nexthopsOf(announced)} ${preference}`);
    }
  }
}

/** The control plane beside the model. */
class Run {
  /** Where subscribers read at their own pace. */
  readonly readers: Readers;
  readonly clock = new ManualClock();
  readonly model = new Model();
  /** By `account vpn`. */
  readonly views = new Map<string, View>();
  readonly controlPlane: ControlPlane;

  readonly #paced: boolean;

  constructor({ paced = false } = {}) {
    this.#paced = paced;
    const take = (account: string, event: VpnEvent) => {
      const view = this.views.get(`${account} ${event.vpn}`);
      if (view === undefined) throw new Error(`an event of ${event.vpn} for ${account}, not subscribed`);
      // What goes in the same step goes before End-of-RIB.
      view.stillThere(this.model.view(event.vpn));
      view.take(event);
    };
    // So little that tables come in several messages.
    this.readers = new Readers({ rib: () => this.controlPlane.rib, take, atOnce: !paced, segmentSize: 2 });
    this.controlPlane = new ControlPlane({
      vpns: vpnsOf(usual),
      ...this.#settings(),
      clock: this.clock,
      log: silent,
      ...this.readers.calls,
      endSession: (account) => {
        if (this.model.online.has(account)) this.#close(account);
      },
    });
  }

  #settings(): ControlPlaneSettings {
    return {
      forwarders: new Map(
        [...this.model.allowed].map(([name, vpns]) => [
          name,
          { addresses: new Set([parseIpAddress(addressOf(name))]), vpns },
        ]),
      ),
      withdrawDelay: WITHDRAW_DELAY,
      restartDelay: RESTART_DELAY,
      lowerStale: false,
    };
  }

  /** Does what the state allows; what would be refused has tests of its own. */
  step(one: Command): void {
    this.#step(one);
    for (const [key, view] of this.views) view.stillThere(this.model.view(key.split(' ')[1] ?? ''));
  }

  #step(one: Command): void {
    if (one.kind === 'wait') {
      this.model.wait(one.time);
      this.clock.advance(one.time);
      return;
    }
    if (one.kind === 'configure') {
      this.#configure(one);
      return;
    }
    if (!this.model.allowed.has(one.account)) return;
    if ((one.kind === 'open') === this.model.online.has(one.account)) return;
    if (one.kind === 'open') {
      if (this.model.online.size === 0) this.model.onlineSince = this.model.now;
      this.model.online.add(one.account);
      this.model.turn(one.account);
      this.controlPlane.opened(one.account);
    } else if (one.kind === 'close') this.#close(one.account);
    else if (one.kind === 'read') this.readers.read(one.account, one.count);
    else if (one.kind === 'subscribe') this.#subscribe(one.account, one.vpn);
    else if (this.model.isSubscribed(one.account, one.vpn)) this.#stepInVpn(one);
  }

  #configure({ policies, allowed }: Command & { kind: 'configure' }): void {
    const { model } = this;
    model.policies = policies;
    const before = new Set(model.allowed.keys());
    model.allowed = new Map(
      Object.entries(allowed).flatMap(([name, vpns]) =>
        vpns === undefined ? [] : [[name, new Set(vpns.filter((vpn) => vpn in policies))]],
      ),
    );
    model.remove(({ account, vpn }) => !model.allowed.get(account)?.has(vpn));
    this.controlPlane.reconfigure(policiesOf(policies), this.#settings());
    for (const account of before) if (!model.allowed.has(account)) model.withdrawAt.delete(account);
    for (const account of model.online) {
      expect(model.allowed.has(account)).toBe(true);
      for (const vpn of vpnNames)
        if (model.isSubscribed(account, vpn)) expect(model.allowed.get(account)?.has(vpn)).toBe(true);
    }
  }

  check(): void {
    for (const [key, view] of this.views) {
      const [, vpn = ''] = key.split(' ');
      expect(Object.fromEntries([...view.routes].sort())).toEqual(this.model.view(vpn));
      // End-of-RIB once a subscription, and certainly after restart-delay with somebody online.
      expect(view.endOfRib).toBe(this.controlPlane.gate.isOpen(vpn) ? 1 : 0);
      if (this.model.now - this.model.onlineSince >= RESTART_DELAY) expect(view.endOfRib).toBe(1);
    }
  }

  #close(account: string): void {
    this.model.online.delete(account);
    this.model.turn(account);
    for (const vpn of vpnNames) {
      this.model.subscriptions.delete(`${account} ${vpn}`);
      this.views.delete(`${account} ${vpn}`);
    }
    this.readers.close(account);
    this.controlPlane.closed(account);
  }

  #subscribe(account: string, vpn: string): void {
    if (!this.model.allowed.get(account)?.has(vpn)) return;
    this.model.subscriptions.add(`${account} ${vpn}`);
    // A second subscribe goes on with the same view: the table comes again, whole.
    const view = this.views.get(`${account} ${vpn}`) ?? new View(this.#paced);
    view.endOfRib = 0;
    view.due = new Set(Object.keys(this.model.view(vpn)));
    this.views.set(`${account} ${vpn}`, view);
    this.readers.of(account).forgetEndOfRib(vpn);
    this.controlPlane.subscribe(account, vpn, undefined);
    this.controlPlane.inform(account, vpn);
  }

  #stepInVpn(
    one: Exclude<Command, { kind: 'wait' | 'configure' | 'read' | 'open' | 'close' | 'subscribe' }>,
  ): void {
    const { model, controlPlane } = this;
    const { account, vpn } = one;
    const ofThis = (published: PublishedRoute) => published.account === account && published.vpn === vpn;
    switch (one.kind) {
      case 'unsubscribe':
        model.subscriptions.delete(`${account} ${vpn}`);
        model.remove(ofThis);
        this.views.delete(`${account} ${vpn}`);
        controlPlane.unsubscribe(account, vpn);
        this.readers.of(account).drop(vpn);
        break;
      case 'end-of-rib':
        model.remove((published) => ofThis(published) && published.staleSince !== undefined);
        controlPlane.endOfRib(account, vpn);
        break;
      case 'publish':
        for (const route of one.routes) {
          model.remove(
            (former) =>
              ofThis(former) && (former.route.id === route.id || former.route.prefix === route.prefix),
          );
          model.routes.push({ account, vpn, route, staleSince: undefined });
        }
        expect(controlPlane.publish(account, vpn, one.routes)).toEqual([]);
        break;
      case 'retract': {
        const isKnown = (id: string) => model.routes.some((known) => ofThis(known) && known.route.id === id);
        const unknown = [...new Set(one.ids)].filter((id) => !isKnown(id));
        model.remove((published) => ofThis(published) && one.ids.includes(published.route.id));
        expect(controlPlane.retract(account, vpn, one.ids)).toEqual(unknown);
        break;
      }
    }
  }
}

test('each subscriber has what the model says, after every step', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
      const run = new Run();
      for (const one of commands) {
        run.step(one);
        run.check();
      }
      run.controlPlane.stop();
      expect(run.clock.pending).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});

test('each subscriber ends with what the model says, whatever its pace', { timeout: 60_000 }, () => {
  const read: fc.Arbitrary<Command> = fc.record({
    kind: fc.constant('read' as const),
    account,
    count: fc.integer({ min: 1, max: 4 }),
  });
  const paced = fc.oneof({ weight: 4, arbitrary: command }, { weight: 1, arbitrary: read });
  fc.assert(
    fc.property(fc.array(paced, { maxLength: 120, size: 'max' }), (commands) => {
      const run = new Run({ paced: true });
      for (const one of commands) run.step(one);
      for (const name of run.model.online) run.readers.read(name);
      run.check();
      run.controlPlane.stop();
    }),
    { numRuns: 3_000 },
  );
});
