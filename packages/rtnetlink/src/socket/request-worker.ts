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
  isAgreement,
  messageFlag,
  messageType,
  sequenceAt,
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
/** What the kernel wants of the send buffer besides the datagram. */
const sendOverhead = 32;
/** More in a datagram gains nothing; fewer cost up to a tenth. */
const mostMessages = 2048;
const receiveTimeout = 200;
/** The kernel works while send runs, so that answers are there at once: none for this long means that they were lost. */
const mostTimeouts = 25;
/** Answers that the main thread may be behind: what it works on in one go, some 10 ms. */
const mostOutstanding = 512 * 1024;

const options = workerData as WorkerOptions;
const state = new Int32Array(options.state);
const buffer = new Uint8Array(receiveLength);
const received = new DataView(buffer.buffer);
/** Of routes in columns. */
const writer = new MessageWriter(mostMessages * longestRoute);
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

/** @returns the length of the next datagram, which is in `buffer`. */
function receive(socket: NetlinkSocket, cancellation: Cancellation | undefined): number {
  for (let timeouts = 0; timeouts < mostTimeouts; timeouts++) {
    checkWanted(cancellation);
    const length = socket.receive(buffer);
    if (length === 'overrun') throw new RtnetlinkError('socket', 'answers of the kernel were lost: ENOBUFS');
    if (length !== 'timeout') return length;
  }
  throw new RtnetlinkError('socket', 'the kernel did not answer');
}

/** How many messages a datagram may have. */
function mostOf(socket: NetlinkSocket): number {
  const mostAnswers = Math.floor(socket.receiveBuffer / acknowledgementSize);
  const mostRoutes = Math.floor((socket.sendBuffer - sendOverhead) / longestRoute);
  return Math.max(1, Math.min(mostAnswers, mostRoutes, mostMessages));
}

/**
 * Sends requests as one datagram, the last of which demands an acknowledgement, and appends the kernel's refusals to `failures`. Makes hardly any
 * garbage where there are none: it is called a thousand times for a table.
 * @param sequence of the last request
 */
function exchange(
  socket: NetlinkSocket,
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  sequence: number,
  failures: Uint8Array[],
): void {
  socket.send(bytes, length);
  for (let ended = false; !ended; ) {
    const answered = receive(socket, undefined);
    if (isAgreement(received, answered, sequence)) return;
    forEachFrame(new DataView(buffer.buffer, 0, answered), (type, _flags, at, start, end) => {
      if (type !== messageType.error) return;
      if (isFailure(received, start, end)) failures.push(buffer.slice(start, end));
      ended ||= at === sequence;
    });
  }
}

function runBatch({ protocol, bytes }: BatchWork): Uint8Array<ArrayBuffer> {
  const socket = socketOf(protocol);
  const failures: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const { start, end, last, sequence } of datagramsOf(bytes, mostOf(socket))) {
    checkWanted(undefined);
    demandAck(view, last);
    const datagram = bytes.subarray(start, end);
    exchange(socket, datagram, datagram.length, sequence, failures);
  }
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
  const refuse = (at: number, { message }: RtnetlinkError): void => {
    refused.set(at, message);
  };
  for (let from = 0; from < routes.length; from += most) {
    checkWanted(cancellation);
    const to = Math.min(from + most, routes.length);
    writer.discard();
    const last = encodeRoutes(writer, op, routes, from, to, sequence + from, refuse);
    if (last < 0) continue;
    demandAck(writer.view, last);
    exchange(socket, writer.memory, writer.length, sequenceAt(writer.view, last), failures);
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
  demandAck(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  checkWanted(cancellation);
  socket.send(bytes);
  for (let ended = false; !ended; ) {
    const view = new DataView(buffer.buffer, 0, receive(socket, cancellation));
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
  }
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
