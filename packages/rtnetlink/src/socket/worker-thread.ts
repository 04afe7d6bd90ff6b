// Starts the worker threads that hold sockets and tells why one ended. Used by the main thread only.
import { Worker } from 'node:worker_threads';
import { RtnetlinkError } from '../errors.ts';
import {
  memoryOf,
  stateIndex,
  type WorkerOptions,
  type WorkerReply,
  type WorkerRequest,
} from './worker-messages.ts';

/** A worker looks at its stop flag five times a second; one that has not ended by now is stuck in the kernel. Milliseconds. */
const endTimeout = 2000;

export interface WorkerThread {
  post(request: WorkerRequest, handedOver?: readonly ArrayBuffer[]): void;
  /** Says that these bytes from the worker were worked on: it waits where too much is not. */
  release(bytes: Uint8Array): void;
  /** Netlink port of the worker's socket. */
  readonly port: number;
  /** Stops the worker wherever it is; resolves when it is gone. */
  end(): Promise<void>;
}

/**
 * @param script a TypeScript file beside this one.
 * @param listen gets every reply but `ready`.
 * @param died called once when the worker ends without `end`.
 * @returns when the worker is ready.
 * @throws RtnetlinkError `socket`
 */
export async function startWorker(
  script: URL,
  options: Omit<WorkerOptions, 'state'>,
  listen: (reply: Exclude<WorkerReply, { kind: 'ready' }>) => void,
  died: (error: RtnetlinkError) => void,
): Promise<WorkerThread> {
  const shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  const state = new Int32Array(shared);
  const workerData: WorkerOptions = { ...options, state: shared };
  // Without arguments of the program that started us: a worker needs none, and some are refused to workers.
  const worker = new Worker(script, { workerData, execArgv: [] });
  let cause: unknown;
  let ending = false;
  const exited = new Promise<void>((resolve) => {
    worker.once('error', (error) => {
      cause = error;
    });
    worker.once('exit', () => resolve());
  });
  const port = await new Promise<number>((resolve, reject) => {
    worker.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'ready') resolve(reply.port);
      else listen(reply);
    });
    void exited.then(() => {
      reject(deathOf(cause));
      if (!ending) died(deathOf(cause));
    });
  });
  return {
    port,
    // In the next turn of the event loop: Node hands over all messages that are there before it lets others run, and a worker that were let
    // go on at once would keep them coming.
    release(bytes) {
      setImmediate(() => {
        Atomics.sub(state, stateIndex.outstanding, memoryOf(bytes));
        Atomics.notify(state, stateIndex.outstanding);
      });
    },
    post: (request, handedOver = []) => worker.postMessage(request, [...handedOver]),
    async end() {
      ending = true;
      Atomics.store(state, stateIndex.stop, 1);
      Atomics.notify(state, stateIndex.outstanding);
      const stuck = setTimeout(() => void worker.terminate(), endTimeout);
      await exited;
      clearTimeout(stuck);
    },
  };
}

function deathOf(cause: unknown): RtnetlinkError {
  const reason = cause instanceof Error ? cause.message : 'it ended';
  return new RtnetlinkError('socket', `the netlink thread is gone: ${reason}`, { cause });
}
