// A table as large as a provider's: from what a route server says to the kernel, beside the same routes in columns through the socket alone; found in
// the kernel by a daemon that starts, beside the dump alone; and what it takes of memory.
import { type Figure, figure, limitFigure } from '@hostpe/bench';
import type { RouteColumns } from '@hostpe/rtnetlink';
import { runAlone } from './alone.ts';
import { type Cost, measure } from './measure.ts';
import { tableEvents } from './routes.ts';
import { type Bench, checkRoutes, openScene, type Scene } from './scene.ts';
import { type Turns, TurnWatch } from './turns.ts';

const vpns = 50;
const rounds = 3;
/** Ratio, milliseconds, bytes a route. */
const goals = { rate: 0.8, delay: 50, memory: 250 } as const;

export async function benchTable(bench: Bench): Promise<Figure[]> {
  const ofVpn = Math.floor(Math.min(1_000_000, bench.mostRoutes) / vpns);
  const count = ofVpn * vpns;
  const ours: Cost[] = [];
  const socket: Cost[] = [];
  const turns: Turns[] = [];
  const restarts: Restart[] = [];
  for (let round = 0; round < rounds; round++) {
    bench.say(`${count} routes of ${vpns} VPNs: round ${round + 1} of ${rounds}`);
    const scene = await openScene(bench, vpns);
    const daemon = scene.newDaemon();
    await daemon.start();
    const events = [...tableEvents(vpns, ofVpn)];
    const watch = new TurnWatch();
    ours.push(
      await measure(async () => {
        await daemon.hear(events.splice(0));
        await daemon.settled();
      }),
    );
    turns.push(await watch.end());
    const routes = await checkRoutes(scene, count);
    restarts.push(await restart(scene, ofVpn));
    await scene.stop();
    socket.push(await viaSocket(scene, routes));
    await checkRoutes(scene, count);
    await scene.close();
  }
  const metric = `${count} routes of ${vpns} VPNs`;
  const wall = (costs: readonly Cost[]) => costs.map((cost) => cost.wall);
  const cpu = (costs: readonly Cost[]) => costs.map((cost) => (cost.cpu * 1e3) / count);
  const against = 'executeRoutes alone';
  return [
    figure(
      { metric: `${metric} heard`, unit: 'routes/s', against, goal: goals.rate },
      { ours: wall(ours), other: wall(socket) },
      (cost) => (count / cost) * 1e3,
    ),
    figure(
      { metric: `${metric} heard`, unit: 'µs CPU/route', against, goal: null },
      { ours: cpu(ours), other: cpu(socket) },
    ),
    ...delayFigures(`${metric} heard`, turns),
    figure(
      {
        metric: `restart with ${count} routes: first pass`,
        unit: 'ms',
        against: 'dumpRoutes alone',
        goal: null,
      },
      { ours: restarts.map(({ first }) => first.wall), other: restarts.map(({ dump }) => dump.wall) },
    ),
    figure(
      {
        metric: `restart with ${count} routes: all heard again`,
        unit: 'ms',
        against: 'dumpRoutes alone',
        goal: null,
      },
      { ours: restarts.map(({ again }) => again.wall), other: restarts.map(({ dump }) => dump.wall) },
    ),
    limitFigure(
      `restart with ${count} routes`,
      'writes',
      restarts.map(({ writes }) => writes),
      0,
    ),
    ...delayFigures(
      `restart with ${count} routes`,
      restarts.map((one) => one.turns),
    ),
  ];
}

export async function benchMemory({ mostRoutes, say }: Bench): Promise<Figure[]> {
  const ofVpn = Math.floor(Math.min(1_000_000, mostRoutes) / vpns);
  say(`memory of ${ofVpn * vpns} routes`);
  const { resident, heap } = runAlone(ofVpn);
  const metric = `${ofVpn * vpns} routes held`;
  return [
    limitFigure(metric, 'bytes/route, resident', [resident], goals.memory),
    limitFigure(metric, 'bytes/route, heap and buffers', [heap], goals.memory),
  ];
}

/** What a table takes of a process that has done nothing else, bytes a route. Needs node's --expose-gc. */
export async function memoryOfTable(
  bench: Bench,
  ofVpn: number,
): Promise<{ resident: number; heap: number }> {
  const scene = await openScene(bench, vpns);
  const daemon = scene.newDaemon();
  await daemon.start();
  const before = await memory();
  await daemon.hear(tableEvents(vpns, ofVpn));
  await daemon.settled();
  const after = await memory();
  await checkRoutes(scene, ofVpn * vpns);
  await scene.close();
  const count = ofVpn * vpns;
  return {
    resident: (after.resident - before.resident) / count,
    heap: (after.heap - before.heap) / count,
  };
}

async function memory(): Promise<{ resident: number; heap: number }> {
  // Buffers go when what holds them has gone.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + arrayBuffers };
}

interface Restart {
  readonly dump: Cost;
  /** Until the daemon knows what the kernel has. */
  readonly first: Cost;
  /** Until it has heard again what is there. */
  readonly again: Cost;
  readonly writes: number;
  readonly turns: Turns;
}

async function restart(scene: Scene, ofVpn: number): Promise<Restart> {
  const events = [...tableEvents(vpns, ofVpn)];
  const dump = await measure(async () => {
    await scene.routes();
  });
  const { messages } = scene.host.kernel;
  await scene.stop();
  const watch = new TurnWatch();
  const daemon = scene.newDaemon();
  const first = await measure(() => daemon.start());
  const again = await measure(async () => {
    await daemon.hear(events.splice(0));
    await daemon.settled();
  });
  return { dump, first, again, writes: scene.host.kernel.messages - messages, turns: await watch.end() };
}

/** The same routes by the same nexthop objects, in columns. */
async function viaSocket(scene: Scene, routes: RouteColumns): Promise<Cost> {
  scene.flush();
  return await measure(async () => {
    for (const error of (await scene.host.kernel.executeRoutes('replace', routes)).values()) throw error;
  });
}

function delayFigures(metric: string, turns: readonly Turns[]): Figure[] {
  return [
    limitFigure(
      metric,
      'ms of event loop delay',
      turns.map(({ delay }) => delay),
      goals.delay,
    ),
    limitFigure(
      metric,
      'ms CPU of the longest turn',
      turns.map(({ cpu }) => cpu),
      goals.delay,
    ),
  ];
}
