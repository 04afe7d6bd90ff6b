// A host on which everything can fail: fake kernel, fake nftables, sysctls, and the reconciler over them. Owns the faults; knows no wishes.
// The clock is that of node:test's mock timers.
import { mock } from 'node:test';
import type { DumpFilter, Request, Sysctl, SysctlKey } from '@hostpe/rtnetlink';
import { RtnetlinkError } from '@hostpe/rtnetlink';
import { FakeKernel } from '@hostpe/rtnetlink/testing/fake-kernel';
import { ReconcilerError } from '../../src/errors.ts';
import type { Log, Report } from '../../src/index.ts';
import { Reconciler } from '../../src/index.ts';
import { FakeNft } from '../../src/testing/index.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

const goneErrnos = ['ESRCH', 'ENOENT', 'ENODEV'];
/** Turns of the event loop without a pass behind which none comes: notifications take one, passes over the fakes none. */
const QUIET = 4;
/** More passes than anything can ask for. */
const RESTLESS = 300;

/** Whether a request to a door fails, and then whether it is done all the same. */
export type Strike = 'not done' | 'done' | undefined;

class FaultyKernel extends FakeKernel {
  /** Asked before each dump. */
  strikesDump: () => boolean = () => false;

  override async dump<F extends DumpFilter>(...args: Parameters<FakeKernel['dump']>) {
    this.#strike();
    return (await super.dump(...args)) as never as Awaited<ReturnType<typeof FakeKernel.prototype.dump<F>>>;
  }

  override async dumpRoutes(...args: Parameters<FakeKernel['dumpRoutes']>) {
    this.#strike();
    return await super.dumpRoutes(...args);
  }

  #strike(): void {
    if (this.strikesDump()) throw new RtnetlinkError('socket', 'the dump was interrupted again and again');
  }
}

class FaultyNft extends FakeNft {
  /** Asked before each command. */
  strikes: (what: 'apply' | 'list') => Strike = () => undefined;

  override async apply(ruleset: object): Promise<void> {
    const strike = this.strikes('apply');
    if (strike !== 'not done') await super.apply(ruleset);
    if (strike !== undefined) throw new ReconcilerError('nft', 'nft transaction: killed');
  }

  override async list(table: string): Promise<object | undefined> {
    if (this.strikes('list') !== undefined)
      throw new ReconcilerError('nft', `nft list table ${table}: killed`);
    return await super.list(table);
  }
}

export class Host {
  readonly kernel = new FaultyKernel();
  readonly nft = new FaultyNft();
  /** Asked before each write of a sysctl. @returns the errno */
  strikesSysctl: (path: string) => string | undefined = () => undefined;
  reconciler: Reconciler;
  report: Report | undefined;
  #passes = 0;

  constructor(interfaces: readonly string[]) {
    for (const name of interfaces) this.plugIn(name);
    this.reconciler = this.#make();
  }

  /** A machine's interface appears, with its other end in the machine. */
  plugIn(name: string, up = true): void {
    this.kernel.apply(
      { op: 'add', object: { object: 'link', name, info: { kind: 'veth', peer: `${name}-m` } } },
      { op: 'set', object: { object: 'link', name, up } },
      { op: 'set', object: { object: 'link', name: `${name}-m`, up: true } },
    );
  }

  /** A process that knows nothing takes the place of the one that runs. */
  async restart(): Promise<void> {
    await this.reconciler.stop();
    this.report = undefined;
    this.reconciler = this.#make();
    await this.reconciler.start();
  }

  /** The loop has nothing to do before the clock goes on. */
  async settled(): Promise<void> {
    const first = this.#passes;
    for (let quiet = 0, seen = this.#passes; quiet < QUIET; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#passes !== seen) quiet = 0;
      seen = this.#passes;
      if (seen - first > RESTLESS) throw new Error('the loop does not come to rest');
    }
  }

  /** So much time passes, in which all alarms ring that are set. */
  async pass(milliseconds: number): Promise<void> {
    mock.timers.tick(milliseconds);
    await this.settled();
  }

  /**
   * A request fails with this errno when it `hits`; asked once a request. A deletion or change of what is there never fails with the words for what is not: who
   * hears them may take it to be gone.
   * @returns ends the fault
   */
  failEach(hits: (request: Request) => boolean, errno: string): () => void {
    return this.kernel.failEach(
      (request) => hits(request) && !(['delete', 'set'].includes(request.op) && goneErrnos.includes(errno)),
      errno,
    );
  }

  /** The door breaks ahead of the request that it `hits`: the rest of the batch is not sent, and no verdict of it is heard. @returns ends the fault */
  breakAt(hits: (request: Request) => boolean): () => void {
    return this.kernel.failEach((request) => {
      if (hits(request)) throw new RtnetlinkError('socket', 'the socket broke');
      return false;
    }, '');
  }

  #make(): Reconciler {
    const { sysctl } = this.kernel;
    const doors = {
      get: (key: SysctlKey) => sysctl.get(key),
      set: async (key: SysctlKey, value: never) => {
        const errno = this.strikesSysctl(key.path);
        if (errno !== undefined)
          throw new RtnetlinkError('sysctl', `sysctl ${key.path}: ${errno}`, { errno });
        await sysctl.set(key, value);
      },
    } as unknown as Sysctl;
    const reconciler = new Reconciler({
      rtnetlink: this.kernel,
      sysctl: doors,
      nft: this.nft,
      watchNft: this.nft.watch,
      log: silent,
      steering: { enable: async () => false },
    });
    reconciler.onReport((report) => {
      this.#passes++;
      this.report = report;
    });
    return reconciler;
  }
}
