// What a route server that one forwarder publishes to takes to tell all others: the real program in a process of its own, its sessions
// with TLS in another, and in a third some that ping it meanwhile.
import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { type Figure, limitFigure } from '@hostpe/bench';
import { encodeRequest, type VpnRoute } from '@hostpe/signaling';
import { XmppClient } from '../src/client/client.ts';
import type { ClientsReport, ClientsTask } from './fan-out-clients.ts';
import { cpuSeconds, DOMAIN, NEXTHOP, PASSWORD, residentBytes, VPN } from './route-server-process.ts';
import { type BenchRun, runRouteServer } from './run-route-server.ts';

const ROUTES_PER_STANZA = 100;
const PINGERS = 10;
const PING_INTERVAL = 20;
/** This part of the sessions is there before memory is counted: what the program takes for any is not of each. */
const WARM = 0.2;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

export async function fanOut(sessions: number, routes: number): Promise<Figure[]> {
  const readers = names('reader', sessions);
  const pingers = names('pinger', PINGERS);
  return runRouteServer({ accounts: ['publisher', ...readers, ...pingers] }, (run) =>
    measure(run, readers, pingers, routes),
  );
}

async function measure(
  { ca, children, start: startServer }: BenchRun,
  readers: readonly string[],
  pingers: readonly string[],
  routes: number,
): Promise<Figure[]> {
  const sessions = readers.length;
  const { pid, port } = await startServer();
  const client = new XmppClient({
    host: '127.0.0.1',
    port,
    domain: DOMAIN,
    account: 'publisher',
    resource: 'bench',
    password: () => PASSWORD,
    ca,
    log: silent,
  });
  const online = new Promise((resolve) => client.on('online', () => resolve(undefined)));
  client.start();
  await online;
  const publish = publisher(client);
  await publish.subscribe();

  const last = addressOf(routes - 1);
  const task = { port, domain: DOMAIN, ca, password: PASSWORD, vpn: VPN, last: `<item id="${last}/32">` };
  const start = (accounts: readonly string[], pingInterval: number) => {
    const text = JSON.stringify({ ...task, accounts, pingInterval } satisfies ClientsTask);
    const child = fork(resolve(import.meta.dirname, 'fan-out-clients.ts'), [text]);
    children.push(child);
    return child;
  };
  const first = start(readers.slice(0, sessions * WARM), 0);
  await reported(first, 'online');
  const before = residentBytes(pid);
  const others = start(readers.slice(sessions * WARM), 0);
  await reported(others, 'online');
  const perSession = (residentBytes(pid) - before) / (sessions * (1 - WARM));
  const pinging = start(pingers, PING_INTERVAL);
  await reported(pinging, 'online');

  const done = Promise.all([pinging, first, others].map((child) => reported(child, 'done')));
  const cpu = cpuSeconds(pid);
  await publish.routes(routes);
  const [pings] = await done;
  const used = cpuSeconds(pid) - cpu;
  const delays = (pings?.kind === 'done' ? [...pings.delays] : []).sort((a, b) => a - b);
  await client.stop();
  const what = `${routes} routes to ${sessions} TLS sessions`;
  return [
    limitFigure(`${what}: route server`, 'CPU s', [used], 5),
    limitFigure(`${what}: memory`, 'KB a session', [perSession / 1000], 60),
    limitFigure(
      `${what}: ping, p99 of ${delays.length}`,
      'ms',
      [delays[Math.floor(delays.length * 0.99)] ?? Number.NaN],
      100,
    ),
  ];
}

function publisher(client: XmppClient) {
  const request = async (request: Parameters<typeof encodeRequest>[0]): Promise<void> => {
    await client.request(encodeRequest(request, client.jid ?? ''), { timeout: 60_000 });
  };
  return {
    subscribe: () => request({ kind: 'subscribe', vpn: VPN }),
    /** All at once, as a forwarder that has just come. */
    async routes(count: number): Promise<void> {
      const requests: Promise<void>[] = [];
      for (let first = 0; first < count; first += ROUTES_PER_STANZA) {
        const size = Math.min(ROUTES_PER_STANZA, count - first);
        const routes = Array.from({ length: size }, (_, at) => routeOf(first + at));
        requests.push(request({ kind: 'publish', vpn: VPN, routes, rejected: [] }));
      }
      await Promise.all(requests);
    },
  };
}

const addressOf = (number: number): string => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;

function routeOf(number: number): VpnRoute {
  return {
    id: `${NEXTHOP}:1:${addressOf(number)}/32`,
    prefix: `${addressOf(number)}/32` as VpnRoute['prefix'],
    nexthops: [
      {
        address: NEXTHOP as VpnRoute['nexthops'][number]['address'],
        label: (16 + number) as VpnRoute['nexthops'][number]['label'],
        encapsulations: [],
      },
    ],
  };
}

const names = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${kind}${String(number).padStart(4, '0')}`);

function reported(child: ChildProcess, kind: ClientsReport['kind']): Promise<ClientsReport> {
  return new Promise((resolve, reject) => {
    child.on('message', (report: ClientsReport) => {
      if (report.kind === kind) resolve(report);
    });
    child.on('exit', (code) => reject(new Error(`clients ended before they were ${kind}: ${code}`)));
  });
}
