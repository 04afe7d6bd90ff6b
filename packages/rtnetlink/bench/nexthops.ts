// What nexthop objects are for: routes of many labels at almost the price of one, where an encapsulation in each route is quadratic in IPv4.

import { type Figure, figure } from '@hostpe/bench';
import { parseIpAddress, parseLabel } from '@hostpe/net';
import type { Request } from '../src/kernel.ts';
import type { Nexthop, OtherEncap } from '../src/objects.ts';
import { type Bench, readTable } from './compare.ts';
import { benchDeviceIndex, flushTable, kernelHasMpls, nexthopCount } from './namespace.ts';
import { executeAll, requestsOf } from './ours.ts';
import { type Family, type Job, measure, routesOf } from './side.ts';

const mostRoutes = 100_000;
const mostNexthops = 10_000;
/** Each with an encapsulation of its own; enough to see where that leads. */
const mostInlineRoutes = 3000;
/** Odd, for the median. */
const rounds = 3;
/** Of the rate with one nexthop. */
const goal = 0.6;

type Way = 'many' | 'one' | 'inline';

export async function benchUniqueNexthops(bench: Bench): Promise<Figure[]> {
  const { kernel, say } = bench;
  const count = Math.min(mostRoutes, bench.mostRoutes);
  const nexthops = Math.max(nexthopCount, Math.min(mostNexthops, count));
  const kind = kernelHasMpls() ? 'labels' : 'IP encapsulations';
  const request = (op: Request['op'], object: Nexthop): Request => ({ op, object });
  const objects = Array.from({ length: nexthops }, (_, at) => nexthopOf(at + 1));
  await executeAll(
    kernel,
    objects.map((object) => request('replace', { ...object, ...encapOf(object.id) })),
  );
  const figures: Figure[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    say(`${nexthops} nexthops with ${kind}: ${count} ${family} routes`);
    figures.push(...(await benchFamily(bench, family, count, nexthops, kind)));
  }
  // As the other parts have them.
  await executeAll(
    kernel,
    objects.map((object) => request(object.id > nexthopCount ? 'delete' : 'replace', object)),
  );
  return figures;
}

async function benchFamily(
  bench: Bench,
  family: Family,
  count: number,
  nexthops: number,
  kind: string,
): Promise<Figure[]> {
  const inlineCount = Math.min(mostInlineRoutes, count);
  const jobs: { readonly [W in Way]: Job } = {
    many: { op: 'add', family, count, shift: 0, nexthops },
    one: { op: 'add', family, count, shift: 0, nexthops: 1 },
    inline: { op: 'add', family, count: inlineCount, shift: 0, nexthops },
  };
  /** Seconds a route. */
  const costs: { readonly [W in Way]: number[] } = { many: [], one: [], inline: [] };
  const ways = ['many', 'one', 'inline'] as const;
  for (let round = 0; round < rounds; round++)
    for (const way of round % 2 === 0 ? ways : ways.toReversed())
      costs[way].push(await addRoutes(bench, jobs[way], way === 'inline'));
  const metric = `add ${count} ${family} routes over ${nexthops} nexthops with ${kind}`;
  const compared = { metric, unit: 'routes/s' };
  const speed = (cost: number): number => 1 / cost;
  return [
    figure({ ...compared, against: 'one nexthop', goal }, { ours: costs.many, other: costs.one }, speed),
    figure(
      { ...compared, against: `${inlineCount} ${kind} inline`, goal: null },
      { ours: costs.many, other: costs.inline },
      speed,
    ),
  ];
}

/** @param inline without nexthop objects. @returns seconds a route; the table is empty again. */
async function addRoutes(bench: Bench, job: Job, inline: boolean): Promise<number> {
  const requests = inline ? inlineRequests(job) : requestsOf(job);
  const { wall } = await measure(() => executeAll(bench.kernel, requests));
  const { routes, right } = await readTable(bench, job, { byNexthopId: !inline });
  if (routes !== job.count || right !== job.count)
    throw new Error(`the kernel holds ${routes} routes, ${right} of them right, instead of ${job.count}`);
  await flushTable(job.family);
  return wall / job.count;
}

function inlineRequests(job: Job): Request[] {
  return routesOf(job).map(({ nexthopId, ...route }) => {
    const id = nexthopId ?? 0;
    const device = benchDeviceIndex();
    // A gateway as the nexthop object has it.
    return { op: job.op, object: { ...route, device, gateway: gatewayOf(id), ...encapOf(id) } };
  });
}

function nexthopOf(id: number): Nexthop {
  return { object: 'nexthop', id, family: 'ipv6', device: benchDeviceIndex(), gateway: gatewayOf(id) };
}

function gatewayOf(id: number): NonNullable<Nexthop['gateway']> {
  return parseIpAddress(`fe80::${id.toString(16)}`);
}

/** Another one for each id: a label, or where the kernel has no MPLS an IP tunnel with a key, which it treats alike. */
function encapOf(id: number): Pick<Nexthop, 'encapLabels' | 'otherEncap'> {
  return kernelHasMpls() ? { encapLabels: [parseLabel(16 + id)] } : { otherEncap: ipEncap(id) };
}

/** LWTUNNEL_ENCAP_IP with LWTUNNEL_IP_ID and LWTUNNEL_IP_DST of linux/lwtunnel.h. */
function ipEncap(key: number): OtherEncap {
  const attributes = new Uint8Array(20);
  const view = new DataView(attributes.buffer);
  attributes.set(attributeHead(12, 1), 0);
  view.setBigUint64(4, BigInt(key));
  attributes.set(attributeHead(8, 2), 12);
  attributes.set([192, 0, 2, 1], 16);
  return { type: 2, attributes };
}

/** In the machine's order. */
function attributeHead(length: number, type: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(length, type).buffer);
}
