// The C program beside us: compiled when the benchmark starts, run as a process of its own. Reads the kernel's table for all sides.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { endChild, runChild, startChild } from './child.ts';
import { flushTable } from './namespace.ts';
import { benchTable, type Cost, type Family, type Job, type Side } from './side.ts';

const source = join(import.meta.dirname, 'program-routes.c');

/** Messages that go to the kernel in one system call: as many as ours. */
const batch = 2048;

interface Heard {
  readonly wall: number;
  readonly routes: number;
}

export interface Program {
  readonly side: Side;
  /** @returns how many routes the table holds, and how many of the job's are right. */
  check(
    job: Omit<Job, 'op'>,
    options?: { readonly table?: number; readonly byNexthopId?: boolean },
  ): Promise<{ readonly routes: number; readonly right: number }>;
  dump(family: Family): Promise<Cost & { readonly routes: number }>;
  /**
   * Listens to notifications from when this resolves.
   * @param count 0: until a route appears in the table with the next number.
   * @returns `heard`: how many new routes there were in the table, `count` at the least, and seconds between the first and the last.
   */
  watch(
    family: Family,
    table: number,
    count: number,
  ): Promise<{ readonly heard: Promise<Heard>; readonly stop: () => Promise<void> }>;
}

/** @param directory where the executable goes. @throws Error where there is no compiler, or it refuses. */
export function compileProgram(directory: string): Program {
  const file = join(directory, 'program-routes');
  const compiler = process.env['CC'] ?? 'cc';
  try {
    execFileSync(compiler, ['-O2', '-o', file, source], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (cause) {
    throw new Error(`no C program: ${compiler} does not work (apt-get install gcc libc6-dev)`, { cause });
  }
  const ask = async (...args: readonly (string | number)[]): Promise<Record<string, number>> => {
    return JSON.parse(await runChild(file, args.map(String)));
  };
  return {
    side: {
      name: 'C program',
      ops: ['add', 'replace', 'delete'],
      byNexthopId: true,
      clear: flushTable,
      change: async ({ op, family, count, shift, nexthops }) =>
        costOf(await ask(op, family, benchTable, count, shift, nexthops, batch)),
    },
    check: async ({ family, count, shift, nexthops }, { table = benchTable, byNexthopId = true } = {}) => {
      const held = await ask('check', family, table, count, shift, byNexthopId ? nexthops : 0);
      return { routes: held['routes'] ?? Number.NaN, right: held['right'] ?? Number.NaN };
    },
    dump: async (family) => {
      const dumped = await ask('dump', family, benchTable);
      return { ...costOf(dumped), routes: dumped['routes'] ?? Number.NaN };
    },
    watch: async (family, table, count) => {
      const args = ['watch', family, String(table), String(count)];
      const watcher = startChild(file, args, ['ignore', 'pipe', 'inherit']);
      let printed = '';
      const ready = new Promise<void>((resolve) => {
        watcher.stdout?.on('data', (bytes) => {
          printed += bytes;
          if (printed.includes('\n')) resolve();
        });
      });
      const heard = new Promise<Heard>((resolve, reject) => {
        watcher.once('close', (status) => {
          if (status === 0) resolve(heardOf(JSON.parse(printed.split('\n')[1] ?? '')));
          else reject(new Error(`not all ${count || ''} routes were heard of`));
        });
      });
      // Awaited only after what it listens to was started, and that may fail first.
      heard.catch(() => {});
      await Promise.race([ready, heard]);
      return { heard, stop: () => endChild(watcher) };
    },
  };
}

function costOf(printed: Record<string, number>): Cost {
  return { wall: (printed['wall'] ?? Number.NaN) / 1e9, cpu: (printed['cpu'] ?? Number.NaN) / 1e9 };
}

function heardOf(printed: Record<string, number>): Heard {
  return { wall: costOf(printed).wall, routes: printed['heard'] ?? Number.NaN };
}
