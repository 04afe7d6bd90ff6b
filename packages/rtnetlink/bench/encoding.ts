// What it takes to turn routes into messages, without the kernel: from objects, as `execute` takes them, and from columns.

import { type Figure, figure, limitFigure } from '@hostpe/bench';
import { encodeBatch } from '../src/codec/batch.ts';
import { encodeRoutes } from '../src/codec/route/plain-route.ts';
import { MessageWriter } from '../src/codec/wire/writer.ts';
import type { RtnetlinkError } from '../src/errors.ts';
import type { Bench } from './compare.ts';
import { nexthopCount } from './namespace.ts';
import { columnsOf, requestsOf } from './ours.ts';

const mostRoutes = 200_000;
/** As the socket does it: so many messages, handed over, and the next. */
const slice = 1024;
const rounds = 9;
/** A round goes over the routes as often: the clock of a thread's CPU time has ticks of milliseconds. */
const times = 5;
/**
 * ns a route, of CPU time of the thread: whoever else runs on the machine is all that could be waited for. Of columns, as which the daemons hold
 * their routes; to read an object costs more than to write its message.
 */
const limit = 60;

export async function benchEncoding(bench: Bench): Promise<Figure[]> {
  const count = Math.min(mostRoutes, bench.mostRoutes);
  const figures: Figure[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const requests = requestsOf({ op: 'add', family, count, shift: 0, nexthops: nexthopCount });
    const columns = columnsOf({ family, count, shift: 0, nexthops: nexthopCount });
    let byColumns: readonly number[] = [];
    const forms = {
      columns: (writer: MessageWriter, from: number, to: number) =>
        encodeRoutes(writer, 'add', columns, from, to, from + 1, refuse),
      objects: (writer: MessageWriter, from: number, to: number) =>
        encodeBatch(writer, requests, from, to, from + 1, undefined, refuse),
    };
    for (const [form, encode] of Object.entries(forms)) {
      const costs: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const writer = new MessageWriter(slice * 80);
        let spare: ArrayBuffer | undefined;
        let bytes = 0;
        const before = process.threadCpuUsage();
        for (let time = 0; time < times; time++) {
          for (let from = 0; from < count; from += slice) {
            encode(writer, from, Math.min(from + slice, count));
            // As the socket does, which has the memory of what was sent back.
            const taken = writer.handOver(spare);
            spare = taken.buffer;
            bytes += taken.length;
          }
        }
        const { user, system } = process.threadCpuUsage(before);
        // rtnetlink(7): header, rtmsg, RTA_DST, RTA_TABLE, RTA_NH_ID.
        const length = 16 + 12 + (family === 'ipv4' ? 8 : 20) + 8 + 8;
        if (bytes !== times * count * length) throw new Error(`${bytes} bytes of ${count} ${family} routes`);
        costs.push(((user + system) * 1000) / (times * count));
      }
      const metric = `encode ${count} ${family} routes, ${form}`;
      figures.push(
        form === 'columns'
          ? limitFigure(metric, 'ns/route', costs, limit)
          : figure(
              { metric, unit: 'ns/route', against: 'columns', goal: null },
              { ours: costs, other: byColumns },
            ),
      );
      if (form === 'columns') byColumns = costs;
    }
  }
  return figures;
}

function refuse(_at: number, error: RtnetlinkError): never {
  throw error;
}
