// What it takes to change where a large table leads when its routes use a group: a member that is taken away, one that is replaced, and another
// list of members, beside a replace of the one nexthop that routes use themselves. Of IPv6 the kernel walks the routes of whatever is replaced.
import { type Figure, figure, limitFigure } from '@hostpe/bench';
import { parseIpAddress } from '@hostpe/net';
import type { Request } from '../src/kernel.ts';
import type { Nexthop } from '../src/objects.ts';
import type { Bench } from './compare.ts';
import { benchDeviceIndex, flushTable } from './namespace.ts';
import { columnsOf, executeAll } from './ours.ts';
import type { Family } from './side.ts';

const mostRoutes = 100_000;
const rounds = 21;
/** ms */
const limit = 1;
/** Beyond the nexthops that the benchmark's namespace has. */
const ids = { alone: 1000, member: 1001, other: 1002, group: 1003 } as const;

export async function benchNexthopMembers(bench: Bench): Promise<Figure[]> {
  const { kernel, say } = bench;
  const count = Math.min(mostRoutes, bench.mostRoutes);
  const figures: Figure[] = [];
  // Not by `measure`, whose collection of garbage goes on beside what follows and is longer than this.
  const time = async (request: Request): Promise<number> => {
    const start = performance.now();
    await executeAll(kernel, [request]);
    return performance.now() - start;
  };
  const program = async (family: Family, nexthopId: number): Promise<void> => {
    const columns = columnsOf({ family, count, shift: 0, nexthops: 1 });
    columns.nexthopIds.fill(nexthopId);
    for (const error of (await kernel.executeRoutes('add', columns)).values()) throw error;
  };
  for (const family of ['ipv4', 'ipv6'] as const) {
    say(`members of the nexthop group of ${count} ${family} routes`);
    const times = {
      alone: [] as number[],
      lost: [] as number[],
      member: [] as number[],
      list: [] as number[],
    };
    await executeAll(kernel, [single(ids.alone), single(ids.member), single(ids.other), group()]);
    await program(family, ids.alone);
    for (let round = 0; round < rounds; round++) times.alone.push(await time(single(ids.alone, round)));
    await flushTable(family);
    await program(family, ids.group);
    for (let round = 0; round < rounds; round++) {
      times.member.push(await time(single(ids.member, round)));
      times.lost.push(await time({ ...single(ids.member), op: 'delete' }));
      await executeAll(kernel, [single(ids.member)]);
      times.list.push(await time(group()));
    }
    const { length } = await kernel.dumpRoutes({ family });
    if (length < count) throw new Error(`${length} of ${count} ${family} routes are left`);
    await flushTable(family);
    await executeAll(
      kernel,
      [group(), single(ids.alone), single(ids.member), single(ids.other)].map(({ object }) => ({
        op: 'delete',
        object,
      })),
    );
    const of = `the nexthop group of ${count} ${family} routes`;
    const compared = { unit: 'ms', against: 'replace of the one nexthop', goal: null };
    figures.push(
      limitFigure(`delete a member of ${of}`, 'ms', times.lost, limit),
      figure(
        { ...compared, metric: `replace a member of ${of}` },
        { ours: times.member, other: times.alone },
      ),
      figure({ ...compared, metric: `replace the list of ${of}` }, { ours: times.list, other: times.alone }),
    );
  }
  return figures;
}

function single(id: number, round = 0): Request & { readonly object: Nexthop } {
  const gateway = parseIpAddress(`fe80::${(0x1000 + (id << 4) + round).toString(16)}`);
  const object = { object: 'nexthop', id, family: 'ipv6', device: benchDeviceIndex(), gateway } as const;
  return { op: 'replace', object };
}

function group(): Request & { readonly object: Nexthop } {
  const members = [ids.member, ids.other].map((id) => ({ id, weight: 1 }));
  return { op: 'replace', object: { object: 'nexthop', id: ids.group, group: members } };
}
