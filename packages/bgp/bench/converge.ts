// Very many paths of very many peers at once: how long until all of them are in, what that costs, and how long until another peer has been told them.
import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import type { Stalls } from '@hostpe/bench/stalls';
import type { Order, PeerOrder, Report } from './peers-process.ts';
import {
  cpuOf,
  ended,
  listenAddress,
  memoryOf,
  next,
  ours,
  type Running,
  type Side,
  type SidePeer,
} from './sides.ts';

export interface ConvergeSpec {
  readonly peers: number;
  /** Of each peer. */
  readonly routes: number;
  /** Of each peer. */
  readonly sets: number;
  readonly targets: number;
}

export interface Convergence {
  readonly paths: number;
  /** Seconds from the first byte to the last route that the receiver was told. */
  readonly time: number;
  /** CPU seconds. */
  readonly cpu: number;
  /** Bytes of memory beyond those of before. */
  readonly memory: number;
}

/** All announce at once; a peer more, the only client of the speaker as a reflector, is told all of it. */
export async function converge(
  side: Side,
  { peers, routes, sets, targets }: ConvergeSpec,
): Promise<Convergence> {
  const orders = Array.from(
    { length: peers },
    (_, at): PeerOrder => ({ host: at + 1, table: { routes, sets, targets }, interest: undefined }),
  );
  const receiver = peers + 1;
  const paths = peers * routes;
  const { speaker, all } = await connected(
    (list) => side.start(list),
    [...orders, { host: receiver, table: undefined, interest: undefined }],
  );
  try {
    const before = { cpu: cpuOf(speaker.pid), memory: memoryOf(speaker.pid) };
    const time = await timeToTell(all, receiver, paths);
    const cpu = cpuOf(speaker.pid) - before.cpu;
    return { paths, time, cpu, memory: memoryOf(speaker.pid) - before.memory };
  } finally {
    await ended(all);
    await speaker.end();
  }
}

/** @returns seconds from the first byte that is announced to the last route that the receiver is told. */
async function timeToTell(all: ChildProcess, receiver: number, routes: number): Promise<number> {
  const received = report(all, 'received');
  tell(all, { kind: 'expect', host: receiver, routes });
  const start = performance.now();
  tell(all, { kind: 'announce' });
  await received;
  return (performance.now() - start) / 1000;
}

/** One peer announces, another one is told. @param interest route targets that the other says it wants; undefined: it does not speak of them. @returns seconds */
export async function pass(
  side: Side,
  { routes, sets, targets }: Omit<ConvergeSpec, 'peers'>,
  interest: number | undefined,
): Promise<number> {
  const { speaker, all } = await connected(
    (list) => side.start(list),
    [
      { host: 1, table: { routes, sets, targets }, interest: undefined },
      { host: 2, table: undefined, interest },
    ],
  );
  try {
    return await timeToTell(all, 2, routes);
  } finally {
    await ended(all);
    await speaker.end();
  }
}

/** A peer that wanted `interest` targets goes, with all routes told. @returns milliseconds that the speaker's event loop stood still at the most */
export async function stallOfDrop(
  { routes, sets, targets }: Omit<ConvergeSpec, 'peers'>,
  interest: number,
): Promise<Stalls> {
  const watcher = ['--import', import.meta.resolve('@hostpe/bench/stalls')];
  const { speaker, all } = await connected(
    (list) => ours.start(list, watcher),
    [
      { host: 1, table: { routes, sets, targets }, interest: undefined },
      { host: 2, table: undefined, interest },
    ],
  );
  const { child } = speaker;
  const stalls = async () => {
    const answer = next<Stalls>(child, (message) => 'byCpu' in message);
    child.send('stalls');
    return answer;
  };
  try {
    const received = report(all, 'received');
    tell(all, {
      kind: 'expect',
      host: 2,
      routes: Math.floor((routes * Math.min(interest, targets)) / targets),
    });
    tell(all, { kind: 'announce' });
    await received;
    await stalls();
    const dropped = report(all, 'dropped');
    tell(all, { kind: 'drop', host: 2 });
    await dropped;
    // What the end of the session left to do has had its turns by then.
    for (let asked = 0; asked < 20; asked++) await speaker.paths();
    return await stalls();
  } finally {
    await ended(all);
    await speaker.end();
  }
}

async function connected<Started extends Running>(
  start: (peers: readonly SidePeer[]) => Promise<Started>,
  orders: readonly PeerOrder[],
): Promise<{ speaker: Started; all: ChildProcess }> {
  // The last one is the reflector's client.
  const speaker = await start(orders.map(({ host }, at) => ({ host, isClient: at === orders.length - 1 })));
  const all = fork(resolve(import.meta.dirname, 'peers-process.ts'));
  const isConnected = report(all, 'connected');
  tell(all, { kind: 'connect', address: listenAddress, port: speaker.port, peers: orders });
  await isConnected;
  return { speaker, all };
}

const tell = (child: ChildProcess, order: Order) => child.send(order);
const report = (child: ChildProcess, wanted: Report) => next<Report>(child, (message) => message === wanted);
