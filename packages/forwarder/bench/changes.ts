// What happens under 100,000 routes of one VPN: a PE changes its label or dies, and wrong hands take routes away.
import { type Figure, figure, limitFigure, plainFigure } from '@hostpe/bench';
import { VRF_TABLE_BASE } from '@hostpe/reconciler';
import type { VpnNexthop } from '@hostpe/signaling';
import type { Daemon } from './daemon.ts';
import { type Cost, measure } from './measure.ts';
import { ip } from './namespace.ts';
import { endOfRib, nexthopOf, routeEvents } from './routes.ts';
import { type Bench, checkRoutes, openScene } from './scene.ts';

const rounds = 3;
const fullSize = 100_000;
/** Milliseconds; ratio. */
const goals = { oneRoute: 1_000, allRoutes: 0.5 } as const;
const firstTable = String(VRF_TABLE_BASE + 1);

interface Change {
  readonly metric: string;
  readonly from: readonly VpnNexthop[];
  readonly to: readonly VpnNexthop[];
  /** The most that the kernel is to be told. */
  readonly messages: number;
}

const changes: readonly Change[] = [
  {
    metric: 'a PE changes its label',
    from: [nexthopOf(0, 1000)],
    to: [nexthopOf(0, 2000)],
    messages: 1,
  },
  {
    metric: 'a PE dies out of a group',
    from: [nexthopOf(1, 1000), nexthopOf(2, 1000)],
    to: [nexthopOf(2, 1000)],
    // The group, and the nexthop that nobody needs any more.
    messages: 2,
  },
];
/** How many messages of a route server one turn of the event loop brings; undefined: as many as one read of a socket. */
const ways = [
  { how: 'all heard at once', inTurn: Number.POSITIVE_INFINITY },
  { how: 'heard bit by bit', inTurn: undefined },
] as const;

export async function benchChanges(bench: Bench): Promise<Figure[]> {
  const count = Math.min(fullSize, bench.mostRoutes);
  const scene = await openScene(bench, 1);
  const daemon = scene.newDaemon();
  await daemon.start();
  await daemon.hear([endOfRib(0)]);
  const figures: Figure[] = [];
  for (const { metric, from, to, messages } of changes) {
    for (const { how, inTurn } of ways) {
      const what = `${metric} under ${count} routes, ${how}`;
      bench.say(what);
      const told: number[] = [];
      const costs: Cost[] = [];
      for (let round = 0; round < rounds; round++) {
        await hear(daemon, count, from);
        const before = scene.host.kernel.messages;
        costs.push(await measure(() => hear(daemon, count, to, inTurn)));
        told.push(scene.host.kernel.messages - before);
        await checkRoutes(scene, count);
      }
      const walls = costs.map(({ wall }) => wall);
      figures.push(
        inTurn === undefined
          ? plainFigure(what, 'messages', told)
          : limitFigure(what, 'messages', told, messages),
        plainFigure(what, 'ms', walls),
      );
    }
  }
  await scene.close();
  return figures;
}

export async function benchDrift(bench: Bench): Promise<Figure[]> {
  const count = Math.min(fullSize, bench.mostRoutes);
  const installed: number[] = [];
  const restored: number[] = [];
  const single: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bench.say(`drift under ${count} routes: round ${round + 1} of ${rounds}`);
    const scene = await openScene(bench, 1);
    const daemon = scene.newDaemon();
    await daemon.start();
    await daemon.hear([endOfRib(0)]);
    installed.push((await measure(() => hear(daemon, count, [nexthopOf(0, 1000)]))).wall);
    const isWhole = async () => (await scene.routes()).nexthopIds.filter((id) => id !== 0).length === count;
    single.push(
      await timeUntil(daemon, isWhole, () => ip(['route', 'del', '10.0.0.7', 'table', firstTable])),
    );
    restored.push(await timeUntil(daemon, isWhole, () => scene.flush()));
    await scene.close();
  }
  return [
    limitFigure(`1 of ${count} routes deleted by hand`, 'ms until it is back', single, goals.oneRoute),
    figure(
      {
        metric: `${count} routes flushed`,
        unit: 'ms until they are back',
        against: 'first installation',
        goal: goals.allRoutes,
      },
      { ours: restored, other: installed },
    ),
  ];
}

async function hear(
  daemon: Daemon,
  count: number,
  nexthops: readonly VpnNexthop[],
  inTurn?: number,
): Promise<void> {
  await daemon.hear([...routeEvents(0, count, () => nexthops)], inTurn);
  await daemon.settled();
}

/** @param harm is over when it returns. @returns milliseconds from then on */
async function timeUntil(
  daemon: Daemon,
  isMended: () => Promise<boolean>,
  harm: () => void,
): Promise<number> {
  let report = daemon.nextReport();
  harm();
  const start = performance.now();
  do {
    await report;
    // From now on: the next pass may end while the kernel is read.
    report = daemon.nextReport();
  } while (!(await isMended()));
  return performance.now() - start;
}
