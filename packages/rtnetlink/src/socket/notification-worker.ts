// A worker thread that listens to multicast groups. It reads as fast as the main thread works; what comes faster is left to the kernel,
// which then reports an overrun: memory is bounded and the loss is told.
import { parentPort, workerData } from 'node:worker_threads';
import { enterNamespace } from './namespace.ts';
import { NetlinkSocket, receiveLength } from './netlink-socket.ts';
import { memoryOf, stateIndex, type WorkerOptions, type WorkerReply } from './worker-messages.ts';

const receiveBuffer = 32 * 1024 * 1024;
/** Bytes that the main thread may be behind: what it works on in one go, some 10 ms. */
const mostOutstanding = 512 * 1024;
/** Notifications are handed over in parcels of at most this: each parcel costs as much as the reading of ten. */
const parcelLength = 32 * 1024;
/** Longest time until a stop is seen. */
const receiveTimeout = 200;

const options = workerData as WorkerOptions;
const state = new Int32Array(options.state);
const buffer = new Uint8Array(parcelLength + receiveLength);

function post(reply: WorkerReply, bytes?: Uint8Array<ArrayBuffer>): void {
  parentPort?.postMessage(reply, bytes === undefined ? [] : [bytes.buffer]);
}

function stopped(): boolean {
  return Atomics.load(state, stateIndex.stop) === 1;
}

function waitUntilRead(): void {
  while (!stopped()) {
    const outstanding = Atomics.load(state, stateIndex.outstanding);
    if (outstanding < mostOutstanding) return;
    Atomics.wait(state, stateIndex.outstanding, outstanding, receiveTimeout);
  }
}

/**
 * What waits is stale, as a dump must follow; and the overrun may be told only when nothing waits any more: until then the kernel drops what
 * is new without a word, which a dump made meanwhile would not hold.
 */
function discardAll(): void {
  while (!stopped() && socket.receive(buffer, false) !== 'timeout');
}

/** Reads one notification, waiting for it, and what else is there. */
function readParcel(): void {
  let filled = 0;
  let overrun = false;
  while (filled < parcelLength) {
    const length = socket.receive(buffer.subarray(filled, filled + receiveLength), filled === 0);
    if (length === 'timeout') break;
    overrun = length === 'overrun';
    if (overrun) break;
    filled += (Number(length) + 3) & -4;
  }
  if (filled > 0) {
    const bytes = buffer.slice(0, filled);
    Atomics.add(state, stateIndex.outstanding, memoryOf(bytes));
    post({ kind: 'notifications', bytes }, bytes);
  }
  if (overrun) {
    discardAll();
    post({ kind: 'overrun' });
  }
}

if (options.namespace !== undefined) enterNamespace(options.namespace);
const socket = new NetlinkSocket('route', receiveBuffer, receiveTimeout);
if (options.unheardPort !== undefined) socket.unhear(options.unheardPort);
for (const group of options.groups) socket.join(group);
post({ kind: 'ready', port: socket.port });
while (!stopped()) {
  waitUntilRead();
  readParcel();
}
socket.close();
