// One run of random events against reconciler and fake kernel, from one seed. Owns when events come, when the loop may settle, and the comparison then.
import { mock } from 'node:test';
import type { IpPrefix } from '@hostpe/net';
import type { DesiredNexthop, DesiredState } from '../../src/index.ts';
import type { Event } from './events.ts';
import { events, noticedEvents } from './events.ts';
import type { Picture } from './expected.ts';
import { expected, found, keptRoutes } from './expected.ts';
import { Foreign } from './foreign.ts';
import { Host } from './host.ts';
import { Random } from './random.ts';
import { Watch } from './watch.ts';
import { interfaces, Wishes } from './wishes.ts';

/** What makes the reconciler find out: each longer than the one before. Milliseconds that the clock has to go on. */
const waits = { notification: 0, glance: 10_000, retry: 30_000, scan: 60_000 } as const;
export type Wait = keyof typeof waits;
const inOrder: readonly Wait[] = ['notification', 'glance', 'retry', 'scan'];

/** Everything that events work on. */
export class Run {
  readonly random: Random;
  readonly host = new Host(interfaces);
  readonly wishes = new Wishes();
  readonly watch = new Watch(this.host, this.wishes);
  readonly foreign = new Foreign(this.host);
  /** Interfaces that a hand set down. */
  readonly lowered = new Set<string>();
  /** What VPNs knew before the last restart. */
  readonly remembered = new Map<string, ReadonlyMap<IpPrefix, readonly DesiredNexthop[]>>();
  /** Ends of the faults that are planted. */
  readonly faults: (() => void)[] = [];
  /** Prefixes that something was wished of since the last comparison, by `TABLE PREFIX`. */
  readonly touched = new Set<string>();
  /** Whether routes may have gone or changed that the reconciler cannot bring back as it does not know them. */
  isShaken = false;
  events = 0;
  readonly #isDense: boolean;
  readonly #told: string[] = [];
  #wait: Wait = 'notification';
  #desired: DesiredState | undefined;
  #kept: ReadonlyMap<string, string> = new Map();

  /** @param seed even: passes and events close together; odd: many events between two passes */
  constructor(seed: number) {
    this.random = new Random(seed);
    this.#isDense = seed % 2 === 0;
  }

  /** What comes next is found only so. */
  needs(wait: Wait): void {
    if (inOrder.indexOf(wait) > inOrder.indexOf(this.#wait)) this.#wait = wait;
  }

  /** For who looks for the cause of a failure. */
  tell(text: string): void {
    this.#told.push(text);
  }

  /** Hands over the wishes as they are. */
  handOver(): void {
    this.#desired = this.wishes.state();
    this.watch.wished();
    this.host.reconciler.setDesired(this.#desired);
  }

  /** @throws with what is wrong */
  async run(count: number): Promise<void> {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      await this.host.reconciler.start();
      this.handOver();
      await this.#settle();
      while (this.events < count) {
        const length = 1 + this.random.below(this.#isDense ? 40 : 300);
        const some = this.random.chance(0.4) ? noticedEvents : events;
        for (let at = 0; at < length; at++) await this.#happen(some);
        await this.#settle();
      }
    } finally {
      await this.host.reconciler.stop();
      mock.timers.reset();
    }
  }

  async #happen(some: readonly Event[]): Promise<void> {
    this.events++;
    const event = this.random.weighed(some);
    this.tell(event.name);
    await event.happen(this);
    this.#checkBreach();
    if (this.random.chance(this.#isDense ? 0.05 : 0.01)) await this.host.settled();
    // So that the next event falls into the midst of a pass.
    else if (this.random.chance(this.#isDense ? 0.3 : 0.04))
      for (let turns = this.random.below(this.random.chance(0.5) ? 20 : 400); turns > 0; turns--)
        await undefined;
  }

  async #settle(): Promise<void> {
    const { host, watch } = this;
    for (const end of this.faults.splice(0)) end();
    // Losses of notifications that have not struck yet.
    await host.settled();
    this.foreign.makeNoise();
    await host.settled();
    const wait = waits[this.#wait];
    if (wait > 0) await host.pass(wait);
    watch.check();
    this.#checkBreach();
    this.#compare();
    this.foreign.check((what) => this.#fail(what));
    if (this.random.chance(0.1)) await this.#checkRestart();
    watch.renew();
    this.#kept = keptRoutes(this.wishes, watch);
    this.touched.clear();
    this.isShaken = false;
    this.#wait = 'notification';
    this.#told.length = 0;
  }

  #compare(): void {
    const { host, wishes, watch } = this;
    const { report } = host;
    const actual = found(host, wishes, watch);
    const kept = keptRoutes(wishes, watch);
    const wanted = expected(host, wishes, kept);
    for (const key of Object.keys(wanted)) this.#same(key, wanted, actual);
    for (const [place, content] of this.#kept) {
      const [table = '', prefix = ''] = place.split(' ');
      const vpn = [...wishes.vpns.values()].find((one) => one.table === Number(table));
      if (this.isShaken || vpn?.complete !== false || this.touched.has(`${vpn.name} ${prefix}`)) continue;
      if (kept.get(place) !== content) this.#fail(`${place} is not kept: ${content}, now ${kept.get(place)}`);
    }
    if (report?.pending !== 0 || report.failures.length > 0)
      this.#fail(`the report says ${report?.pending} pending and ${JSON.stringify(report?.failures)}`);
    if (report.desired !== this.#desired) this.#fail('the report is not of the last desired state');
    for (const { name, up, master } of host.kernel.objects({ object: 'link' })) {
      if (name === undefined || !interfaces.some((one) => one === name) || this.lowered.has(name)) continue;
      if (master !== undefined && up !== true)
        this.#fail(`${name} is attached and down, and nobody set it down`);
    }
  }

  #same(key: string, wanted: Picture, actual: Picture): void {
    const texts = [wanted[key], actual[key]].map((one) => JSON.stringify(one));
    if (texts[0] === texts[1]) return;
    const lists = [wanted[key], actual[key]];
    if (lists.every((one): one is string[] => Array.isArray(one))) {
      const [should, is] = lists as [string[], string[]];
      const missing = should.filter((one) => !is.includes(one)).slice(0, 8);
      const extra = is.filter((one) => !should.includes(one)).slice(0, 8);
      this.#fail(
        `${key}: missing ${missing.join(', ') || 'nothing'}; too much ${extra.join(', ') || 'nothing'}`,
      );
    }
    this.#fail(`${key}: should be ${texts[0]}, is ${texts[1]}`);
  }

  /** A new process that is told the same changes nothing. */
  async #checkRestart(): Promise<void> {
    const { host } = this;
    host.kernel.log.length = 0;
    host.kernel.sysctl.log.length = 0;
    host.nft.log.length = 0;
    await host.restart();
    this.handOver();
    await host.settled();
    const written = host.kernel.log.length + host.kernel.sysctl.log.length + host.nft.log.length;
    if (written > 0)
      this.#fail(
        `a restart writes: ${JSON.stringify([...host.kernel.log, ...host.kernel.sysctl.log, ...host.nft.log].slice(0, 5))}`,
      );
    this.#compare();
  }

  #checkBreach(): void {
    if (this.watch.breach !== undefined) this.#fail(this.watch.breach);
  }

  #fail(what: string): never {
    throw new Error(
      `after ${this.events} events: ${what}\n  waited for ${this.#wait}; since all was right:\n    ${this.#told.join('\n    ')}`,
    );
  }
}
