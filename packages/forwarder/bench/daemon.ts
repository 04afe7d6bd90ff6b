// The forwarder as it runs, but for sessions and control socket: what a route server would have said is given to it as typed records.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hostpe/daemon';
import type { Report } from '@hostpe/reconciler';
import { Reconciler } from '@hostpe/reconciler';
import { FakeNft } from '@hostpe/reconciler/testing';
import { openRtnetlink } from '@hostpe/rtnetlink';
import { FakeKernel } from '@hostpe/rtnetlink/testing/fake-kernel';
import type { VpnEvent } from '@hostpe/signaling';
import { attachmentFile } from '../src/attachments.ts';
import { forwarderConfigSchema, routeServerName } from '../src/config.ts';
import type { SessionEvents } from '../src/forwarder.ts';
import { Forwarder } from '../src/forwarder.ts';
import { defaultTimers } from '../src/timers.ts';
import { HalfKernel } from './half-kernel.ts';
import { vpnName } from './routes.ts';

/** Messages that come with one turn of the event loop: what one read of a socket brings. */
const eventsOfTurn = 10;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The host that daemons come and go on. */
export interface Host {
  readonly kernel: HalfKernel;
  readonly fake: FakeKernel;
  readonly vpns: number;
}

/** @param vpns each with one attachment. @param device that stands for all devices */
export async function openHost(vpns: number, device: number): Promise<Host> {
  const fake = new FakeKernel();
  for (let vpn = 0; vpn < vpns; vpn++)
    fake.apply(
      { op: 'add', object: { object: 'link', name: `m${vpn}`, info: { kind: 'veth', peer: `p${vpn}` } } },
      { op: 'set', object: { object: 'link', name: `m${vpn}`, up: true } },
      { op: 'set', object: { object: 'link', name: `p${vpn}`, up: true } },
    );
  return { kernel: new HalfKernel(await openRtnetlink(), fake, device), fake, vpns };
}

export class Daemon {
  readonly #forwarder: Forwarder;
  readonly #reconciler: Reconciler;
  readonly #session: SessionEvents;
  readonly #vpns: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-forwarder-'));
  readonly #reporting: () => void;
  readonly #waiting = new Set<(report: Report) => void>();

  constructor({ kernel, fake, vpns }: Host) {
    const config = forwarderConfigSchema.parse({
      name: 'h1',
      underlay: { address: '10.255.0.1' },
      'route-servers': [
        { host: '127.0.0.1', domain: 'dc1.example', account: 'h1', 'password-file': '/not/read' },
      ],
      'state-directory': this.#folder,
      attachments: Array.from({ length: vpns }, (_, vpn) => ({
        interface: `m${vpn}`,
        vpn: vpnName(vpn),
        addresses: ['192.0.2.1'],
      })),
    });
    const reconciler = new Reconciler({
      rtnetlink: kernel,
      sysctl: fake.sysctl,
      nft: new FakeNft(),
      steering: { enable: async () => false },
      log: silent,
    });
    this.#vpns = vpns;
    this.#reconciler = reconciler;
    this.#forwarder = new Forwarder({
      config,
      clock: systemClock,
      timers: defaultTimers,
      log: silent,
      reconciler,
      stateFile: attachmentFile(this.#folder),
    });
    const [server] = config.routeServers;
    if (server === undefined) throw new Error('no route server is configured');
    this.#session = this.#forwarder.sessionEvents(routeServerName(server));
    this.#reporting = reconciler.onReport((report) => {
      for (const check of [...this.#waiting]) check(report);
    });
  }

  /** Until the first pass is over; then a session is there. */
  async start(): Promise<void> {
    const first = this.#reported(({ pending }) => pending === 0);
    await this.#forwarder.start([]);
    await first;
    for (let vpn = 0; vpn < this.#vpns; vpn++) this.#session.onSubscribing(vpnName(vpn));
  }

  /** Hears what a route server says, as fast as it can. */
  async hear(events: Iterable<VpnEvent>, inTurn = eventsOfTurn): Promise<void> {
    let heard = 0;
    for (const event of events) {
      this.#session.onEvent(event);
      if (++heard % inTurn === 0) await turn();
    }
  }

  /** Until the kernel is as was heard. */
  async settled(): Promise<void> {
    // What was heard last is said to the reconciler in the next turn.
    await turn();
    await turn();
    this.#reconciler.routesChanged();
    await this.#reported(
      ({ pending, desired }) =>
        pending === 0 &&
        desired?.vpns.every(
          ({ routes, complete }) =>
            complete && routes.rows.ipv4.changes === 0 && routes.rows.ipv6.changes === 0,
        ) === true,
    );
  }

  /** The end of the next pass. */
  nextReport(): Promise<void> {
    return this.#reported(() => true);
  }

  async stop(): Promise<void> {
    this.#reporting();
    await this.#forwarder.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /**
   * Until a pass ends with this. Only then is it asked: what a pass has taken up, and not done yet, is not among the changes.
   * @throws Error where something failed
   */
  #reported(condition: (report: Report) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (report: Report) => {
        const [failure] = report.failures;
        if (failure !== undefined) reject(new Error(`${failure.object}: ${failure.reason}`));
        else if (condition(report)) resolve();
        else return;
        this.#waiting.delete(check);
      };
      this.#waiting.add(check);
    });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
