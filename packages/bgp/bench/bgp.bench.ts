// BGP beside the daemons of others: the same routes, the same machine, one run.
//
//   node bgp.bench.ts
//   BENCH_PEERS=10         peers that announce 10,000 routes each; 100 otherwise
//   BENCH_ROUNDS=1         how often each is measured; 3 otherwise. An odd number
//   BENCH_GOBGP_PEERS=2    as many of them for GoBGP, which takes minutes and gigabytes for all; 10 otherwise. Compared are paths a second
import { resolve } from 'node:path';
import { type Figure, figure, formatTable, limitFigure, plainFigure, writeFigures } from '@hostpe/bench';
import type { Stalls } from '@hostpe/bench/stalls';
import { type Convergence, converge, pass, stallOfDrop } from './converge.ts';
import { bird, frr, gobgp, ours, type Side } from './sides.ts';

const peers = Number(process.env['BENCH_PEERS'] ?? 100);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const gobgpPeers = Math.min(peers, Number(process.env['BENCH_GOBGP_PEERS'] ?? 10));
const table = { routes: 10_000, sets: 20, targets: 200 };

const say = (line: string) => process.stderr.write(`${line}\n`);

const costs = new Map<string, Convergence[]>();
async function measure(side: Side, count: number): Promise<void> {
  const cost = await converge(side, { peers: count, ...table });
  const { paths, time, cpu, memory } = cost;
  say(
    `${side.name}: ${paths} paths of ${count} peers in ${time.toFixed(2)} s, ${cpu.toFixed(2)} CPU s, ${(memory / paths).toFixed(0)} B a path`,
  );
  costs.set(side.name, [...(costs.get(side.name) ?? []), cost]);
}

for (let round = 0; round < rounds; round++) {
  await measure(ours, peers);
  await measure(bird, peers);
  await measure(frr, peers);
  await measure(gobgp, gobgpPeers);
}

const of = (side: Side, cost: (one: Convergence) => number) => (costs.get(side.name) ?? []).map(cost);
const perPath = ({ time, paths }: Convergence) => (1e6 * time) / paths;
const cpuPerPath = ({ cpu, paths }: Convergence) => (1e6 * cpu) / paths;
const bytesPerPath = ({ memory, paths }: Convergence) => memory / paths;
const total = (peers * table.routes).toLocaleString('en');

const figures: Figure[] = [];
for (const [side, goal] of [
  [bird, 1 / 3],
  [frr, null],
  [gobgp, 5],
] as const) {
  const size = side === gobgp ? `${total} (${gobgpPeers * table.routes})` : total;
  figures.push(
    figure(
      { metric: `take and tell ${size} VPNv4 paths`, unit: 'us/path', against: side.name, goal },
      {
        ours: of(ours, perPath),
        other: of(side, perPath),
      },
    ),
    figure(
      { metric: 'CPU of it', unit: 'us/path', against: side.name, goal: null },
      {
        ours: of(ours, cpuPerPath),
        other: of(side, cpuPerPath),
      },
    ),
    figure(
      { metric: 'memory of it', unit: 'B/path', against: side.name, goal: null },
      {
        ours: of(ours, bytesPerPath),
        other: of(side, bytesPerPath),
      },
    ),
  );
}
figures.push(limitFigure('memory of it', 'B/path', of(ours, bytesPerPath), 500));

const one = { routes: 100_000, sets: 2_000, targets: 200 };
const passed: Record<'plain' | 'constrained' | 'bird', number[]> = { plain: [], constrained: [], bird: [] };
for (let round = 0; round < rounds; round++) {
  passed.plain.push(await pass(ours, one, undefined));
  passed.constrained.push(await pass(ours, one, 1_000));
  passed.bird.push(await pass(bird, one, undefined));
}
const perRoute = (seconds: number) => (1e6 * seconds) / one.routes;
figures.push(
  figure(
    { metric: '100,000 routes from peer to peer', unit: 'us/route', against: bird.name, goal: null },
    {
      ours: passed.plain.map(perRoute),
      other: passed.bird.map(perRoute),
    },
  ),
  figure(
    { metric: 'with 1,000 route targets held', unit: 'us/route', against: 'without', goal: 1 / 1.2 },
    { ours: passed.constrained.map(perRoute), other: passed.plain.map(perRoute) },
  ),
);

const stalls: Stalls[] = [];
for (let round = 0; round < rounds; round++) stalls.push(await stallOfDrop(one, 100));
figures.push(
  limitFigure(
    'stall when a peer with 100 targets goes',
    'ms CPU',
    stalls.map(({ byCpu }) => byCpu),
    50,
  ),
  plainFigure(
    'the same by the clock',
    'ms',
    stalls.map(({ byClock }) => byClock),
  ),
);

writeFigures(resolve(import.meta.dirname, '../../../bench-results/bgp.json'), figures);
process.stdout.write(`Ratio > 1: better than the other.\n${formatTable(figures)}\n`);
process.exit();
