// What all that is compared has in common: a piece of work, what it cost, and who does it. Times are seconds.
import { parseIpPrefix } from '@hostpe/net';
import type { IpRoute } from '../src/objects.ts';

export type Change = 'add' | 'replace' | 'delete';
export type Family = 'ipv4' | 'ipv6';

/** The table that every side programs: the kernel is in the same state for each, as one leaves it empty for the next. */
export const benchTable = 1000;

/** To do one thing to all routes of a table: route n leads to nexthop 1 + (n + shift) % nexthops. */
export interface Job {
  readonly op: Change;
  readonly family: Family;
  readonly count: number;
  readonly shift: number;
  readonly nexthops: number;
}

export interface Cost {
  readonly wall: number;
  /** CPU time of all threads; undefined where it cannot be known. */
  readonly cpu: number | undefined;
}

/** One of those who are compared. */
export interface Side {
  readonly name: string;
  /** What of it is counted. */
  readonly ops: readonly Change[];
  /** Where its routes are; absent: `benchTable`. */
  readonly table?: number;
  /** False: it has its own way to reach where a nexthop object would lead. */
  readonly byNexthopId: boolean;
  /** @throws Error where it failed; the table holds whatever it left then. */
  change(job: Job): Promise<Cost>;
  /** Takes its routes away, where that is not counted. */
  clear(family: Family): Promise<void>;
}

/** Of the n-th route: 10.0.0.0 + n, or fd00:: + n. */
function addressOf(family: Family, route: number): string {
  if (family === 'ipv4') return `10.${route >> 16}.${(route >> 8) & 255}.${route & 255}`;
  const low = (route & 0xffff).toString(16);
  return route >> 16 === 0 ? `fd00::${route === 0 ? '' : low}` : `fd00::${(route >> 16).toString(16)}:${low}`;
}

const made: { readonly [F in Family]: IpRoute['prefix'][] } = { ipv4: [], ipv6: [] };

/** Host prefixes, contiguous. @returns at least `count`; made once, shared by all. */
export function prefixesOf(family: Family, count: number): readonly IpRoute['prefix'][] {
  const prefixes = made[family];
  const length = family === 'ipv4' ? 32 : 128;
  while (prefixes.length < count)
    prefixes.push(parseIpPrefix(`${addressOf(family, prefixes.length)}/${length}`));
  return prefixes;
}

export function nexthopOf({ shift, nexthops }: Pick<Job, 'shift' | 'nexthops'>, route: number): number {
  return 1 + ((route + shift) % nexthops);
}

/** @returns the n-th of `count` routes, by nexthop id. */
export function routesOf(job: Omit<Job, 'op'>): IpRoute[] {
  return prefixesOf(job.family, job.count)
    .slice(0, job.count)
    .map((prefix, route) => ({
      object: 'route',
      family: job.family,
      table: benchTable,
      prefix,
      nexthopId: nexthopOf(job, route),
    }));
}

/** Measures in this process; call it when nothing else runs in it. */
export async function measure(work: () => Promise<void> | void): Promise<Cost> {
  // What was made ready may have left something to collect; that is not of the work.
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6 };
}
