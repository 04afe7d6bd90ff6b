// Programs IPv4 routes by nexthop id through our socket and through iproute2, in turns, and compares. Works in a network namespace of its own,
// which ends with it. Counted for us: execute() or dump() on an open socket, as a daemon has it. For iproute2: its whole process. Both get
// their work ready made: we the requests, iproute2 a file. Neither is credited with a phase before the kernel's table was read and found right.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseIpPrefix } from '@hostpe/net';
import { describe, type Operation, openRtnetlink, type Request, type Rtnetlink } from '../src/index.ts';
import { figure, formatTable, writeFigures } from './figures.ts';

const routeCount = 50_000;
const destinations = Array.from({ length: routeCount }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
/** Odd, for the median. */
const rounds = 5;
const nexthopCount = 64;
const tables = { ours: 1000, iproute2: 1001 } as const;
type Side = keyof typeof tables;

/** Seconds; CPU time is that of all threads of this process and of its ended children. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

/** One thing that both sides do. */
interface Phase {
  readonly metric: string;
  readonly against: string;
  /** The least ratio that the project wants, of wall time. */
  readonly goal: number | null;
  readonly ours: () => Promise<void>;
  readonly iproute2: () => void;
  /** What the table must hold then: how many routes, and with which `shift` (see `nexthopOf`). */
  readonly left: number;
  readonly shift: number;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  // proc(5): cutime and cstime are fields 16 and 17, in clock ticks of 10 ms; the name in field 2 may hold spaces.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / 100;
}

async function measure(work: () => void | Promise<void>): Promise<Cost> {
  const cpu = cpuSeconds();
  const start = performance.now();
  await work();
  return { wall: (performance.now() - start) / 1000, cpu: cpuSeconds() - cpu };
}

/** Another `shift` gives every route another nexthop. */
function nexthopOf(route: number, shift: number): number {
  return 1 + ((route + shift) % nexthopCount);
}

function requestsOf(side: Side, op: Operation, shift: number): Request[] {
  return destinations.map((destination, route) => ({
    op,
    object: {
      object: 'route',
      family: 'ipv4',
      table: tables[side],
      prefix: parseIpPrefix(`${destination}/32`),
      nexthopId: nexthopOf(route, shift),
    },
  }));
}

function showTable(side: Side): string[] {
  return ['-j', 'route', 'show', 'table', String(tables[side])];
}

function readTable(side: Side): { readonly dst: string; readonly nhid?: number }[] {
  return JSON.parse(execFileSync('ip', showTable(side), { encoding: 'utf8', maxBuffer: 1 << 28 }));
}

/** @throws Error where the kernel, by iproute2's account, does not hold what was asked for. */
function verify(side: Side, { metric, left, shift }: Phase): void {
  const held = readTable(side);
  const nexthops = new Map(held.map(({ dst, nhid }) => [dst, nhid]));
  const right = destinations.filter((one, route) => nexthops.get(one) === nexthopOf(route, shift)).length;
  if (held.length !== left || right !== left)
    throw new Error(
      `${metric} by ${side}: the kernel holds ${held.length} routes, ${right} of them right, instead of ${left}`,
    );
}

/** A veth pair, as not every kernel has dummy devices, and nexthops of family IPv6 on it, as the forwarder's are. */
function prepareNamespace(): void {
  writeFileSync('/proc/sys/net/ipv4/nexthop_compat_mode', '0');
  const lines = ['link add v0 type veth peer name v1', 'link set v0 up', 'link set v1 up'];
  for (let id = 1; id <= nexthopCount; id++)
    lines.push(`nexthop add id ${id} via fe80::${id.toString(16)} dev v0`);
  execFileSync('ip', ['-batch', '-'], { input: lines.join('\n') });
}

/** In the order of a round. */
function phasesOf(kernel: Rtnetlink, directory: string): Phase[] {
  const change = (op: Operation, shift: number, left: number): Phase => {
    const requests = requestsOf('ours', op, shift);
    const file = join(directory, op);
    writeFileSync(file, requestsOf('iproute2', op, shift).map(describe).join('\n'));
    // One call for all, as the reconciler makes one a phase.
    const ours = async (): Promise<void> => {
      const failed = (await kernel.execute(requests)).find((error) => error !== undefined);
      if (failed !== undefined) throw failed;
    };
    const iproute2 = (): void => void execFileSync('ip', ['-batch', file]);
    return { metric: op, against: 'ip -batch', goal: 3, ours, iproute2, left, shift };
  };
  const dump = (against: string, iproute2: () => void): Phase => {
    const ours = async (): Promise<void> => {
      const routes = await kernel.dump({ object: 'route', family: 'ipv4', table: tables.ours });
      if (routes.length !== routeCount) throw new Error(`dump: ${routes.length} routes`);
    };
    return { metric: 'dump', against, goal: null, ours, iproute2, left: routeCount, shift: 1 };
  };
  return [
    change('add', 0, routeCount),
    change('replace', 1, routeCount),
    // What a program pays that wants the routes as objects, and what iproute2 takes by itself, its text thrown away.
    dump('ip -j route, JSON.parse', () => void readTable('iproute2')),
    dump('ip -j route >/dev/null', () => void execFileSync('ip', showTable('iproute2'), { stdio: 'ignore' })),
    change('delete', 1, 0),
  ];
}

async function run(phases: readonly Phase[]): Promise<void> {
  const runs = phases.map((phase) => ({ phase, costs: { ours: [] as Cost[], iproute2: [] as Cost[] } }));
  for (let round = 0; round < rounds; round++) {
    const sides: readonly Side[] = round % 2 === 0 ? ['ours', 'iproute2'] : ['iproute2', 'ours'];
    for (const { phase, costs } of runs)
      for (const side of sides) {
        costs[side].push(await measure(phase[side]));
        verify(side, phase);
      }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
  const figures = runs.flatMap(({ phase: { metric, against, goal }, costs }) => {
    const of = (kind: keyof Cost) => ({
      ours: costs.ours.map((cost) => cost[kind]),
      other: costs.iproute2.map((cost) => cost[kind]),
    });
    const compared = { metric: `${metric} ${routeCount} IPv4 routes`, against, goal };
    return [
      figure({ ...compared, unit: 'routes/s' }, of('wall'), (cost) => routeCount / cost),
      figure(
        { ...compared, unit: 'µs CPU/route', goal: null },
        of('cpu'),
        (cost) => (cost * 1e6) / routeCount,
      ),
    ];
  });
  writeFigures(resolve(import.meta.dirname, '../../../bench-results/netlink.json'), figures);
  process.stdout.write(`Medians of ${rounds} rounds. Ratio > 1: we are ahead.\n${formatTable(figures)}\n`);
}

if (process.getuid?.() !== 0) {
  process.stderr.write('bench-netlink needs root, to make a network namespace and routes in it: use sudo\n');
  process.exitCode = 1;
} else if (process.argv[2] !== 'in-namespace') {
  const args = ['-n', process.execPath, import.meta.filename, 'in-namespace'];
  const { status, error } = spawnSync('unshare', args, { stdio: 'inherit' });
  if (error !== undefined) process.stderr.write(`unshare: ${error.message}\n`);
  process.exitCode = status ?? 1;
} else {
  prepareNamespace();
  const directory = mkdtempSync(join(tmpdir(), 'bench-netlink-'));
  const kernel = await openRtnetlink();
  try {
    await run(phasesOf(kernel, directory));
  } finally {
    await kernel.close();
    rmSync(directory, { recursive: true });
  }
}
