// An in-memory kernel behind the same door as the real one: one network namespace with everything that a VPN forwarder
// programs, exact where the reconciler relies on it (kernel-contract.ts runs the same expectations on both).
// There is no traffic in it: nothing is forwarded and no neighbour is resolved. Indexes and ids are the kernel's u32 numbers.

import { encodeRequest } from '../codec/request.ts';
import { encodeRoutes } from '../codec/route/plain-route.ts';
import { checkColumns, routeAt } from '../codec/route/route-columns.ts';
import { MessageWriter } from '../codec/wire/writer.ts';
import { describe } from '../describe.ts';
import { RtnetlinkError } from '../errors.ts';
import type {
  Dumped,
  DumpFilter,
  Notification,
  NotificationGroup,
  Request,
  RouteColumns,
  RouteFilter,
  RouteOperation,
  Rtnetlink,
} from '../kernel.ts';
import type { Link } from '../objects.ts';
import { FakeNamespace } from './fake-namespace.ts';
import { Faults } from './faults.ts';
import { NotificationQueue } from './notification-queue.ts';
import { refusal } from './refusal.ts';
import { routeColumns } from './route-columns.ts';

/** A new one has `lo`, up and with its addresses, the rules of a new namespace, and every module loaded. */
export class FakeKernel implements Rtnetlink {
  /** Every request executed, failed ones too, oldest first; a test may empty it. What `apply` does is not in it. */
  readonly log: Request[] = [];
  private readonly faults = new Faults();
  private readonly notifications = new NotificationQueue();
  private readonly namespace = new FakeNamespace(this.notifications);
  readonly sysctl = this.namespace.sysctl;
  private readonly scratch = new MessageWriter(1024);
  private closed = false;

  async execute(
    requests: readonly Request[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly (RtnetlinkError | undefined)[]> {
    this.checkOpen(signal);
    return requests.map((request) => this.executeOne(request, this.refusalToEncode(request)));
  }

  async executeRoutes(
    op: RouteOperation,
    routes: RouteColumns,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<ReadonlyMap<number, RtnetlinkError>> {
    this.checkOpen(signal);
    checkColumns(routes);
    const wrong = new Map<number, RtnetlinkError>();
    encodeRoutes(this.scratch, op, routes, 0, routes.length, 1, (at, error) => wrong.set(at, error));
    this.scratch.take();
    const verdicts = new Map<number, RtnetlinkError>();
    for (let at = 0; at < routes.length; at++) {
      const verdict = this.executeOne({ op, object: routeAt(routes, at) }, wrong.get(at));
      if (verdict !== undefined) verdicts.set(at, verdict);
    }
    return verdicts;
  }

  async dump<F extends DumpFilter>(
    filter: F,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly Dumped<F>[]> {
    this.checkOpen(signal);
    return this.objects(filter);
  }

  async dumpRoutes(
    filter: RouteFilter,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<RouteColumns> {
    this.checkOpen(signal);
    return routeColumns(filter.family, this.objects({ object: 'route', ...filter }));
  }

  async subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
    { own = true, signal }: { readonly own?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<() => void> {
    this.checkOpen(signal);
    const end = this.notifications.subscribe(groups, listener, own);
    signal?.addEventListener('abort', end, { once: true });
    return () => {
      signal?.removeEventListener('abort', end);
      end();
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.notifications.close();
  }

  /** Fails the n-th request from now on (the first is 1), which then changes nothing. */
  failNth(n: number, errno: string): void {
    this.faults.failNth(n, errno);
  }

  /** Fails each request that `hits` says, which then changes nothing. @returns ends the fault. */
  failEach(hits: (request: Request) => boolean, errno: string): () => void {
    return this.faults.failEach(hits, errno);
  }

  /**
   * Breaks the door behind the n-th request from now on (the first is 1): it and those before it are done, the rest of its batch is not, and
   * `execute` rejects with code `socket`. What comes later works again.
   */
  breakAfter(n: number): void {
    this.faults.breakAfter(n);
  }

  /** Loses the n-th notification from now on that somebody would hear (the first is 1), and says nothing. */
  loseNth(n: number): void {
    this.notifications.loseNth(n);
  }

  /** Loses the notifications that were not delivered yet; subscribers hear `overrun` instead. */
  overrun(): void {
    this.notifications.overrun();
  }

  /** A hand at the kernel: does as the kernel would, notifications included, without a log entry and past all faults.
   * @throws RtnetlinkError `kernel` where the kernel would refuse, `invalid` where no message could say it. */
  apply(...requests: readonly Request[]): void {
    for (const request of requests) {
      const wrong = this.refusalToEncode(request);
      const error = wrong === undefined ? this.namespace.verdict(request) : invalid(request, wrong);
      if (error !== undefined) throw error;
    }
  }

  /** A hand at the kernel: pulls or plugs a device's cable. For a veth pair, setting one end down does the same to the other. */
  setCarrier(name: string, carrier: boolean): void {
    this.namespace.setCarrier(name, carrier);
  }

  /** The device of that name. */
  link(name: string): Link | undefined {
    return this.objects({ object: 'link' }).find((link) => link.name === name);
  }

  /** What `dump` would give, at once and also when closed. */
  objects<F extends DumpFilter>(filter: F): readonly Dumped<F>[] {
    return this.namespace.dump(filter) as readonly Dumped<F>[];
  }

  /** @param wrong why no message can carry the request, if so. */
  private executeOne(request: Request, wrong: RtnetlinkError | undefined): RtnetlinkError | undefined {
    this.log.push(request);
    const errno = this.faults.strike(request);
    let verdict: RtnetlinkError | undefined;
    if (wrong !== undefined) verdict = invalid(request, wrong);
    else if (errno !== undefined) verdict = refusal(errno, undefined, describe(request));
    else
      this.notifications.causedBy(request, () => {
        verdict = this.namespace.verdict(request);
      });
    if (this.faults.breaksNow())
      throw new RtnetlinkError('socket', `the door broke behind ${describe(request)}`);
    return verdict;
  }

  private refusalToEncode(request: Request): RtnetlinkError | undefined {
    try {
      encodeRequest(this.scratch, request, 1);
      this.scratch.take();
      return undefined;
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      return error;
    }
  }

  private checkOpen(signal: AbortSignal | undefined): void {
    if (this.closed) throw new RtnetlinkError('closed', 'the door to the kernel is closed');
    signal?.throwIfAborted();
  }
}

function invalid(request: Request, cause: RtnetlinkError): RtnetlinkError {
  return new RtnetlinkError('invalid', `${describe(request)}: ${cause.message}`, { cause });
}
