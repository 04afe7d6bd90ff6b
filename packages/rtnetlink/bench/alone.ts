// What is measured in a process that does nothing else, as other work would be seen in its memory and in its event loop: a dump of a large table,
// and the programming of one. The first half runs in that process, the second half starts it and takes what it prints.
import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type { Rtnetlink } from '../src/kernel.ts';
import { openRtnetlink } from '../src/open.ts';
import { runChild } from './child.ts';
import { nexthopCount } from './namespace.ts';
import { columnsOf, executeAll, requestsOf } from './ours.ts';
import { benchTable, type Cost, type Family, measure } from './side.ts';

export interface Alone extends Cost {
  /** Longest time that the main thread's event loop stood still, ms. */
  readonly delay: number;
  /** By how much the process has grown when all is done and the result is held, and at its worst. MB. */
  readonly held: number;
  readonly peak: number;
  readonly routes: number;
}

type Work = 'dump' | 'objects' | 'columns';

/** @param args what to do, family, number of routes. @returns what is to be printed. */
export async function workAlone(args: readonly string[]): Promise<Alone> {
  const [work, familyName, countText] = args;
  const family: Family = familyName === 'ipv6' ? 'ipv6' : 'ipv4';
  const kernel = await openRtnetlink();
  try {
    return await observe(prepare(kernel, work as Work, family, Number(countText)));
  } finally {
    await kernel.close();
  }
}

/** @returns the work, with what it needs ready made; its result is to be held until memory is measured. */
function prepare(
  kernel: Rtnetlink,
  work: Work,
  family: Family,
  count: number,
): () => Promise<{ readonly length: number }> {
  if (work === 'dump') return () => kernel.dumpRoutes({ family, table: benchTable });
  const job = { family, count, shift: 0, nexthops: nexthopCount };
  if (work === 'columns') {
    const columns = columnsOf(job);
    return async () => {
      for (const error of (await kernel.executeRoutes('add', columns)).values()) throw error;
      return columns;
    };
  }
  const requests = requestsOf({ op: 'add', ...job });
  return async () => {
    await executeAll(kernel, requests);
    return requests;
  };
}

async function observe(work: () => Promise<{ readonly length: number }>): Promise<Alone> {
  globalThis.gc?.();
  await setTimeout(50);
  // proc(5): 5 makes the peak what it is now.
  writeFileSync('/proc/self/clear_refs', '5');
  const before = memory();
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  let result: { readonly length: number } | undefined;
  const cost = await measure(async () => {
    result = await work();
  });
  // The monitor is told of what stood still last only when it is over.
  await setTimeout(10);
  monitor.disable();
  const after = memory();
  return {
    ...cost,
    delay: monitor.max / 1e6,
    held: after.now - before.now,
    peak: after.peak - before.now,
    routes: result?.length ?? 0,
  };
}

/** Resident memory, MB. */
function memory(): { readonly now: number; readonly peak: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1000;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

/** @param main the benchmark's own file, which runs `workAlone` when its first argument is `alone`. */
export async function startAlone(main: string, work: Work, family: Family, count: number): Promise<Alone> {
  const args = ['--expose-gc', main, 'alone', work, family, String(count)];
  return JSON.parse(await runChild(process.execPath, args));
}
