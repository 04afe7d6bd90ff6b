// The one door to the kernel's networking state besides nftables: what the socket and the fake kernel both implement.
// Knows no VPNs. Times are milliseconds.
import type { RtnetlinkError } from './errors.ts';
import type { IpRoute, KernelObject, MplsRoute, RouteFamily } from './objects.ts';
import type { SysctlKey, SysctlValue } from './sysctl-keys.ts';

/**
 * What to do with an object.
 * - `add`: NLM_F_CREATE | NLM_F_EXCL: EEXIST when it is there.
 * - `replace`: NLM_F_CREATE | NLM_F_REPLACE.
 * - `set`: neither: changes what is there (a link's facts), ENODEV or ENOENT when it is not.
 * - `delete`: sends the object's key only, so that a delete does not fail over facts that changed.
 * A fou port has no `replace` and no `set` in the kernel: `replace` is an `add`, `set` is refused.
 */
export type Operation = 'add' | 'replace' | 'set' | 'delete';

export type RouteOperation = Exclude<Operation, 'set'>;

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
  | { readonly object: 'fou' }
  | { readonly object: 'netconf'; readonly family: RouteFamily };

/** The objects that a filter dumps. */
export type Dumped<F extends DumpFilter> = F extends { readonly object: 'route'; readonly family: infer G }
  ? G extends 'mpls'
    ? MplsRoute
    : IpRoute
  : Extract<KernelObject, { readonly object: F['object'] }>;

/** Which IP routes `dumpRoutes` reads. */
export interface RouteFilter {
  readonly family: 'ipv4' | 'ipv6';
  readonly table?: number;
  readonly protocol?: number;
}

/**
 * IP routes in columns, for tables too large to be objects: the n-th route has the n-th element of each. Tables may be mixed, families not.
 * Anybody may make them, of any typed arrays; `newRouteColumns` makes such as need not be copied.
 */
export interface RouteColumns {
  readonly family: 'ipv4' | 'ipv6';
  /** How many routes there are. */
  readonly length: number;
  /** Destinations as numbers, most significant first: one element a route of IPv4, four of IPv6. */
  readonly addresses: Uint32Array;
  readonly prefixLengths: Uint8Array;
  readonly tables: Uint32Array;
  /** RTA_NH_ID; 0: the route has no nexthop object. */
  readonly nexthopIds: Uint32Array;
  readonly metrics: Uint32Array;
  readonly protocols: Uint8Array;
  /** RTN_*, 1: unicast. */
  readonly types: Uint8Array;
}

export type NotificationGroup =
  | 'link'
  | 'address'
  | 'neighbour'
  | 'route-ipv4'
  | 'route-ipv6'
  | 'route-mpls'
  | 'nexthop'
  | 'rule'
  | 'netconf';

/** What the kernel said, unasked. `overrun`: notifications were lost, only a dump tells the truth. */
export type Notification =
  | { readonly type: 'new' | 'delete'; readonly object: KernelObject }
  | { readonly type: 'overrun' };

export interface Rtnetlink {
  /**
   * Sends the requests in order, in as few system calls as fit, and goes on after a failed one.
   * @param options.signal ends it between two batches: what was sent by then stands.
   * @returns one verdict a request, in the same order: undefined where the kernel agreed, an error of code `kernel` where it did not, or
   *   `invalid` where the request holds a value that no message can carry or the kernel would misread; that one was not sent.
   * @throws RtnetlinkError with code `closed` or `socket` when the door itself is broken: what was done then is not known.
   * @throws the signal's reason.
   */
  execute(
    requests: readonly Request[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly (RtnetlinkError | undefined)[]>;
  /**
   * As `execute`, of one operation with IP routes in columns, for tables of a million: many times as fast to prepare. A route of type unicast
   * needs a nexthop id; a metric of 0 is the kernel's default. A delete takes no route that leads to another
   * nexthop id than its columns say; the protocol it does not compare.
   * Calls work on one after the other, in order, so that the next one can be made before the last has ended.
   * @param routes belong to the call until it ends: columns of `newRouteColumns` are read while it runs, and a change to them may or may not
   *   get to the kernel; columns of other memory are copied first, some 20 ns a route.
   * @returns the errors by the number of the route; empty where the kernel agreed to all. Each has errno and the kernel's words as those of
   *   `execute` have; they cost microseconds each, so that whoever fears that all fail gives some 16,000 routes at a time.
   * @throws RtnetlinkError as `execute`, and `invalid` where the columns are not of one length: nothing was sent then.
   */
  executeRoutes(
    op: RouteOperation,
    routes: RouteColumns,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ReadonlyMap<number, RtnetlinkError>>;
  /**
   * All objects that match, filtered in the kernel where it can; an interrupted dump is repeated. What the kernel has not (a table, a device,
   * MPLS, fou) has no objects.
   * @throws RtnetlinkError
   * @throws the signal's reason; the rest of the dump is not read then.
   */
  dump<F extends DumpFilter>(
    filter: F,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly Dumped<F>[]>;
  /** As `dump`, of IP routes, in columns: some 20 bytes a route, and made beside the main thread. */
  dumpRoutes(filter: RouteFilter, options?: { readonly signal?: AbortSignal }): Promise<RouteColumns>;
  /**
   * Calls `listener` for each notification until the returned function is called or the signal fires.
   * @param options.own false: not for what `execute` of this door changed, as far as the kernel says whose it was. It does of routes,
   *   nexthops, rules and IPv4 addresses, and of new neighbours; never of links and IPv6 addresses, nor of what goes or comes as a
   *   consequence, such as the routes of an address. What is not told cannot overrun the buffer either.
   */
  subscribe(
    groups: readonly NotificationGroup[],
    listener: (notification: Notification) => void,
    options?: { readonly own?: boolean; readonly signal?: AbortSignal },
  ): Promise<() => void>;
  /** Ends every subscription and rejects what is under way; idempotent. */
  close(): Promise<void>;
}

/** Sysctls under /proc/sys/net, for which the kernel has no netlink. */
export interface Sysctl {
  /**
   * @returns undefined where the kernel has not this sysctl: its device or module is not there.
   * @throws RtnetlinkError with code `sysctl`, naming the path, where it may not be read, and its content where that is no integer.
   */
  get<K extends SysctlKey>(key: K): Promise<SysctlValue<K> | undefined>;
  /**
   * @throws RtnetlinkError with code `invalid`, naming path and range, for a value that the sysctl cannot hold: nothing is written then;
   *   `sysctl`, naming path and value, where the sysctl does not exist or the kernel refuses.
   */
  set<K extends SysctlKey>(key: K, value: SysctlValue<K>): Promise<void>;
}
