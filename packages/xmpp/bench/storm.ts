// A route server that is restarted under very many forwarders: how long until all are back, and what that is for it. The real program and real clients of
// ours over TLS, each in a process of their own.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type Figure, limitFigure, plainFigure } from '@hostpe/bench';
import { cpuSeconds, DOMAIN, PASSWORD, stallsOf } from './route-server-process.ts';
import { runRouteServer } from './run-route-server.ts';
import type { StormReport, StormTask } from './storm-clients.ts';

/** The whole project's goals: seconds until all are back, and milliseconds that the event loop stands still. */
const ALL_BACK = 30;
const LONGEST_STALL = 50;
/** The clients are together as many as that; each would have a machine of its own. */
const PROCESSES = 2;

export async function storm(forwarders: number): Promise<Figure[]> {
  const accounts = Array.from({ length: forwarders }, (_, number) => `forwarder${number}`);
  return runRouteServer({ accounts }, async ({ ca, children, start }) => {
    const first = await start();
    const hosts = Array.from({ length: PROCESSES }, (_, host) => {
      const own = accounts.filter((_account, number) => number % PROCESSES === host);
      const task: StormTask = { port: first.port, domain: DOMAIN, ca, password: PASSWORD, accounts: own };
      return fork(resolve(import.meta.dirname, 'storm-clients.ts'), [JSON.stringify(task)]);
    });
    children.push(...hosts);
    const report = (wanted: StormReport) => Promise.all(hosts.map((host) => reported(host, wanted)));
    const clientSeconds = () => hosts.reduce((sum, { pid }) => sum + (pid ? cpuSeconds(pid) : 0), 0);
    await report('all are online');
    const lost = report('all are offline');
    const exited = once(first.child, 'exit');
    first.child.kill('SIGTERM');
    await Promise.all([lost, exited]);
    const back = report('all are online');
    const server = await start(first.port);
    const [cpu, clients, clock] = [cpuSeconds(server.pid), clientSeconds(), performance.now()];
    await stallsOf(server);
    await back;
    const seconds = (performance.now() - clock) / 1000;
    const stalls = await stallsOf(server);
    const name = `${forwarders} forwarders of a restarted route server`;
    return [
      limitFigure(`${name}: until all are back`, 's', [seconds], ALL_BACK),
      plainFigure(`${name}: the clients of the benchmark`, 'CPU s', [clientSeconds() - clients]),
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

async function reported(clients: ChildProcess, wanted: StormReport): Promise<void> {
  for (;;) {
    const [said] = await once(clients, 'message');
    if (said === wanted) return;
  }
}
