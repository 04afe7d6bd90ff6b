// A table as large as a provider's: read, beside the C program and beside iproute2; and what both reading and programming it leave of the main
// thread's time.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Figure, figure, limitFigure } from '@hostpe/bench';
import { type Alone, startAlone } from './alone.ts';
import { type Bench, readTable } from './compare.ts';
import { nexthopCount } from './namespace.ts';
import { columnsOf, removeRoutes } from './ours.ts';
import { benchTable, type Cost, measure } from './side.ts';

const main = join(import.meta.dirname, 'netlink.bench.ts');
const fullSize = 1_000_000;
const dumpRounds = 3;
/** CPU µs a route, MB, ms, ms. */
const limits = { dumpCpu: 0.6, dumpMemory: 30, dumpDelay: 20, changeDelay: 50 } as const;

export async function benchDump(bench: Bench): Promise<Figure[]> {
  const { kernel, program } = bench;
  const count = Math.min(fullSize, bench.mostRoutes);
  const family = 'ipv4';
  const job = { family, count, shift: 0, nexthops: nexthopCount } as const;
  for (const error of (await kernel.executeRoutes('add', columnsOf(job))).values()) throw error;
  const { right } = await readTable(bench, job);
  if (right !== count) throw new Error(`${right} of ${count} routes`);
  const ours: Alone[] = [];
  const costs = { program: [] as Cost[], iproute2: [] as Cost[] };
  const turns = [
    async () => void ours.push(await startAlone(main, 'dump', family, count)),
    async () => void (program !== undefined && costs.program.push(await program.dump(family))),
    async () => void costs.iproute2.push(await measure(() => readByIproute2(count))),
  ];
  for (let round = 0; round < dumpRounds; round++) {
    bench.say(`dump of ${count} routes: round ${round + 1} of ${dumpRounds}`);
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
  await removeRoutes(kernel, job);
  const lost = ours.find(({ routes }) => routes !== count);
  if (lost !== undefined) throw new Error(`a dump has ${lost.routes} routes instead of ${count}`);
  const metric = `dump ${count} ${family} routes`;
  const wall = (all: readonly Cost[]) => all.map((cost) => cost.wall);
  const cpu = (all: readonly Cost[]) => all.map((cost) => ((cost.cpu ?? Number.NaN) * 1e6) / count);
  const speed = (cost: number): number => count / cost;
  const beside = (against: string, all: readonly Cost[]) => [
    figure({ metric, unit: 'routes/s', against, goal: null }, { ours: wall(ours), other: wall(all) }, speed),
  ];
  return [
    limitFigure(metric, 'µs CPU/route', cpu(ours), limits.dumpCpu),
    limitFigure(
      metric,
      'MB held',
      ours.map(({ held }) => held),
      limits.dumpMemory,
    ),
    limitFigure(
      metric,
      'MB at its peak',
      ours.map(({ peak }) => peak),
      limits.dumpMemory,
    ),
    limitFigure(
      metric,
      'ms of event loop delay',
      ours.map(({ delay }) => delay),
      limits.dumpDelay,
    ),
    ...(program === undefined
      ? []
      : [
          ...beside('C program', costs.program),
          figure(
            { metric, unit: 'µs CPU/route', against: 'C program', goal: null },
            { ours: cpu(ours), other: cpu(costs.program) },
          ),
        ]),
    ...beside('ip -j route, JSON.parse', costs.iproute2),
  ];
}

function readByIproute2(count: number): void {
  const args = ['-j', 'route', 'show', 'table', String(benchTable)];
  const routes: unknown[] = JSON.parse(execFileSync('ip', args, { encoding: 'utf8', maxBuffer: 1 << 29 }));
  if (routes.length !== count) throw new Error(`ip -j route has ${routes.length} routes instead of ${count}`);
}

/** What it leaves of the main thread's time to program the table. */
const programmed = [
  { family: 'ipv4', form: 'objects', rounds: 3 },
  { family: 'ipv4', form: 'columns', rounds: 1 },
  { family: 'ipv6', form: 'objects', rounds: 1 },
] as const;

export async function benchEventLoop({ kernel, program, mostRoutes, say }: Bench): Promise<Figure[]> {
  const count = Math.min(fullSize, mostRoutes);
  const figures: Figure[] = [];
  for (const { family, form, rounds } of programmed) {
    const job = { family, count, shift: 0, nexthops: nexthopCount };
    const delays: number[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`event loop while ${count} ${family} routes go in, ${form}: round ${round + 1} of ${rounds}`);
      delays.push((await startAlone(main, form, family, count)).delay);
      const { right } = await readTable({ kernel, program }, job);
      if (right !== count) throw new Error(`${right} of ${count} ${family} routes`);
      await removeRoutes(kernel, job);
    }
    const metric = `add ${count} ${family} routes, ${form}`;
    figures.push(limitFigure(metric, 'ms of event loop delay', delays, limits.changeDelay));
  }
  return figures;
}
