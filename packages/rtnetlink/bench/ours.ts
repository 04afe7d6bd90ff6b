// Our socket as a side: routes as objects by `execute`, as the reconciler has them, and in columns by `executeRoutes`.
// Counted: the call on an open socket, as a daemon has it, with the routes ready made.
import { newRouteColumns } from '../src/codec/route/route-columns.ts';
import type { Request, RouteColumns, Rtnetlink } from '../src/kernel.ts';
import { flushTable } from './namespace.ts';
import { benchTable, type Job, measure, nexthopOf, routesOf, type Side } from './side.ts';

export const objectsSide = (kernel: Rtnetlink): Side => ({
  name: 'objects',
  ops: ['add', 'replace', 'delete'],
  byNexthopId: true,
  clear: flushTable,
  change: async (job) => {
    const requests = requestsOf(job);
    return measure(() => executeAll(kernel, requests));
  },
});

export const columnsSide = (kernel: Rtnetlink): Side => ({
  name: 'columns',
  ops: ['add', 'replace', 'delete'],
  byNexthopId: true,
  clear: flushTable,
  change: async (job) => {
    const columns = columnsOf(job);
    return measure(async () => {
      for (const error of (await kernel.executeRoutes(job.op, columns)).values()) throw error;
    });
  },
});

/** @throws the first error. */
export async function executeAll(kernel: Rtnetlink, requests: readonly Request[]): Promise<void> {
  const failed = (await kernel.execute(requests)).find((error) => error !== undefined);
  if (failed !== undefined) throw failed;
}

export function requestsOf(job: Job): Request[] {
  return routesOf(job).map((object) => ({ op: job.op, object }));
}

/** Of shared memory, as whoever has many routes makes them. */
export function columnsOf({ family, count, shift, nexthops }: Omit<Job, 'op'>): RouteColumns {
  const words = family === 'ipv4' ? 1 : 4;
  const columns = newRouteColumns(family, count);
  for (let route = 0; route < count; route++) {
    if (family === 'ipv4') columns.addresses[route] = 0x0a000000 + route;
    else {
      columns.addresses[route * words] = 0xfd000000;
      columns.addresses[route * words + words - 1] = route;
    }
    columns.nexthopIds[route] = nexthopOf({ shift, nexthops }, route);
  }
  columns.prefixLengths.fill(words * 32);
  columns.tables.fill(benchTable);
  columns.protocols.fill(protocolBoot);
  return columns;
}

const protocolBoot = 3;

/** Takes away what one of ours has added. */
export async function removeRoutes(kernel: Rtnetlink, job: Omit<Job, 'op'>): Promise<void> {
  for (const error of (await kernel.executeRoutes('delete', columnsOf(job))).values()) throw error;
}

/** The table's contents by our own dump, where no other program can be had. */
export async function checkByDump(
  kernel: Rtnetlink,
  { family, count, shift, nexthops }: Omit<Job, 'op'>,
  byNexthopId: boolean,
): Promise<{ readonly routes: number; readonly right: number }> {
  const held = await kernel.dumpRoutes({ family, table: benchTable });
  const expected = columnsOf({ family, count, shift, nexthops });
  const words = family === 'ipv4' ? 1 : 4;
  const seen = new Uint8Array(count);
  let right = 0;
  for (let at = 0; at < held.length; at++) {
    const route = (held.addresses[at * words + words - 1] ?? 0) - (family === 'ipv4' ? 0x0a000000 : 0);
    const wanted = !byNexthopId || held.nexthopIds[at] === expected.nexthopIds[route];
    if (seen[route] === 0 && held.prefixLengths[at] === words * 32 && wanted) right++;
    seen[route] = 1;
  }
  return { routes: held.length, right };
}
