// A route server that holds very many routes: several forwarders publish them, others come later and are told all, then one that published is lost
// and all of its routes are withdrawn. The real program in a process of its own, and in two others the sessions, with TLS.
import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { type Figure, limitFigure } from '@hostpe/bench';
import {
  cpuSeconds,
  DOMAIN,
  NEXTHOP,
  PASSWORD,
  type RouteServerProcess,
  residentBytes,
  stallsOf,
  VPN,
} from './route-server-process.ts';
import { runRouteServer } from './run-route-server.ts';
import type { ScaleCommand, ScaleTask } from './scale-clients.ts';

const PUBLISHERS = 4;
const WITHDRAW_DELAY = 2;
/** The event loop stands still for no longer, in milliseconds. */
const LONGEST_STALL = 50;

export async function scale(routes: number, subscribers: number): Promise<Figure[]> {
  const publishers = names('publisher', PUBLISHERS);
  const readers = names('reader', subscribers);
  return runRouteServer(
    { accounts: [...publishers, ...readers], withdrawDelay: WITHDRAW_DELAY },
    async ({ ca, children, start }) => {
      const server = await start();
      const perPublisher = routes / PUBLISHERS;
      const base = { port: server.port, domain: DOMAIN, ca, password: PASSWORD, vpn: VPN, nexthop: NEXTHOP };
      const publishing = clients(children, { ...base, accounts: publishers, routes: perPublisher });
      const reading = clients(children, { ...base, accounts: readers, routes: 0 });
      for (const kind of ['log-in', 'subscribe'] as const) await publishing.tell({ kind });
      await reading.tell({ kind: 'log-in' });
      const empty = residentBytes(server.pid);
      await stallsOf(server);

      const figures: Figure[] = [];
      const part = async (name: string, told: number, work: () => Promise<void>): Promise<void> => {
        const [cpu, clock] = [cpuSeconds(server.pid), performance.now()];
        await work();
        figures.push(
          ...(await partFigures(server, name, told, {
            cpu: cpuSeconds(server.pid) - cpu,
            seconds: (performance.now() - clock) / 1000,
          })),
        );
      };
      const inThousands = `${routes / 1000} k routes`;
      // The publishers subscribe too: each is told all.
      await part(`${inThousands} from ${PUBLISHERS}, told to them`, routes * PUBLISHERS, async () => {
        const heard = await publishing.hear('<entry ', routes);
        await publishing.tell({ kind: 'publish' });
        await heard();
      });
      const held = (residentBytes(server.pid) - empty) / routes;
      figures.push(limitFigure(`${inThousands}: memory`, 'bytes a route', [held], 1_000));
      await part(`the table of ${inThousands} to ${subscribers}`, routes * subscribers, async () => {
        const heard = await reading.hear('<entry ', routes);
        await reading.tell({ kind: 'subscribe' });
        await heard();
      });
      await part(
        `${perPublisher / 1000} k withdrawn, from ${subscribers}`,
        perPublisher * subscribers,
        async () => {
          const heard = await reading.hear('<retract ', perPublisher);
          await publishing.tell({ kind: 'leave' });
          await heard();
        },
      );
      return figures;
    },
  );
}

async function partFigures(
  server: RouteServerProcess,
  name: string,
  told: number,
  { cpu, seconds }: { readonly cpu: number; readonly seconds: number },
): Promise<Figure[]> {
  const { byClock, byCpu } = await stallsOf(server);
  return [
    limitFigure(`${name}: route server`, 'CPU µs each', [(cpu / told) * 1e6], 20),
    limitFigure(`${name}: until all are told`, 's', [seconds], 120),
    limitFigure(`${name}: longest stall, CPU of the thread`, 'ms', [byCpu], LONGEST_STALL),
    limitFigure(`${name}: longest stall, by the clock`, 'ms', [byClock], LONGEST_STALL),
  ];
}

function clients(children: ChildProcess[], task: ScaleTask) {
  const child = fork(resolve(import.meta.dirname, 'scale-clients.ts'), [JSON.stringify(task)]);
  children.push(child);
  const said = (wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const listen = (word: unknown): void => {
        if (word !== wanted) return;
        child.off('message', listen);
        resolve();
      };
      child.on('message', listen);
      child.once('exit', (code) => reject(new Error(`clients of a benchmark ended: ${code}`)));
    });
  return {
    async tell(command: ScaleCommand): Promise<void> {
      const done = said('done');
      child.send(command);
      await done;
    },
    /** Resolves when they listen; what it resolves with resolves when they have heard it. */
    async hear(text: string, count: number): Promise<() => Promise<void>> {
      const listening = said('listening');
      child.send({ kind: 'hear', text, count } satisfies ScaleCommand);
      await listening;
      const heard = said('heard');
      return () => heard;
    },
  };
}

const names = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${kind}${String(number).padStart(4, '0')}`);
