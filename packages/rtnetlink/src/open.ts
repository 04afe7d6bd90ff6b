// The kernel behind the Rtnetlink interface: codec here, system calls in worker threads. Knows no VPNs.

import { encodeBatch } from './codec/batch.ts';
import { encodeDump, matches } from './codec/dump.ts';
import { controller, decodeFamilyId, decodeFou, encodeFamilyQuery } from './codec/fou.ts';
import { decodeObject, decodePayload } from './codec/object.ts';
import { checkColumns, routeAt } from './codec/route/route-columns.ts';
import { type Message, messageFlag } from './codec/wire/message.ts';
import { MessageWriter } from './codec/wire/writer.ts';
import { describe, describeDump } from './describe.ts';
import { RtnetlinkError } from './errors.ts';
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
} from './kernel.ts';
import type { KernelObject } from './objects.ts';
import { invalid, isAbsence, kernelError, requestFault, withoutFou } from './refusals.ts';
import { namespacePath } from './socket/namespace.ts';
import type { NetlinkProtocol } from './socket/netlink-socket.ts';
import { RequestDoor } from './socket/request-door.ts';
import { openSubscription } from './socket/subscription.ts';

/** Requests that are encoded before the main thread lets others run: at most some 1 ms. */
const slice = 1024;
/** Slices under way: one is in the kernel while the next are ready for it. */
const mostUnderWay = 3;
/** A dump that is interrupted as often as this is of something that never rests. */
const mostInterruptions = 10;
const fouFamily = 'fou';

/**
 * Opens netlink sockets, which hold the process until `close`.
 * @param options.namespace network namespace by name (as `ip netns` has it) or path; default: the one of this process.
 * @throws RtnetlinkError `socket`
 */
export async function openRtnetlink(options: { readonly namespace?: string } = {}): Promise<Rtnetlink> {
  const namespace = options.namespace === undefined ? undefined : namespacePath(options.namespace);
  return new KernelSocket(await RequestDoor.open(namespace), namespace);
}

class KernelSocket implements Rtnetlink {
  readonly #door: RequestDoor;
  readonly #namespace: string | undefined;
  readonly #subscriptions = new Set<() => Promise<void>>();
  /** Memory of slices that were sent. */
  readonly #spares: ArrayBuffer[] = [];
  readonly #writer = new MessageWriter(64 * 1024);
  #sequence = 1;
  #fouType: number | undefined;

  constructor(door: RequestDoor, namespace: string | undefined) {
    this.#door = door;
    this.#namespace = namespace;
  }

  async execute(
    requests: readonly Request[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly (RtnetlinkError | undefined)[]> {
    this.#door.check();
    signal?.throwIfAborted();
    const verdicts = new Array<RtnetlinkError | undefined>(requests.length).fill(undefined);
    // The number of the family is asked for once, before anything is under way.
    const hasFou = requests.some(({ object }) => object.object === 'fou');
    const fouType = hasFou ? await this.#findFou(signal) : undefined;
    const underWay: Promise<void>[] = [];
    let from = 0;
    while (from < requests.length && !signal?.aborted) {
      const to = endOfSlice(requests, from);
      // Looked at below, maybe after another has failed.
      const sent = this.#executeSlice(requests, from, to, fouType, verdicts);
      sent.catch(() => {});
      underWay.push(sent);
      from = to;
      // While the kernel works on one slice, the next is encoded.
      if (underWay.length === mostUnderWay) await underWay.shift();
    }
    for (const sent of underWay) await sent;
    if (from < requests.length) signal?.throwIfAborted();
    return verdicts;
  }

  async executeRoutes(
    op: RouteOperation,
    routes: RouteColumns,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<ReadonlyMap<number, RtnetlinkError>> {
    checkColumns(routes);
    const verdicts = new Map<number, RtnetlinkError>();
    const request = (at: number): Request => ({ op, object: routeAt(routes, at) });
    const sequence = this.#takeSequences(routes.length);
    const take = (message: Message): void => {
      const at = message.sequence - sequence;
      // Not one of these: left over from a batch that broke off.
      if (at >= 0 && at < routes.length) verdicts.set(at, requestFault(request(at), message, undefined));
    };
    const refused = await this.#door.routes(op, routes, sequence, take, signal);
    for (const [at, reason] of refused) {
      verdicts.set(at, invalid(describe(request(at)), new RtnetlinkError('invalid', reason)));
    }
    return verdicts;
  }

  async dump<F extends DumpFilter>(
    filter: F,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly Dumped<F>[]> {
    const protocol = protocolOf(filter);
    const fouType = protocol === 'generic' ? await this.#findFou(signal) : undefined;
    // A kernel without fou has no ports.
    if (protocol === 'generic' && fouType === undefined) return [];
    return await this.#dumpUntilWhole(filter, async () => {
      const objects: Dumped<F>[] = [];
      this.#encode(() => encodeDump(this.#writer, filter, this.#takeSequences(1), fouType));
      const bytes = this.#writer.take();
      const answer = (message: Message): void => {
        const object = decodeAnswer(message, fouType);
        if (object !== undefined && matches(filter, object)) objects.push(object as Dumped<F>);
      };
      return { ...(await this.#door.query(protocol, bytes, answer, signal)), result: objects };
    });
  }

  async dumpRoutes(
    filter: RouteFilter,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<RouteColumns> {
    const dumpFilter = { object: 'route', ...filter } as const;
    return await this.#dumpUntilWhole(dumpFilter, async () => {
      this.#encode(() => encodeDump(this.#writer, dumpFilter, this.#takeSequences(1), undefined));
      const { columns, ...verdict } = await this.#door.columns(filter, this.#writer.take(), signal);
      return { ...verdict, result: columns };
    });
  }

  async subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
    { own = true, signal }: { readonly own?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<() => void> {
    this.#door.check();
    signal?.throwIfAborted();
    const close = await openSubscription(
      { groups, namespace: this.#namespace, unheardPort: own ? undefined : this.#door.port },
      listener,
      (error) => {
        this.#door.fail(error);
        // Its dump will tell the listener that the door is broken.
        listener({ type: 'overrun' });
      },
    );
    this.#subscriptions.add(close);
    const end = (): void => {
      signal?.removeEventListener('abort', end);
      this.#subscriptions.delete(close);
      void close();
    };
    signal?.addEventListener('abort', end);
    // It may have fired while the thread started, when nobody listened yet.
    if (signal?.aborted) {
      end();
      signal.throwIfAborted();
    }
    return end;
  }

  async close(): Promise<void> {
    const subscriptions = [...this.#subscriptions];
    this.#subscriptions.clear();
    await Promise.all([this.#door.close(), ...subscriptions.map((end) => end())]);
  }

  /** Sends requests[from] to requests[to - 1], all of one protocol, and writes down what is refused. */
  async #executeSlice(
    requests: readonly Request[],
    from: number,
    to: number,
    fouType: number | undefined,
    verdicts: (RtnetlinkError | undefined)[],
  ): Promise<void> {
    const protocol = protocolOf(requests[from]?.object);
    if (protocol === 'generic' && fouType === undefined) {
      for (let at = from; at < to; at++) verdicts[at] = withoutFou(requests[at] as Request);
      return;
    }
    const sequence = this.#takeSequences(to - from);
    this.#encode(() =>
      encodeBatch(this.#writer, requests, from, to, sequence, fouType, (at, error) => {
        verdicts[at] = invalid(describe(requests[at] as Request), error);
      }),
    );
    if (this.#writer.length === 0) return;
    const bytes = this.#writer.handOver(this.#spares.pop());
    const spare = await this.#door.batch(protocol, bytes, (message) => {
      const at = message.sequence - sequence + from;
      // Not one of these: left over from a batch that broke off.
      if (at >= from && at < to) verdicts[at] = requestFault(requests[at] as Request, message, fouType);
    });
    if (spare !== undefined && this.#spares.length < mostUnderWay) this.#spares.push(spare);
  }

  /** Leaves nothing half written in the writer for whoever writes next. */
  #encode(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#writer.discard();
      throw error;
    }
  }

  /** Repeats a dump that the kernel says was interrupted by a change. */
  async #dumpUntilWhole<T>(
    filter: DumpFilter,
    attempt: () => Promise<{ failure: Message | undefined; interrupted: boolean; result: T }>,
  ): Promise<T> {
    for (let attempts = 0; attempts < mostInterruptions; attempts++) {
      const { failure, interrupted, result } = await attempt();
      const error = failure === undefined ? undefined : kernelError(describeDump(filter), failure);
      if (error !== undefined && !isAbsence(filter, error)) throw error;
      if (!interrupted) return result;
    }
    throw new RtnetlinkError(
      'socket',
      `${describeDump(filter)}: interrupted ${mostInterruptions} times by changes`,
    );
  }

  /** @returns undefined where the kernel has no fou. Asked again each time until it has: the module may be loaded later. */
  async #findFou(signal: AbortSignal | undefined): Promise<number | undefined> {
    if (this.#fouType !== undefined) return this.#fouType;
    this.#writer.begin(controller.messageType, messageFlag.request, this.#takeSequences(1));
    encodeFamilyQuery(this.#writer, fouFamily);
    this.#writer.end();
    const take = (message: Message): void => {
      if (message.type === controller.messageType) this.#fouType = decodeFamilyId(message.payload);
    };
    const { failure } = await this.#door.query('generic', this.#writer.take(), take, signal);
    const error = failure === undefined ? undefined : kernelError(`family ${fouFamily}`, failure);
    if (error !== undefined && error.errno !== 'ENOENT') throw error;
    return this.#fouType;
  }

  /** Numbers that are in a row and fit 32 bits; 0 is the kernel's own. */
  #takeSequences(count: number): number {
    if (this.#sequence + count > 0xffffffff) this.#sequence = 1;
    const base = this.#sequence;
    this.#sequence += count;
    return base;
  }
}

/** A slice is of one protocol. */
function endOfSlice(requests: readonly Request[], from: number): number {
  const protocol = protocolOf(requests[from]?.object);
  const most = Math.min(from + slice, requests.length);
  let to = from + 1;
  while (to < most && protocolOf(requests[to]?.object) === protocol) to++;
  return to;
}

function protocolOf(what: { readonly object: KernelObject['object'] } | undefined): NetlinkProtocol {
  return what?.object === 'fou' ? 'generic' : 'route';
}

function decodeAnswer(message: Message, fouType: number | undefined): KernelObject | undefined {
  if (fouType === undefined) return decodeObject(message)?.object;
  return message.type === fouType ? decodePayload(message.payload, decodeFou) : undefined;
}
