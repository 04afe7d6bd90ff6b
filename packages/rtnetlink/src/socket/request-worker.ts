// A worker thread that carries requests to the kernel and answers back, one at a time and synchronously, so that the main thread never
// waits in a system call. Owns the sockets and the framing; knows no kind of object.
import { parentPort, workerData } from 'node:worker_threads';
import { decodeVerdict, demandAck, forEachMessage, messageFlag, messageType } from '../codec/message.ts';
import { RtnetlinkError } from '../errors.ts';
import { enterNamespace } from './namespace.ts';
import { type NetlinkProtocol, NetlinkSocket, receiveLength } from './netlink-socket.ts';
import { stateIndex, type WorkerOptions, type WorkerReply, type WorkerRequest } from './worker-messages.ts';

/** What the kernel may answer to one datagram must fit, or the end of it is lost: 128 acknowledgements fit in the default of 212,992. */
const receiveBuffer = 8 * 1024 * 1024;
const mostMessages = 128;
/** The default send buffer is 212,992. */
const mostBytes = 64 * 1024;
const receiveTimeout = 200;
/** The kernel works while send runs, so that answers are there at once: none for this long means that they were lost. */
const mostTimeouts = 25;

const options = workerData as WorkerOptions;
const state = new Int32Array(options.state);
const buffer = new Uint8Array(receiveLength);
const sockets = new Map<NetlinkProtocol, NetlinkSocket>();

function socketOf(protocol: NetlinkProtocol): NetlinkSocket {
  let socket = sockets.get(protocol);
  if (socket === undefined) {
    socket = new NetlinkSocket(protocol, receiveBuffer, receiveTimeout);
    sockets.set(protocol, socket);
  }
  return socket;
}

/** Receives until `visit` says that this was the last. */
function receiveUntil(socket: NetlinkSocket, visit: (datagram: Uint8Array<ArrayBuffer>) => boolean): void {
  let timeouts = 0;
  for (;;) {
    if (Atomics.load(state, stateIndex.stop) === 1) throw new RtnetlinkError('closed', 'closed');
    const length = socket.receive(buffer);
    if (length === 'overrun') throw new RtnetlinkError('socket', 'answers of the kernel were lost: ENOBUFS');
    if (length === 'timeout') {
      if (++timeouts === mostTimeouts) throw new RtnetlinkError('socket', 'the kernel did not answer');
      continue;
    }
    timeouts = 0;
    if (visit(buffer.subarray(0, length))) return;
  }
}

/** The messages of a batch as runs that fit a datagram. */
function* datagrams(
  bytes: Uint8Array,
): Generator<{ bytes: Uint8Array; last: { start: number; sequence: number } }> {
  const messages: { start: number; end: number; sequence: number }[] = [];
  forEachMessage(bytes, ({ start, end, sequence }) => messages.push({ start, end, sequence }));
  for (let first = 0; first < messages.length; ) {
    const start = messages[first]?.start ?? 0;
    let next = first;
    let last = { start, end: start, sequence: 0 };
    for (; next < messages.length && next - first < mostMessages; next++) {
      const message = messages[next];
      if (message === undefined || (next > first && message.end - start > mostBytes)) break;
      last = message;
    }
    yield {
      bytes: bytes.subarray(start, last.end),
      last: { start: last.start - start, sequence: last.sequence },
    };
    first = next;
  }
}

function runBatch(protocol: NetlinkProtocol, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const socket = socketOf(protocol);
  const failures: Uint8Array[] = [];
  for (const datagram of datagrams(bytes)) {
    demandAck(datagram.bytes, datagram.last.start);
    socket.send(datagram.bytes);
    receiveUntil(socket, (answer) => {
      let ended = false;
      forEachMessage(answer, (message) => {
        if (message.type !== messageType.error) return;
        if (decodeVerdict(message).errno !== 0) failures.push(answer.slice(message.start, message.end));
        ended ||= message.sequence === datagram.last.sequence;
      });
      return ended;
    });
  }
  return concatenate(failures);
}

function runQuery(
  id: number,
  protocol: NetlinkProtocol,
  bytes: Uint8Array,
): { failures: Uint8Array<ArrayBuffer>; interrupted: boolean } {
  const socket = socketOf(protocol);
  const failures: Uint8Array[] = [];
  let interrupted = false;
  let sequence = 0;
  forEachMessage(bytes, (message) => {
    sequence = message.sequence;
  });
  demandAck(bytes, 0);
  socket.send(bytes);
  receiveUntil(socket, (datagram) => {
    let ended = false;
    let ours = false;
    forEachMessage(datagram, (message) => {
      // What is left of an earlier request that broke off.
      if (message.sequence !== sequence) return;
      interrupted ||= (message.flags & messageFlag.dumpInterrupted) !== 0;
      if (message.type !== messageType.error && message.type !== messageType.done) {
        ours = true;
        return;
      }
      ended = true;
      if (decodeVerdict(message).errno !== 0) failures.push(datagram.slice(message.start, message.end));
    });
    if (ours) {
      const answer = datagram.slice();
      post({ kind: 'answer', id, bytes: answer }, answer);
    }
    return ended;
  });
  return { failures: concatenate(failures), interrupted };
}

/** Each padded to the alignment of messages. */
function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const padded = (part: Uint8Array): number => (part.length + 3) & -4;
  const whole = new Uint8Array(parts.reduce((length, part) => length + padded(part), 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += padded(part);
  }
  return whole;
}

function post(reply: WorkerReply, bytes?: Uint8Array<ArrayBuffer>): void {
  parentPort?.postMessage(reply, bytes === undefined ? [] : [bytes.buffer]);
}

function work(request: WorkerRequest): void {
  if (request.kind === 'close') {
    for (const socket of sockets.values()) socket.close();
    parentPort?.close();
    return;
  }
  try {
    if (request.kind === 'batch') {
      const failures = runBatch(request.protocol, request.bytes);
      post({ kind: 'end', id: request.id, failures, interrupted: false }, failures);
    } else {
      const { failures, interrupted } = runQuery(request.id, request.protocol, request.bytes);
      post({ kind: 'end', id: request.id, failures, interrupted }, failures);
    }
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    post({ kind: 'broken', id: request.id, reason: error.message });
  }
}

if (options.namespace !== undefined) enterNamespace(options.namespace);
socketOf('route');
parentPort?.on('message', work);
post({ kind: 'ready' });
