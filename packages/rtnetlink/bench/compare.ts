// Has several sides do the same work in turns and tells what it cost each. Nobody is credited before the kernel's table was read and found right.

import { type Figure, figure } from '@hostpe/bench';
import type { Rtnetlink } from '../src/kernel.ts';
import { flushTable } from './namespace.ts';
import { checkByDump } from './ours.ts';
import type { Program } from './program.ts';
import { benchTable, type Change, type Cost, type Family, type Job, type Side } from './side.ts';

/** What the benchmark runs in. */
export interface Bench {
  readonly kernel: Rtnetlink;
  /** Undefined where there is no compiler. */
  readonly program: Program | undefined;
  /** For files; ends with the benchmark. */
  readonly directory: string;
  /** The largest table that may be made. */
  readonly mostRoutes: number;
  /** Tells people what happens. */
  readonly say: (line: string) => void;
}

/** Every route changes its nexthop when it is replaced. */
const shifts = { add: 0, replace: 1, delete: 1 } as const;

export interface Contest {
  readonly family: Family;
  readonly count: number;
  readonly nexthops: number;
  /** Odd, for the median. */
  readonly rounds: number;
  /** The goal is for the first; the others are there to be known. */
  readonly ours: readonly Side[];
  readonly peer: {
    readonly side: Side;
    /** The least ratio that the project wants, of wall time. */
    readonly goal: number | null;
  };
}

/** @returns figures for each of ours beside the peer; none for a peer that failed, and a line that says why. */
export async function compare(bench: Bench, contest: Contest): Promise<Figure[]> {
  const { family, rounds, ours, peer } = contest;
  const sides = [...ours, peer.side];
  const costs: Costs = new Map(sides.map((side) => [side, { add: [], replace: [], delete: [] }]));
  for (let round = 0; round < rounds; round++) {
    // Another one is first each time.
    const order = [...sides.slice(round % sides.length), ...sides.slice(0, round % sides.length)];
    for (const side of order)
      try {
        await runCycle(bench, contest, side, (op, cost) => costs.get(side)?.[op].push(cost));
      } catch (error) {
        if (side !== peer.side) throw error;
        bench.say(`${side.name} failed: ${error instanceof Error ? error.message : String(error)}`);
        await side.clear(family).catch(() => {});
        await flushTable(family);
        return [];
      }
  }
  return ours.flatMap((side) => peer.side.ops.flatMap((op) => figuresOf(contest, costs, side, op)));
}

type Costs = ReadonlyMap<Side, { readonly [Op in Change]: Cost[] }>;

function figuresOf({ family, count, ours, peer }: Contest, costs: Costs, side: Side, op: Change): Figure[] {
  const of = (which: keyof Cost) => ({
    ours: (costs.get(side)?.[op] ?? []).map((cost) => cost[which] ?? Number.NaN),
    other: (costs.get(peer.side)?.[op] ?? []).map((cost) => cost[which] ?? Number.NaN),
  });
  const compared = { metric: `${op} ${count} ${family} routes, ${side.name}`, against: peer.side.name };
  const speed = { ...compared, unit: 'routes/s', goal: side === ours[0] ? peer.goal : null };
  const figures = [figure(speed, of('wall'), (cost) => count / cost)];
  const cpu = of('cpu');
  if ([...cpu.ours, ...cpu.other].every(Number.isFinite)) {
    const load = { ...compared, unit: 'µs CPU/route', goal: null };
    figures.push(figure(load, cpu, (cost) => (cost * 1e6) / count));
  }
  return figures;
}

/** From an empty table to an empty table. */
async function runCycle(
  bench: Bench,
  { family, count, nexthops }: Contest,
  side: Side,
  credit: (op: Change, cost: Cost) => void,
): Promise<void> {
  for (const op of ['add', 'replace', 'delete'] as const) {
    const job = { op, family, count, shift: shifts[op], nexthops };
    if (side.ops.includes(op)) {
      const cost = await side.change(job);
      await verify(bench, job, side);
      credit(op, cost);
    } else if (op === 'delete') await side.clear(family);
  }
}

/** @throws Error where the kernel does not hold what was asked for. */
async function verify(
  bench: Bench,
  job: Job,
  { name, byNexthopId, table = benchTable }: Side,
): Promise<void> {
  const wanted = job.op === 'delete' ? 0 : job.count;
  const { routes, right } = await readTable(bench, job, { byNexthopId, table });
  // Who is not told where to put its routes shares a table with the kernel's own.
  const tooMany = table === benchTable && routes !== right;
  if (right !== wanted || tooMany)
    throw new Error(
      `${job.op} by ${name}: the kernel holds ${routes} routes, ${right} of them right, instead of ${wanted}`,
    );
}

/** By the C program, or else by our own dump. */
export async function readTable(
  { kernel, program }: Pick<Bench, 'kernel' | 'program'>,
  job: Omit<Job, 'op'>,
  options: { readonly byNexthopId: boolean; readonly table?: number } = { byNexthopId: true },
): Promise<{ readonly routes: number; readonly right: number }> {
  return program === undefined ? checkByDump(kernel, job, options.byNexthopId) : program.check(job, options);
}
