// The one door to the kernel's networking state besides nftables: what the socket and the fake kernel both implement.
// Knows no VPNs. Times are milliseconds.
import type { RtnetlinkError } from './errors.ts';
import type { KernelObject } from './objects.ts';

/**
 * What to do with an object.
 * - `add`: NLM_F_CREATE | NLM_F_EXCL: EEXIST when it is there.
 * - `replace`: NLM_F_CREATE | NLM_F_REPLACE.
 * - `set`: neither: changes what is there (a link's facts), ENODEV or ENOENT when it is not.
 * - `delete`: sends the object's key only, so that a delete does not fail over facts that changed.
 * A fou port has no `replace` and no `set` in the kernel: `replace` is an `add`, `set` is refused.
 */
export type Operation = 'add' | 'replace' | 'set' | 'delete';

export interface Request {
  readonly op: Operation;
  readonly object: KernelObject;
}

export type DumpFilter =
  | { readonly object: 'link' }
  | { readonly object: 'address'; readonly family?: 'ipv4' | 'ipv6' }
  | { readonly object: 'neighbour'; readonly index?: number; readonly family?: 'ipv4' | 'ipv6' }
  | {
      readonly object: 'route';
      readonly family: 'ipv4' | 'ipv6' | 'mpls';
      readonly table?: number;
      readonly protocol?: number;
    }
  | { readonly object: 'nexthop' }
  | { readonly object: 'rule'; readonly family: 'ipv4' | 'ipv6' }
  | { readonly object: 'qdisc'; readonly index: number }
  | { readonly object: 'filter'; readonly index: number; readonly hook: 'ingress' | 'egress' }
  | { readonly object: 'fou' };

/** The objects that a filter dumps. */
export type Dumped<F extends DumpFilter> = Extract<KernelObject, { readonly object: F['object'] }>;

export type NotificationGroup =
  | 'link'
  | 'address'
  | 'neighbour'
  | 'route-ipv4'
  | 'route-ipv6'
  | 'route-mpls'
  | 'nexthop'
  | 'rule';

/** What the kernel said, unasked. `overrun`: notifications were lost, only a dump tells the truth. */
export type Notification =
  | { readonly type: 'new' | 'delete'; readonly object: KernelObject }
  | { readonly type: 'overrun' };

export interface Rtnetlink {
  /**
   * Sends the requests in order, in as few system calls as fit, and goes on after a failed one.
   * @returns one verdict a request, in the same order: undefined where the kernel agreed, an error of code `kernel` where it did not, or
   *   `invalid` where the request holds a value that no message can carry; that one was not sent.
   * @throws RtnetlinkError with code `closed` or `socket` when the door itself is broken: what was done then is not known.
   */
  execute(requests: readonly Request[]): Promise<readonly (RtnetlinkError | undefined)[]>;
  /**
   * All objects that match, filtered in the kernel where it can; an interrupted dump is repeated. What the kernel has not (a table, a device,
   * MPLS, fou) has no objects.
   * @throws RtnetlinkError
   */
  dump<F extends DumpFilter>(filter: F): Promise<readonly Dumped<F>[]>;
  /** Calls `listener` for each notification, our own included, until the returned function is called. */
  subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
  ): Promise<() => void>;
  close(): Promise<void>;
}

/** Sysctls under /proc/sys/net, for which the kernel has no netlink. */
export interface Sysctl {
  /** @param path below /proc/sys, '/'-separated as device names may hold dots: `net/mpls/conf/trk.100/input`. @returns undefined when it does not exist. */
  read(path: string): Promise<string | undefined>;
  /** @throws RtnetlinkError naming the path when it does not exist or may not be written. */
  write(path: string, value: string): Promise<void>;
}
