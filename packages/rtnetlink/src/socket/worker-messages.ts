// What the main thread and the workers that hold the sockets tell each other. Bytes are handed over, not copied.
import type { NetlinkProtocol } from './netlink-socket.ts';

export interface WorkerOptions {
  /** Path of the network namespace's file; undefined: that of the process. */
  readonly namespace: string | undefined;
  /** An Int32Array: see `stateIndex`. */
  readonly state: SharedArrayBuffer;
  /** RTNLGRP_* numbers to join; of a notification worker only. */
  readonly groups: readonly number[];
}

/** Cells of the shared state. */
export const stateIndex = {
  /** 1: leave off at the next opportunity. */
  stop: 0,
  /** Memory of notifications that were posted and not yet worked on, see `memoryOf`. */
  outstanding: 1,
} as const;

export type WorkerRequest =
  /** Requests, in order; only failures are of interest. */
  | {
      readonly kind: 'batch';
      readonly id: number;
      readonly protocol: NetlinkProtocol;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  /** One request with answers, such as a dump. */
  | {
      readonly kind: 'query';
      readonly id: number;
      readonly protocol: NetlinkProtocol;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'close' };

export type WorkerReply =
  | { readonly kind: 'ready' }
  /** A datagram of answers to a query. */
  | { readonly kind: 'answer'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The end of a batch or a query. `failures`: NLMSG_ERROR messages, and an NLMSG_DONE that says the query failed. */
  | {
      readonly kind: 'end';
      readonly id: number;
      readonly failures: Uint8Array<ArrayBuffer>;
      readonly interrupted: boolean;
    }
  /** The socket broke under this one. */
  | { readonly kind: 'broken'; readonly id: number; readonly reason: string }
  /** Of a notification worker. */
  | { readonly kind: 'notifications'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'overrun' };

/** What a datagram on its way between threads costs, in bytes: most of it is not its contents. */
export function memoryOf(datagram: Uint8Array): number {
  return datagram.length + 512;
}
