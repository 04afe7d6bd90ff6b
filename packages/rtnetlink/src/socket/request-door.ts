// The main thread's end of the request worker: promises for what is under way. Knows framing and verdicts, no kind of object.

import { forEachMessage, type Message } from '../codec/message.ts';
import { RtnetlinkError } from '../errors.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';
import type { WorkerReply } from './worker-messages.ts';
import { startWorker, type WorkerThread } from './worker-thread.ts';

type EndReply = Extract<WorkerReply, { kind: 'end' }>;

interface Pending {
  readonly answer: (message: Message) => void;
  readonly resolve: (end: EndReply) => void;
  readonly reject: (error: RtnetlinkError) => void;
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
      { namespace, groups: [] },
      (reply) => door.#take(reply),
      (error) => door.fail(error),
    );
    return door;
  }

  /** Sends messages in their order. @param failed gets each NLMSG_ERROR. @throws RtnetlinkError `socket` or `closed` */
  async batch(
    protocol: NetlinkProtocol,
    bytes: Uint8Array<ArrayBuffer>,
    failed: (message: Message) => void,
  ): Promise<void> {
    const end = await this.#run('batch', protocol, bytes, () => {});
    forEachMessage(end.failures, failed);
  }

  /**
   * Sends one request that has answers.
   * @returns the NLMSG_ERROR or NLMSG_DONE that says that it failed, and whether the state changed under a dump.
   * @throws RtnetlinkError `socket`, `closed`, or what `answer` throws
   */
  async query(
    protocol: NetlinkProtocol,
    bytes: Uint8Array<ArrayBuffer>,
    answer: (message: Message) => void,
  ): Promise<{ failure: Message | undefined; interrupted: boolean }> {
    const end = await this.#run('query', protocol, bytes, answer);
    let failure: Message | undefined;
    forEachMessage(end.failures, (message) => {
      failure = message;
    });
    return { failure, interrupted: end.interrupted };
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

  #run(
    kind: 'batch' | 'query',
    protocol: NetlinkProtocol,
    bytes: Uint8Array<ArrayBuffer>,
    answer: (message: Message) => void,
  ): Promise<EndReply> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { answer, resolve, reject });
      this.#worker?.post({ kind, id, protocol, bytes }, bytes);
    });
  }

  #take(reply: WorkerReply): void {
    if (reply.kind !== 'answer' && reply.kind !== 'end' && reply.kind !== 'broken') return;
    const pending = this.#pending.get(reply.id);
    // Already rejected: closed, or an answer before this one could not be read.
    if (pending === undefined) return;
    if (reply.kind !== 'answer') {
      this.#pending.delete(reply.id);
      if (reply.kind === 'end') pending.resolve(reply);
      else pending.reject(new RtnetlinkError('socket', reply.reason));
      return;
    }
    try {
      forEachMessage(reply.bytes, pending.answer);
    } catch (error) {
      if (!(error instanceof RtnetlinkError)) throw error;
      this.#pending.delete(reply.id);
      pending.reject(error);
    }
  }
}
