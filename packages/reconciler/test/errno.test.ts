// Every errno at every request of a build-up, a change and a removal: that request fails once, what does not need it goes on in the same pass, and the
// end is right after the next try. The same of each write of a sysctl and each nftables command.
import { mock } from 'node:test';
import { parseIpPrefix } from '@hostpe/net';
import type { Request } from '@hostpe/rtnetlink';
import { describe as say } from '@hostpe/rtnetlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredState } from '../src/index.ts';
import { errnos } from './errnos.ts';
import type { Picture } from './model/expected.ts';
import { expected, found } from './model/expected.ts';
import { Host } from './model/host.ts';
import { Watch } from './model/watch.ts';
import { set, Wishes } from './model/wishes.ts';
import { attachment, gre, local, udp, vpn } from './scene.ts';

/** The longest that a failure waits for its next try when it is the only one. */
const RETRY = 1_000;

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

/** Two VPNs, one over GRE and one over UDP, with a group, and a machine in each. */
class Trial {
  readonly host = new Host(['m0', 'm1']);
  readonly wishes = new Wishes();
  readonly watch = new Watch(this.host, this.wishes);
  #state: DesiredState | undefined;

  async start(): Promise<void> {
    await this.host.reconciler.start();
  }

  async hand(change: (wishes: Wishes) => void): Promise<void> {
    change(this.wishes);
    this.#state = this.wishes.state();
    this.watch.wished();
    this.host.reconciler.setDesired(this.#state);
    await this.host.settled();
  }

  /** What is not as it should be, by kind. */
  wrong(): string[] {
    const should: Picture = expected(this.host, this.wishes, new Map());
    const is = found(this.host, this.wishes, this.watch);
    return Object.keys(should).filter((key) => JSON.stringify(should[key]) !== JSON.stringify(is[key]));
  }

  check(what: string): void {
    this.watch.check();
    expect({ what, wrong: this.wrong(), breach: this.watch.breach, report: this.host.report }).toMatchObject({
      wrong: [],
      breach: undefined,
      report: { pending: 0, failures: [], desired: this.#state },
    });
  }
}

function build({ vpns }: Wishes): void {
  for (const [at, name] of (['red', 'blue'] as const).entries()) {
    const { device, table, routes } = vpn(name, 16001 + at);
    const one = { name, device, table, complete: true, attachments: new Map(), wanted: new Map(), routes };
    one.attachments.set(`m${at}`, attachment(`m${at}`, 1000 + at, `10.1.0.${at + 1}`));
    vpns.set(name, one);
    const far = at === 0 ? udp : gre;
    set(one, parseIpPrefix('10.1.0.9'), [far('10.255.0.2', 1000)]);
    set(one, parseIpPrefix('2001:db8::9'), [far('10.255.0.2', 1000)]);
    set(one, parseIpPrefix('10.2.0.0/16'), [far('10.255.0.2', 1001), far('10.255.0.3', 1001)]);
    set(one, parseIpPrefix(`10.1.0.${at + 1}`), [local(`m${at}`)]);
  }
}

/** Another PE for some, another label for all of a nexthop, a machine that moves, a route that goes. */
function change({ vpns }: Wishes): void {
  const [red, blue] = [...vpns.values()];
  if (red === undefined || blue === undefined) throw new Error('nothing is built');
  set(red, parseIpPrefix('10.1.0.9'), [udp('10.255.0.4', 1000)]);
  set(red, parseIpPrefix('2001:db8::9'), []);
  set(blue, parseIpPrefix('10.1.0.9'), [gre('10.255.0.2', 1007)]);
  set(blue, parseIpPrefix('2001:db8::9'), [gre('10.255.0.2', 1007)]);
  set(blue, parseIpPrefix('10.2.0.0/16'), [gre('10.255.0.3', 1001)]);
  red.attachments.delete('m0');
  blue.attachments.set('m0', attachment('m0', 1000, '10.1.0.1'));
}

function remove({ vpns }: Wishes): void {
  vpns.delete('blue');
}

const stages: readonly (readonly [string, readonly ((wishes: Wishes) => void)[]])[] = [
  ['a build-up', [build]],
  ['a change', [build, change]],
  ['a removal', [build, remove]],
];

/** Runs all but the last, then what `plant` says, then the last. */
async function run(
  steps: readonly ((wishes: Wishes) => void)[],
  plant: (host: Host) => void,
): Promise<Trial> {
  const trial = new Trial();
  await trial.start();
  for (const step of steps.slice(0, -1)) await trial.hand(step);
  trial.host.kernel.log.length = 0;
  trial.host.kernel.sysctl.log.length = 0;
  plant(trial.host);
  await trial.hand(steps.at(-1) ?? build);
  return trial;
}

/** What may be missing while this request has failed: what it makes itself or what needs it. The rest of its kind is there. */
function isApart(request: Request): boolean {
  const { object } = request;
  return object.object === 'route' || object.object === 'neighbour' || object.object === 'filter';
}

describe.each(stages)('in %s', (_name, steps) => {
  test('each request, with each errno', async () => {
    const whole = await run(steps, () => {});
    const requests = [...whole.host.kernel.log];
    await whole.host.reconciler.stop();
    expect(requests.length).toBeGreaterThan(10);
    for (const [at, request] of requests.entries()) {
      for (const errno of errnos) {
        let left = at;
        const trial = await run(steps, (host) => void host.failEach(() => left-- === 0, errno));
        // No route, neighbour or filter takes what is of other PEs and VPNs with it.
        if (isApart(request) && request.op !== 'delete')
          expect(trial.host.report?.pending ?? 0, `${errno} of ${say(request)}`).toBeLessThanOrEqual(6);
        await trial.host.pass(RETRY);
        trial.check(`${errno} of ${say(request)}`);
        await trial.host.reconciler.stop();
      }
    }
  });

  test('each sysctl', async () => {
    const whole = await run(steps, () => {});
    const count = whole.host.kernel.sysctl.log.length;
    await whole.host.reconciler.stop();
    for (let at = 0; at < count; at++) {
      for (const errno of ['EPERM', 'EBUSY', 'ENOENT']) {
        let left = at;
        const trial = await run(steps, (host) => {
          host.strikesSysctl = () => (left-- === 0 ? errno : undefined);
        });
        await trial.host.pass(RETRY);
        trial.check(`${errno} of sysctl ${at}`);
        await trial.host.reconciler.stop();
      }
    }
  });

  test.each(['done', 'not done'] as const)('each nftables command, %s all the same', async (strike) => {
    let commands = 0;
    const count = await run(steps, (host) => {
      host.nft.strikes = () => void commands++;
    });
    await count.host.reconciler.stop();
    expect(commands).toBeGreaterThan(0);
    for (let at = 0; at < commands; at++) {
      let left = at;
      const trial = await run(steps, (host) => {
        host.nft.strikes = () => (left-- === 0 ? strike : undefined);
      });
      await trial.host.pass(RETRY);
      trial.check(`nft command ${at}`);
      await trial.host.reconciler.stop();
    }
  });
});
