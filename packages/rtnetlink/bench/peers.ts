// Who else programs routes by itself: `ip -batch`, npm `netlink`, pyroute2. Each runs as a process of its own, so that none can end the benchmark.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { rt as Rt } from 'netlink';
import { runChild } from './child.ts';
import { benchDevice, flushTable } from './namespace.ts';
import { columnsOf } from './ours.ts';
import { benchTable, type Cost, type Job, measure, nexthopOf, prefixesOf, type Side } from './side.ts';

/** Its whole process, as a program that used it would have it run; the file is ready made. @param directory where the file goes. */
export function iproute2Side(directory: string): Side {
  const file = join(directory, 'routes.batch');
  return {
    name: 'ip -batch',
    ops: ['add', 'replace', 'delete'],
    byNexthopId: true,
    clear: flushTable,
    change: async (job) => {
      const lines = prefixesOf(job.family, job.count)
        .slice(0, job.count)
        .map(
          (prefix, route) => `route ${job.op} ${prefix} nhid ${nexthopOf(job, route)} table ${benchTable}`,
        );
      writeFileSync(file, lines.join('\n'));
      const before = cpuOfChildren();
      const { wall } = await measure(() => void execFileSync('ip', ['-batch', file]));
      return { wall, cpu: cpuOfChildren() - before };
    },
  };
}

/** CPU seconds of this process's ended children. */
function cpuOfChildren(): number {
  // proc(5): cutime and cstime are fields 16 and 17, in clock ticks of 10 ms; the name in field 2 may hold spaces.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** What the peer's process measures itself, without its start. */
async function runJob(
  { op, family, count, shift, nexthops }: Job,
  program: readonly string[],
): Promise<Cost> {
  const [file = '', ...args] = program;
  const job = [op, family, benchTable, count, shift, nexthops].map(String);
  const at = args.indexOf('JOB');
  const { wall, cpu } = JSON.parse(await runChild(file, args.toSpliced(at, 1, ...job)));
  return { wall, cpu };
}

/**
 * One awaited request a route, as its interface has it.
 * @param main the benchmark's own file, which runs `runNpmNetlink` when its first argument is `npm-netlink`.
 * @throws Error where it is not installed.
 */
export async function npmNetlinkSide(main: string): Promise<Side> {
  await import('netlink').catch((cause: unknown) => {
    throw new Error('npm netlink is left out, it is not installed: `make bootstrap`', { cause });
  });
  return {
    name: 'npm netlink',
    ops: ['add', 'replace', 'delete'],
    byNexthopId: true,
    clear: flushTable,
    change: (job) => runJob(job, [process.execPath, main, 'npm-netlink', 'JOB']),
  };
}

/** @param job as program-routes.c has it. */
export async function runNpmNetlink(job: readonly string[]): Promise<Cost> {
  const { createRtNetlink, FlagsNew, rt } = await import('netlink');
  const [op, family, table, count, shift, nexthops] = job;
  const ipv4 = family === 'ipv4';
  const socket = createRtNetlink();
  const routes = columnsOf({
    family: ipv4 ? 'ipv4' : 'ipv6',
    count: Number(count),
    shift: Number(shift),
    nexthops: Number(nexthops),
  });
  const words = ipv4 ? 1 : 4;
  const data: Rt.Route = { family: ipv4 ? 2 : 10, dstLen: words * 32 };
  const added: Rt.Route = {
    ...data,
    protocol: rt.RouteProtocol.BOOT,
    scope: rt.RouteScope.UNIVERSE,
    type: rt.RouteType.UNICAST,
  };
  const deleted: Rt.Route = { ...data, scope: rt.RouteScope.NOWHERE };
  const attributes = Array.from({ length: routes.length }, (_, route) => {
    const dst = Buffer.alloc(words * 4);
    for (let word = 0; word < words; word++)
      dst.writeUInt32BE(routes.addresses[route * words + word] ?? 0, word * 4);
    const nhId = Buffer.from(routes.nexthopIds.slice(route, route + 1).buffer);
    return { dst, table: Number(table), nhId };
  });
  const flags = FlagsNew.CREATE | (op === 'add' ? FlagsNew.EXCL : FlagsNew.REPLACE);
  const cost = await measure(async () => {
    for (const one of attributes)
      if (op === 'delete') await socket.delRoute(deleted, one);
      else await socket.newRoute(added, one, { flags });
  });
  socket.socket.close();
  return cost;
}

/** @throws Error where it is not installed. */
export function pyroute2Side(): Side {
  const python = ['/usr/bin/python3', 'python3'].find(
    (file) => spawnSync(file, ['-c', 'import pyroute2'], { stdio: 'ignore' }).status === 0,
  );
  if (python === undefined)
    throw new Error('pyroute2 is left out, it is not installed: apt-get install python3-pyroute2');
  return {
    name: 'pyroute2',
    ops: ['add', 'replace', 'delete'],
    byNexthopId: false,
    clear: flushTable,
    change: (job) => runJob(job, [python, join(import.meta.dirname, 'peer-pyroute2.py'), 'JOB', benchDevice]),
  };
}
