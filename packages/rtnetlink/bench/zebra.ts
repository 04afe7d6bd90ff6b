// FRR's zebra as a side, alone, in two ways: told of routes as FRR's daemons tell it (ZAPI), and made to take a table of the kernel's into its own
// (`ip import-table`). Both ways it computes, makes nexthop objects (its default) and programs the main table.
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { startChild } from './child.ts';
import { addDevice, endDaemon, gatewayRoutes, until, versionOf } from './daemons.ts';
import { ip } from './namespace.ts';
import { timeNotified } from './notified.ts';
import { readThreadTimes, spentSince } from './processor-time.ts';
import type { Program } from './program.ts';
import type { Cost, Job, Side } from './side.ts';
import { encodeHello, encodeRouteAdd, knownFrr } from './zapi.ts';

const mainTable = 254;
const importedTable = 100;
const zebraFile = '/usr/lib/frr/zebra';
const vtyFile = 'vtysh';

/** Milliseconds until zebra has to have answered a daemon. */
const patience = 10_000;
/** Seconds: of zebra's dozen threads only those count that did something. */
const leastShown = 0.001;

interface Surroundings {
  readonly program: Program;
  /** Others may look into it. */
  readonly directory: string;
  /** Tells people which of zebra's threads were busy. */
  readonly say: (line: string) => void;
}

interface Zebra {
  readonly daemon: ChildProcess;
  /** The path of its socket for daemons. */
  readonly zapi: string;
  /** @throws Error where it refuses. */
  command(...lines: readonly string[]): void;
}

/** By ZAPI, all messages ready before the clock starts. @throws Error where it is not installed, or of a version whose messages are not known. */
export function zebraSide(surroundings: Surroundings): Side {
  const version = zebraVersion();
  if (!knownFrr.test(version))
    throw new Error(`FRR's ${version} is left out: its messages are known of FRR 8.0 to 8.5 only`);
  let zebra: Zebra | undefined;
  let socket: Socket | undefined;
  return {
    name: `FRR ${version}`,
    ops: ['add'],
    byNexthopId: false,
    table: mainTable,
    clear: () => {
      socket?.destroy();
      return endDaemon(zebra?.daemon);
    },
    change: async (job) => {
      addDevice(job.family);
      const routes = Buffer.concat(gatewayRoutes(job).map((route) => encodeRouteAdd(...route)));
      zebra = await startZebra(surroundings.directory);
      const client = await greet(zebra.zapi);
      socket = client;
      return timeZebra(surroundings, job, zebra, async () => {
        const written = Promise.withResolvers<void>();
        client.write(routes, () => written.resolve());
        await written.promise;
      });
    },
  };
}

/** By `ip import-table`, for IPv4 only, as that command is. @throws Error where it is not installed. */
export function zebraImportSide(surroundings: Surroundings): Side {
  const version = zebraVersion();
  let zebra: Zebra | undefined;
  return {
    name: `FRR ${version}, import-table`,
    ops: ['add'],
    byNexthopId: false,
    table: mainTable,
    clear: () => endDaemon(zebra?.daemon),
    change: async (job) => {
      addDevice(job.family);
      const routes = gatewayRoutes(job);
      const lines = routes.map(([prefix, via]) => `route add ${prefix} via ${via} table ${importedTable}`);
      ip(['-batch', '-'], lines.join('\n'));
      const started = await startZebra(surroundings.directory);
      zebra = started;
      return timeZebra(surroundings, job, started, () =>
        started.command('configure terminal', `ip import-table ${importedTable}`),
      );
    },
  };
}

function zebraVersion(): string {
  return versionOf("FRR's zebra", zebraFile, 'frr');
}

async function startZebra(parent: string): Promise<Zebra> {
  // zebra drops its privileges before it writes there.
  const directory = join(parent, 'zebra');
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o777);
  const at = (name: string): string => join(directory, name);
  const places = [`--vty_socket=${directory}`, `--socket=${at('zserv')}`, `--pid_file=${at('pid')}`];
  const options = [...places, `--log=file:${at('log')}`, '--vty_port=0', '--config_file=/dev/null'];
  const daemon = startChild(zebraFile, options, 'ignore');
  const vtysh = ['--vty_socket', directory, '-d', 'zebra'];
  const isReady = () =>
    spawnSync(vtyFile, [...vtysh, '-c', 'show version'], { stdio: 'ignore' }).status === 0;
  await until(isReady, 'zebra does not answer');
  return {
    daemon,
    zapi: at('zserv'),
    command: (...lines) =>
      void execFileSync(vtyFile, [...vtysh, ...lines.flatMap((line) => ['-c', line])], { stdio: 'ignore' }),
  };
}

/** @returns connected, and zebra has answered. @throws Error where it does not. */
async function greet(path: string): Promise<Socket> {
  const socket = createConnection(path);
  const signal = AbortSignal.timeout(patience);
  await once(socket, 'connect', { signal });
  socket.write(encodeHello());
  await once(socket, 'data', { signal });
  // What zebra says from here on is read and dropped. If it ends, the kernel will not tell of all routes, which is noticed.
  socket.resume();
  socket.on('error', () => {});
  return socket;
}

/** @param begin tells zebra of the routes. */
async function timeZebra(
  { program, say }: Surroundings,
  job: Job,
  { daemon }: Zebra,
  begin: () => Promise<void> | void,
): Promise<Cost> {
  const pid = daemon.pid ?? Number.NaN;
  const before = readThreadTimes(pid);
  let telling = 0;
  const wall = await timeNotified(program, job, mainTable, async () => {
    const start = performance.now();
    await begin();
    telling = (performance.now() - start) / 1000;
  });
  const spent = spentSince(before, readThreadTimes(pid));
  if (spent.length === 0) return { wall, cpu: undefined };
  const threads = spent
    .filter(({ ran }) => ran > leastShown)
    .map(({ name, ran, queued }) => `${name} ${ran.toFixed(3)} (${queued.toFixed(3)})`);
  // Told long before it is through, and a thread that ran or queued all the time: it is zebra that takes it, not who tells it.
  say(
    `  zebra told in ${telling.toFixed(3)} s, first to last route ${wall.toFixed(3)} s; threads ran (queued): ${threads.join(', ')} s`,
  );
  return { wall, cpu: spent.reduce((sum, { ran }) => sum + ran, 0) };
}
