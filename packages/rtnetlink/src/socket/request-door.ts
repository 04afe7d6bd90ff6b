// The main thread's end of the request worker: promises for what is under way. Knows framing and verdicts, no kind of object.

import { columnBuffers, columnsToHandOver } from '../codec/route/route-columns.ts';
import { forEachMessage, type Message } from '../codec/wire/message.ts';
import { RtnetlinkError } from '../errors.ts';
import type { RouteColumns, RouteFilter, RouteOperation } from '../kernel.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';
import type {
  BatchWork,
  Cancellation,
  ColumnsWork,
  QueryWork,
  RoutesWork,
  WorkerReply,
} from './worker-messages.ts';
import { startWorker, type WorkerThread } from './worker-thread.ts';

type EndReply = Extract<WorkerReply, { kind: 'end' }>;
type Bytes = Uint8Array<ArrayBuffer>;

interface Pending {
  readonly answer: (message: Message) => void;
  readonly resolve: (end: EndReply) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** How a dump went: the NLMSG_ERROR or NLMSG_DONE that says that it failed, and whether the state changed under it. */
interface DumpVerdict {
  readonly failure: Message | undefined;
  readonly interrupted: boolean;
}

export class RequestDoor {
  readonly #pending = new Map<number, Pending>();
  #worker: WorkerThread | undefined;
  #broken: RtnetlinkError | undefined;
  #nextId = 1;

  /** @param namespace path of a network namespace's file. @throws RtnetlinkError `socket` */
  static async open(namespace: string | undefined): Promise<RequestDoor> {
    const door = new RequestDoor();
    door.#worker = await startWorker(
      new URL('./request-worker.ts', import.meta.url),
      { namespace, groups: [], unheardPort: undefined },
      (reply) => door.#take(reply),
      (error) => door.fail(error),
    );
    return door;
  }

  /** Netlink port that changes are made from. */
  get port(): number | undefined {
    return this.#worker?.port;
  }

  /**
   * Sends messages in their order, after those of earlier calls.
   * @param failed gets each NLMSG_ERROR.
   * @returns the memory of `bytes`, for other bytes.
   * @throws RtnetlinkError `socket` or `closed`
   */
  async batch(
    protocol: NetlinkProtocol,
    bytes: Bytes,
    failed: (message: Message) => void,
  ): Promise<ArrayBuffer | undefined> {
    const end = await this.#post(
      (id) => ({ kind: 'batch', id, protocol, bytes }),
      undefined,
      () => {},
    );
    forEachMessage(end.failures, failed);
    return end.spare;
  }

  /**
   * Sends one request that has answers.
   * @throws RtnetlinkError `socket`, `closed`, or what `answer` throws
   * @throws the signal's reason
   */
  async query(
    protocol: NetlinkProtocol,
    bytes: Bytes,
    answer: (message: Message) => void,
    signal: AbortSignal | undefined,
  ): Promise<DumpVerdict> {
    const work = (id: number, cancellation: Cancellation | undefined): QueryWork => ({
      kind: 'query',
      id,
      protocol,
      bytes,
      cancellation,
    });
    return verdictOf(await this.#post(work, signal, answer));
  }

  /** Sends a dump request for IP routes and has the answers read beside this thread. @throws as `query` */
  async columns(
    filter: RouteFilter,
    bytes: Bytes,
    signal: AbortSignal | undefined,
  ): Promise<DumpVerdict & { readonly columns: RouteColumns }> {
    const work = (id: number, cancellation: Cancellation | undefined): ColumnsWork => ({
      kind: 'columns',
      id,
      protocol: 'route',
      filter,
      bytes,
      cancellation,
    });
    const end = await this.#post(work, signal, () => {});
    if (end.columns === undefined) throw new TypeError('a dump into columns without columns');
    return { ...verdictOf(end), columns: end.columns };
  }

  /**
   * One operation with routes in columns, which are copied where they are not of shared memory.
   * @param failed gets each NLMSG_ERROR.
   * @returns what was not sent, by the number of the route, and why.
   * @throws RtnetlinkError `socket` or `closed`
   * @throws the signal's reason, where it fired before the last of them was sent.
   */
  async routes(
    op: RouteOperation,
    routes: RouteColumns,
    sequence: number,
    failed: (message: Message) => void,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<number, string>> {
    const columns = columnsToHandOver(routes);
    const work = (id: number, cancellation: Cancellation | undefined): RoutesWork => ({
      kind: 'routes',
      id,
      protocol: 'route',
      op,
      routes: columns,
      sequence,
      cancellation,
    });
    const end = await this.#post(work, signal, () => {});
    forEachMessage(end.failures, failed);
    return end.refused ?? new Map();
  }

  /** @throws RtnetlinkError `socket` or `closed` where this is broken. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Rejects what is under way and all that follows. */
  fail(error: RtnetlinkError): void {
    this.#broken ??= error;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(this.#broken);
  }

  /** Rejects what is under way; idempotent. */
  async close(): Promise<void> {
    this.fail(new RtnetlinkError('closed', 'the rtnetlink socket is closed'));
    this.#worker?.post({ kind: 'close' });
    await this.#worker?.end();
  }

  async #post(
    work: (
      id: number,
      cancellation: Cancellation | undefined,
    ) => BatchWork | QueryWork | ColumnsWork | RoutesWork,
    signal: AbortSignal | undefined,
    answer: (message: Message) => void,
  ): Promise<EndReply> {
    this.check();
    signal?.throwIfAborted();
    const cancellation = signal && new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    // The worker sees it at the next datagram, and answers.
    const cancel = (): void => {
      if (cancellation !== undefined) Atomics.store(cancellation, 0, 1);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        const id = this.#nextId++;
        this.#pending.set(id, { answer, resolve, reject, signal });
        const request = work(id, cancellation);
        const handedOver = request.kind === 'routes' ? columnBuffers(request.routes) : [request.bytes.buffer];
        this.#worker?.post(request, handedOver);
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  #take(reply: WorkerReply): void {
    if (reply.kind === 'answer') this.#takeAnswer(reply);
    if (reply.kind !== 'end' && reply.kind !== 'broken' && reply.kind !== 'cancelled') return;
    const pending = this.#pending.get(reply.id);
    // Already rejected: closed, or an answer before this one could not be read.
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    if (reply.kind === 'end') pending.resolve(reply);
    else if (reply.kind === 'cancelled') pending.reject(pending.signal?.reason);
    else pending.reject(new RtnetlinkError('socket', reply.reason));
  }

  #takeAnswer({ id, bytes }: Extract<WorkerReply, { kind: 'answer' }>): void {
    const pending = this.#pending.get(id);
    try {
      if (pending !== undefined && pending.signal?.aborted !== true) forEachMessage(bytes, pending.answer);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      this.#pending.delete(id);
      pending?.reject(error);
    } finally {
      this.#worker?.release(bytes);
    }
  }
}

function verdictOf({ failures, interrupted }: EndReply): DumpVerdict {
  let failure: Message | undefined;
  forEachMessage(failures, (message) => {
    failure = message;
  });
  return { failure, interrupted };
}
