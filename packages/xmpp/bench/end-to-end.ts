// What a forwarder takes from the socket to its records: a client in a process of its own, over TLS, told as fast as it reads.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type Figure, figure, limitFigure, plainFigure } from '@hostpe/bench';
import { scramCredentials } from '../src/scram.ts';
import { XmppServer } from '../src/server/server.ts';
import { certificate } from './certificate.ts';
import type { ReceiverReport, ReceiverTask } from './end-to-end-receiver.ts';
import { eventText } from './route-stream.ts';

const DOMAIN = 'bench.example';
const PASSWORD = 'secret of the benchmark';
const PER_STANZA = 100;
const ROUNDS = 3;
/** Routes a second of CPU. */
const GOAL = 250_000;
/** That goal was set where saxes parsed so many. */
const GOAL_BESIDE_SAXES = 250 / 345;
const GOAL_MEGABYTES = 150;

/** @param saxesRate what saxes without namespaces, which only parses, does in this run with the same entries: routes a second of CPU */
export async function endToEnd(routes: number, saxesRate: number): Promise<Figure[]> {
  const tls = certificate(DOMAIN);
  const credentials = scramCredentials(PASSWORD);
  const server = new XmppServer({
    domain: DOMAIN,
    listen: [{ address: '127.0.0.1', port: 0 }],
    tls,
    credentials: () => credentials,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  server.on('session', (session) => {
    let sent = 0;
    session.sendFrom(() => {
      if (sent >= routes) return undefined;
      const text = eventText(sent, Math.min(PER_STANZA, routes - sent));
      sent += PER_STANZA;
      return Buffer.from(text);
    });
  });
  const [address] = await server.listen();
  const receive = async (kept: boolean): Promise<ReceiverReport> => {
    const port = address?.port ?? 0;
    const task: ReceiverTask = {
      port,
      domain: DOMAIN,
      ca: tls.certificate,
      password: PASSWORD,
      routes,
      kept,
    };
    const file = resolve(import.meta.dirname, 'end-to-end-receiver.ts');
    const receiver = fork(file, [JSON.stringify(task)], { execArgv: ['--expose-gc'] });
    try {
      const [report] = (await once(receiver, 'message')) as [ReceiverReport];
      return report;
    } finally {
      receiver.kill('SIGKILL');
    }
  };
  try {
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rates.push((await receive(false)).cpuSeconds / routes);
    const kept = await receive(true);
    const metric = 'from the socket to records, with TLS';
    const unit = 'routes/CPU s';
    return [
      figure(
        { metric, unit, against: 'goal', goal: 1 },
        { ours: rates, other: rates.map(() => 1 / GOAL) },
        (seconds) => 1 / seconds,
      ),
      figure(
        { metric, unit, against: 'saxes without namespaces, parsing alone', goal: GOAL_BESIDE_SAXES },
        { ours: rates, other: rates.map(() => 1 / saxesRate) },
        (seconds) => 1 / seconds,
      ),
      plainFigure(`${metric}, and all of them kept`, unit, [routes / kept.cpuSeconds]),
      limitFigure(
        `${routes} routes received: memory beyond them`,
        'MB',
        [(kept.residentBytes - kept.routeBytes) / 1e6],
        GOAL_MEGABYTES,
      ),
    ];
  } finally {
    await server.close();
  }
}
