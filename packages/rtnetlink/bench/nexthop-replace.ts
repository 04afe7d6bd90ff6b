// One replace of a nexthop object under a large table: what it takes, and what the kernel tells everybody then.

import { type Figure, figure, limitFigure } from '@hostpe/bench';
import { parseIpAddress, parseIpPrefix } from '@hostpe/net';
import type { Rtnetlink } from '../src/kernel.ts';
import type { IpRoute } from '../src/objects.ts';
import { type Bench, readTable } from './compare.ts';
import { benchDeviceIndex, flushTable, ip, setCompatMode } from './namespace.ts';
import { executeAll, requestsOf } from './ours.ts';
import type { Program } from './program.ts';
import { benchTable, type Family } from './side.ts';

const mostRoutes = 100_000;
const rounds = 11;
/** ms, of IPv4; of IPv6 the kernel itself walks its table, whatever the mode. */
const limit = 1;
const gatewayNumber = { 0: 100, 1: 200 } as const;

/** Says why where there is nothing that can count notifications without loss. */
export async function benchNexthopReplace(bench: Bench): Promise<Figure[]> {
  const { kernel, program, say } = bench;
  if (program === undefined) {
    say('the replace of a nexthop is left out: it takes the C program to count notifications');
    return [];
  }
  const count = Math.min(mostRoutes, bench.mostRoutes);
  const figures: Figure[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    say(`replace of a nexthop under ${count} ${family} routes`);
    const job = { family, count, shift: 0, nexthops: 1 };
    await executeAll(kernel, requestsOf({ op: 'add', ...job }));
    const times = { 0: [] as number[], 1: [] as number[] };
    const heard = { 0: [] as number[], 1: [] as number[] };
    for (let round = 0; round < rounds; round++)
      for (const mode of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        setCompatMode(mode);
        const replaced = await replaceNexthop(kernel, program, family, gatewayNumber[mode] + round);
        times[mode].push(replaced.wall * 1000);
        heard[mode].push(replaced.heard);
      }
    setCompatMode(0);
    const { right } = await readTable(bench, job);
    if (right !== count) throw new Error(`${right} of ${count} ${family} routes are left`);
    await flushTable(family);
    const metric = `replace the nexthop of ${count} ${family} routes`;
    const compared = { metric, against: 'nexthop_compat_mode=1', goal: null };
    if (family === 'ipv4') figures.push(limitFigure(metric, 'ms', times[0], limit));
    figures.push(
      figure({ ...compared, unit: 'ms' }, { ours: times[0], other: times[1] }),
      limitFigure(metric, 'route notifications', heard[0], 0),
      figure({ ...compared, unit: 'route notifications' }, { ours: heard[0], other: heard[1] }),
    );
  }
  return figures;
}

/** @returns seconds, and how many routes of the table the kernel told of, while somebody listened. */
async function replaceNexthop(
  kernel: Rtnetlink,
  program: Program,
  family: Family,
  number: number,
): Promise<{ readonly wall: number; readonly heard: number }> {
  const gateway = parseIpAddress(`fe80::${number.toString(16)}`);
  // Notifications keep their order: with that of the marker, all before it are heard.
  const marker: IpRoute = {
    object: 'route',
    family,
    table: benchTable + 1,
    prefix: parseIpPrefix(family === 'ipv4' ? '198.51.100.0/24' : '2001:db8:1::/48'),
    nexthopId: 2,
  };
  const { heard, stop } = await program.watch(family, benchTable, 0);
  try {
    // Not by `measure`, whose collection of garbage goes on beside what follows and is longer than this.
    const start = performance.now();
    await executeAll(kernel, [
      {
        op: 'replace',
        object: { object: 'nexthop', id: 1, family: 'ipv6', device: benchDeviceIndex(), gateway },
      },
    ]);
    const wall = (performance.now() - start) / 1000;
    await executeAll(kernel, [{ op: 'add', object: marker }]);
    const { routes } = await heard;
    await executeAll(kernel, [{ op: 'delete', object: marker }]);
    const held = ip(['nexthop', 'get', 'id', '1']);
    if (!held.includes(`via ${gateway} `)) throw new Error(`the nexthop was not replaced: ${held}`);
    return { wall, heard: routes };
  } finally {
    await stop();
  }
}
