// Programs tables of routes by nexthop id: ours beside the C program, at full size, and beside all others that are installed, at a size that
// each of them gets through in a second or so.
import { join } from 'node:path';
import type { Figure } from '@hostpe/bench';
import { birdSide } from './bird.ts';
import { type Bench, type Contest, compare } from './compare.ts';
import { nexthopCount } from './namespace.ts';
import { watchedSide } from './notified.ts';
import { columnsSide, objectsSide } from './ours.ts';
import { iproute2Side, npmNetlinkSide, pyroute2Side } from './peers.ts';
import type { Family, Side } from './side.ts';
import { zebraImportSide, zebraSide } from './zebra.ts';

/** Rounds are odd, for the median, and few where one takes half a minute. */
const besideC = [
  { family: 'ipv4', size: 200_000, rounds: 5 },
  { family: 'ipv6', size: 200_000, rounds: 9 },
  { family: 'ipv4', size: 1_000_000, rounds: 5 },
  { family: 'ipv6', size: 1_000_000, rounds: 5 },
] as const;
const smallest = 200_000;
const roundsBesideOthers = 3;
const goals = { program: 0.95, others: 3 } as const;

interface Peer {
  readonly side: Side;
  readonly size: number;
  readonly families: readonly Family[];
  /** Ours, and what shows the limit, counted as this one is. */
  readonly ours: readonly Side[];
  /** Whether it is how the peer is used; default true. */
  readonly isUsual?: boolean;
}

/** Beside every program that is installed. */
export async function benchOthers(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { side, size, families, ours, isUsual = true } of await findPeers(bench)) {
    const peer = { side, goal: isUsual ? goals.others : null };
    for (const family of families)
      figures.push(
        ...(await contend(bench, { family, count: size, rounds: roundsBesideOthers, ours, peer })),
      );
  }
  return figures;
}

/** Beside the C program. */
export async function benchProgram(bench: Bench): Promise<Figure[]> {
  const { kernel, program, mostRoutes } = bench;
  const figures: Figure[] = [];
  if (program === undefined) return figures;
  // The daemons hold their routes in columns.
  const ours = [columnsSide(kernel), objectsSide(kernel)];
  const peer = { side: program.side, goal: goals.program };
  for (const { family, size, rounds } of besideC)
    if (size <= Math.max(mostRoutes, smallest))
      figures.push(...(await contend(bench, { family, count: size, rounds, ours, peer })));
  return figures;
}

async function contend(bench: Bench, contest: Omit<Contest, 'nexthops'>): Promise<Figure[]> {
  const count = Math.min(contest.count, bench.mostRoutes);
  bench.say(`${contest.peer.side.name}: ${count} ${contest.family} routes`);
  return compare(bench, { ...contest, count, nexthops: nexthopCount });
}

/** Says of each that cannot take part why. */
async function findPeers({ kernel, program, directory, say }: Bench): Promise<Peer[]> {
  const columns = columnsSide(kernel);
  const both = ['ipv4', 'ipv6'] as const;
  const main = join(import.meta.dirname, 'netlink.bench.ts');
  const candidates: (() => Peer | Promise<Peer>)[] = [
    () => ({ side: iproute2Side(directory), size: 50_000, families: both, ours: [columns] }),
    async () => ({ side: await npmNetlinkSide(main), size: 10_000, families: both, ours: [columns] }),
    () => ({ side: pyroute2Side(), size: 2000, families: ['ipv4'], ours: [columns] }),
  ];
  if (program === undefined) say('BIRD and FRR are left out: it takes the C program to time them');
  else {
    // Who listens takes a processor from who works: how much the C program loses by it says what there is to win.
    const ours = [columns, program.side].map((side) => watchedSide(program, side));
    candidates.push(
      () => ({ side: birdSide(program, directory), size: 50_000, families: both, ours }),
      () => ({ side: zebraSide({ program, directory, say }), size: 50_000, families: both, ours }),
      () => ({
        side: zebraImportSide({ program, directory, say }),
        size: 50_000,
        families: ['ipv4'],
        ours,
        isUsual: false,
      }),
    );
  }
  const found: Peer[] = [];
  for (const candidate of candidates)
    try {
      found.push(await candidate());
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  return found;
}
