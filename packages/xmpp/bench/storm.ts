// A route server that is restarted under very many forwarders: how long until all are back, and what that is for it. The real program and real clients of
// ours over TLS, each in a process of their own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type Figure, limitFigure } from '@hostpe/bench';
import { cpuSeconds, DOMAIN, PASSWORD, stallsOf } from './route-server-process.ts';
import { runRouteServer } from './run-route-server.ts';
import type { StormReport, StormTask } from './storm-clients.ts';

/** The whole project's goals: seconds until all are back, and milliseconds that the event loop stands still. */
const ALL_BACK = 30;
const LONGEST_STALL = 50;

export async function storm(forwarders: number): Promise<Figure[]> {
  const accounts = Array.from({ length: forwarders }, (_, number) => `forwarder${number}`);
  return runRouteServer({ accounts }, async ({ ca, children, start }) => {
    const first = await start();
    const task: StormTask = { port: first.port, domain: DOMAIN, ca, password: PASSWORD, accounts };
    const clients = fork(resolve(import.meta.dirname, 'storm-clients.ts'), [JSON.stringify(task)]);
    children.push(clients);
    const report = async (wanted: StormReport): Promise<void> => {
      for (;;) {
        const [said] = await once(clients, 'message');
        if (said === wanted) return;
      }
    };
    await report('all are online');
    const lost = report('all are offline');
    const exited = once(first.child, 'exit');
    first.child.kill('SIGTERM');
    await Promise.all([lost, exited]);
    const back = report('all are online');
    const server = await start(first.port);
    const [cpu, clock] = [cpuSeconds(server.pid), performance.now()];
    await stallsOf(server);
    await back;
    const seconds = (performance.now() - clock) / 1000;
    const stalls = await stallsOf(server);
    const name = `${forwarders} forwarders of a restarted route server`;
    return [
      limitFigure(`${name}: until all are back`, 's', [seconds], ALL_BACK),
      limitFigure(
        `${name}: route server`,
        'CPU ms each',
        [((cpuSeconds(server.pid) - cpu) / forwarders) * 1000],
        10,
      ),
      limitFigure(`${name}: longest stall, CPU of the thread`, 'ms', [stalls.byCpu], LONGEST_STALL),
      limitFigure(`${name}: longest stall, by the clock`, 'ms', [stalls.byClock], LONGEST_STALL),
    ];
  });
}
