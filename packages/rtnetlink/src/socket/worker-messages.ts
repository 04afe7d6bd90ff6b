// What the main thread and the workers that hold the sockets tell each other. Bytes are handed over, not copied.
import type { RouteColumns, RouteFilter, RouteOperation } from '../kernel.ts';
import type { NetlinkProtocol } from './netlink-socket.ts';

export interface WorkerOptions {
  /** Path of the network namespace's file; undefined: that of the process. */
  readonly namespace: string | undefined;
  /** An Int32Array: see `stateIndex`. */
  readonly state: SharedArrayBuffer;
  /** RTNLGRP_* numbers to join; of a notification worker only. */
  readonly groups: readonly number[];
  /** Port of the request socket whose changes are not to be told; of a notification worker only. */
  readonly unheardPort: number | undefined;
}

/** Cells of the shared state. */
export const stateIndex = {
  /** 1: leave off at the next opportunity. */
  stop: 0,
  /** Memory that was posted and not yet worked on, see `memoryOf`. */
  outstanding: 1,
} as const;

/** One cell: 1 where the answer is not wanted any more. */
export type Cancellation = Int32Array<SharedArrayBuffer>;

interface Work {
  readonly id: number;
  readonly protocol: NetlinkProtocol;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Requests, in order; only failures are of interest. */
export interface BatchWork extends Work {
  readonly kind: 'batch';
}

/** One request with answers, such as a dump. */
export interface QueryWork extends Work {
  readonly kind: 'query';
  readonly cancellation: Cancellation | undefined;
}

/** A dump of IP routes, into columns. */
export interface ColumnsWork extends Work {
  readonly kind: 'columns';
  readonly cancellation: Cancellation | undefined;
  readonly filter: RouteFilter;
}

/** One operation with IP routes in columns, encoded beside the main thread: the n-th message has the sequence number `sequence + n`. */
export interface RoutesWork {
  readonly kind: 'routes';
  readonly id: number;
  readonly protocol: 'route';
  readonly op: RouteOperation;
  readonly routes: RouteColumns;
  readonly sequence: number;
  readonly cancellation: Cancellation | undefined;
}

export type WorkerRequest = BatchWork | QueryWork | ColumnsWork | RoutesWork | { readonly kind: 'close' };

export type WorkerReply =
  /** `port`: the netlink port of the request socket; 0 of a notification worker. */
  | { readonly kind: 'ready'; readonly port: number }
  /** A datagram of answers to a query. */
  | { readonly kind: 'answer'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The end of a work that was done. `failures`: NLMSG_ERROR messages, and an NLMSG_DONE that says the query failed. */
  | {
      readonly kind: 'end';
      readonly id: number;
      readonly failures: Uint8Array<ArrayBuffer>;
      readonly interrupted: boolean;
      readonly columns?: RouteColumns;
      /** Routes that no message can carry, by their number, and why. */
      readonly refused?: ReadonlyMap<number, string>;
      /** The memory of a batch, back for the next one. */
      readonly spare?: ArrayBuffer;
    }
  /** The socket broke under this one, or what came cannot be read. */
  | { readonly kind: 'broken'; readonly id: number; readonly reason: string }
  | { readonly kind: 'cancelled'; readonly id: number }
  /** Of a notification worker. */
  | { readonly kind: 'notifications'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'overrun' };

/** What bytes on their way between threads cost, in bytes: of a short one most is not its contents. */
export function memoryOf(bytes: Uint8Array): number {
  return bytes.length + 512;
}
