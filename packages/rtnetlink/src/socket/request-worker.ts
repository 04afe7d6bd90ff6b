// A worker thread that carries requests to the kernel and answers back, one at a time and synchronously, so that the main thread never
// waits in a system call. Owns the sockets and the framing; knows no kind of object but the columns of routes.
import { parentPort, workerData } from 'node:worker_threads';
import { encodeRoutes } from '../codec/route/plain-route.ts';
import { columnBuffers, RouteColumnsBuilder } from '../codec/route/route-columns.ts';
import {
  decodeVerdict,
  demandAck,
  forEachFrame,
  forEachMessage,
  messageFlag,
  messageType,
} from '../codec/wire/message.ts';
import { newMessage } from '../codec/wire/message-types.ts';
import { MessageWriter } from '../codec/wire/writer.ts';
import { RtnetlinkError } from '../errors.ts';
import type { RouteColumns } from '../kernel.ts';
import { datagramsOf } from './datagrams.ts';
import { enterNamespace } from './namespace.ts';
import { type NetlinkProtocol, NetlinkSocket, receiveLength } from './netlink-socket.ts';
import {
  type BatchWork,
  type Cancellation,
  type ColumnsWork,
  memoryOf,
  type QueryWork,
  type RoutesWork,
  stateIndex,
  type WorkerOptions,
  type WorkerReply,
  type WorkerRequest,
} from './worker-messages.ts';

/** The kernel's answers to one datagram must fit, or the end of them is lost. */
const receiveBuffer = 8 * 1024 * 1024;
/** What one acknowledgement takes of it, by the kernel's account and with room for its words. */
const acknowledgementSize = 1664;
/** Of IPv6, with a metric. Bytes. */
const longestRoute = 72;
/** More in a datagram gains nothing. */
const mostMessages = 512;
const receiveTimeout = 200;
/** The kernel works while send runs, so that answers are there at once: none for this long means that they were lost. */
const mostTimeouts = 25;
/** Answers that the main thread may be behind: what it works on in one go, some 10 ms. */
const mostOutstanding = 512 * 1024;

const options = workerData as WorkerOptions;
const state = new Int32Array(options.state);
const buffer = new Uint8Array(receiveLength);
const sockets = new Map<NetlinkProtocol, NetlinkSocket>();

class Cancelled extends Error {}

function socketOf(protocol: NetlinkProtocol): NetlinkSocket {
  let socket = sockets.get(protocol);
  if (socket === undefined) {
    socket = new NetlinkSocket(protocol, receiveBuffer, receiveTimeout);
    sockets.set(protocol, socket);
  }
  return socket;
}

/** Ends what the kernel still has to say. The port stays, as others may have been told not to hear it. */
function reopen(protocol: NetlinkProtocol): void {
  const { port } = socketOf(protocol);
  sockets.get(protocol)?.close();
  sockets.delete(protocol);
  sockets.set(protocol, new NetlinkSocket(protocol, receiveBuffer, receiveTimeout, port));
}

function checkWanted(cancellation: Cancellation | undefined): void {
  if (cancellation !== undefined && Atomics.load(cancellation, 0) === 1) throw new Cancelled();
  if (Atomics.load(state, stateIndex.stop) === 1) throw new RtnetlinkError('closed', 'closed');
}

/** Receives until `visit` says that this was the last. */
function receiveUntil(
  socket: NetlinkSocket,
  cancellation: Cancellation | undefined,
  visit: (datagram: DataView<ArrayBuffer>) => boolean,
): void {
  let timeouts = 0;
  for (;;) {
    checkWanted(cancellation);
    const length = socket.receive(buffer);
    if (length === 'overrun') throw new RtnetlinkError('socket', 'answers of the kernel were lost: ENOBUFS');
    if (length === 'timeout') {
      if (++timeouts === mostTimeouts) throw new RtnetlinkError('socket', 'the kernel did not answer');
      continue;
    }
    timeouts = 0;
    if (visit(new DataView(buffer.buffer, 0, length))) return;
  }
}

/** How many messages a datagram may have. */
function mostOf(socket: NetlinkSocket): number {
  const mostAnswers = Math.floor(socket.receiveBuffer / acknowledgementSize);
  return Math.max(1, Math.min(mostAnswers, mostMessages));
}

/** Sends requests and appends the kernel's refusals to `failures`. */
function sendAll(
  socket: NetlinkSocket,
  bytes: Uint8Array<ArrayBuffer>,
  most: number,
  failures: Uint8Array[],
): void {
  for (const datagram of datagramsOf(bytes, most)) {
    checkWanted(undefined);
    demandAck(bytes, datagram.last);
    socket.send(bytes.subarray(datagram.start, datagram.end));
    receiveUntil(socket, undefined, (view) => {
      let ended = false;
      forEachFrame(view, (type, _flags, sequence, start, end) => {
        if (type !== messageType.error) return;
        if (isFailure(view, start, end)) failures.push(buffer.slice(start, end));
        ended ||= sequence === datagram.sequence;
      });
      return ended;
    });
  }
}

function runBatch({ protocol, bytes }: BatchWork): Uint8Array<ArrayBuffer> {
  const socket = socketOf(protocol);
  const failures: Uint8Array[] = [];
  sendAll(socket, bytes, mostOf(socket), failures);
  return concatenate(failures);
}

function runRoutes({ op, routes, sequence, protocol, cancellation }: RoutesWork): {
  failures: Uint8Array<ArrayBuffer>;
  refused: ReadonlyMap<number, string>;
} {
  const socket = socketOf(protocol);
  const most = mostOf(socket);
  const failures: Uint8Array[] = [];
  const refused = new Map<number, string>();
  const writer = new MessageWriter(most * longestRoute);
  let spare: ArrayBuffer | undefined;
  for (let from = 0; from < routes.length; from += most) {
    checkWanted(cancellation);
    const to = Math.min(from + most, routes.length);
    encodeRoutes(writer, op, routes, from, to, sequence + from, (at, { message }) =>
      refused.set(at, message),
    );
    const bytes = writer.handOver(spare);
    spare = bytes.buffer;
    sendAll(socket, bytes, most, failures);
  }
  return { failures: concatenate(failures), refused };
}

/** @param visit gets what is neither the end nor left over from an earlier request. */
function runDump(
  { protocol, bytes, cancellation }: QueryWork | ColumnsWork,
  visit: (view: DataView<ArrayBuffer>, type: number, start: number, end: number) => void,
  afterDatagram: (view: DataView<ArrayBuffer>) => void,
): { failures: Uint8Array<ArrayBuffer>; interrupted: boolean } {
  const socket = socketOf(protocol);
  const failures: Uint8Array[] = [];
  let interrupted = false;
  let asked = 0;
  forEachMessage(bytes, ({ sequence }) => {
    asked = sequence;
  });
  demandAck(bytes, 0);
  checkWanted(cancellation);
  socket.send(bytes);
  receiveUntil(socket, cancellation, (view) => {
    let ended = false;
    let answers = 0;
    forEachFrame(view, (type, flags, sequence, start, end) => {
      if (sequence !== asked) return;
      interrupted ||= (flags & messageFlag.dumpInterrupted) !== 0;
      if (type === messageType.error || type === messageType.done) {
        ended = true;
        if (isFailure(view, start, end)) failures.push(buffer.slice(start, end));
        return;
      }
      answers++;
      visit(view, type, start, end);
    });
    if (answers > 0) afterDatagram(view);
    return ended;
  });
  return { failures: concatenate(failures), interrupted };
}

function isFailure(view: DataView<ArrayBuffer>, start: number, end: number): boolean {
  let failed = false;
  forEachMessage(new Uint8Array(view.buffer, start, end - start), (message) => {
    failed = decodeVerdict(message).errno !== 0;
  });
  return failed;
}

function runQuery(work: QueryWork): { failures: Uint8Array<ArrayBuffer>; interrupted: boolean } {
  return runDump(
    work,
    () => {},
    (view) => {
      const bytes = buffer.slice(0, view.byteLength);
      Atomics.add(state, stateIndex.outstanding, memoryOf(bytes));
      post({ kind: 'answer', id: work.id, bytes }, [bytes.buffer]);
      waitUntilRead(work.cancellation);
    },
  );
}

function waitUntilRead(cancellation: Cancellation | undefined): void {
  for (;;) {
    const outstanding = Atomics.load(state, stateIndex.outstanding);
    if (outstanding < mostOutstanding) return;
    checkWanted(cancellation);
    Atomics.wait(state, stateIndex.outstanding, outstanding, receiveTimeout);
  }
}

function runColumns(work: ColumnsWork): {
  failures: Uint8Array<ArrayBuffer>;
  interrupted: boolean;
  columns: RouteColumns;
} {
  const builder = new RouteColumnsBuilder(work.filter);
  const verdict = runDump(
    work,
    (view, type, start, end) => {
      if (type === newMessage.route) builder.append(view, start, end);
    },
    () => {},
  );
  return { ...verdict, columns: builder.take() };
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

function post(reply: WorkerReply, handedOver: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, handedOver);
}

function perform(work: BatchWork | QueryWork | ColumnsWork | RoutesWork): void {
  const { id } = work;
  if (work.kind === 'batch') {
    const failures = runBatch(work);
    const spare = work.bytes.buffer;
    post({ kind: 'end', id, failures, interrupted: false, spare }, [failures.buffer, spare]);
  } else if (work.kind === 'routes') {
    const verdict = runRoutes(work);
    post({ kind: 'end', id, interrupted: false, ...verdict }, [verdict.failures.buffer]);
  } else if (work.kind === 'query') {
    const verdict = runQuery(work);
    post({ kind: 'end', id, ...verdict }, [verdict.failures.buffer]);
  } else {
    const verdict = runColumns(work);
    post({ kind: 'end', id, ...verdict }, [verdict.failures.buffer, ...columnBuffers(verdict.columns)]);
  }
}

function take(request: WorkerRequest): void {
  if (request.kind === 'close') {
    for (const socket of sockets.values()) socket.close();
    parentPort?.close();
    return;
  }
  try {
    perform(request);
  } catch (error) {
    if (!(error instanceof Cancelled) && !(error instanceof RtnetlinkError)) throw error;
    // The rest of a dump would be in the way of what comes next.
    if (request.kind === 'query' || request.kind === 'columns') reopen(request.protocol);
    if (error instanceof Cancelled) post({ kind: 'cancelled', id: request.id });
    else post({ kind: 'broken', id: request.id, reason: error.message });
  }
}

if (options.namespace !== undefined) enterNamespace(options.namespace);
const { port } = socketOf('route');
parentPort?.on('message', take);
post({ kind: 'ready', port });
