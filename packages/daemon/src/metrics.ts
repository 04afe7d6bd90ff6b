// The metrics of a daemon, as Prometheus reads them: an HTTP listener of its own, there only where the configuration asks for one. Knows none of them but those of
// the process; whoever can connect can read them, and change nothing.
import { createServer } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { MetricsError } from './errors.ts';
import type { Log } from './log.ts';

/** What is measured: a family in the words of Prometheus. */
export interface Metric {
  /** `hostpe_…`; that of a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels: readonly string[];
  /** As they are when they are asked for: values of the labels, in their order, and the number. */
  readonly values: () => MetricValues | Promise<MetricValues>;
}

export type MetricValues = Iterable<readonly [labels: readonly string[], value: number]>;

export interface MetricsListener {
  readonly address: string;
  readonly port: number;
}

/** @param listener port 0 lets the system choose, the log says what. @throws MetricsError where the address or port cannot be had */
export async function serveMetrics(
  { address, port }: MetricsListener,
  metrics: readonly Metric[],
  log: Pick<Log, 'info'>,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const metric of metrics) collected(metric, register);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    register.metrics().then(
      (text) => response.writeHead(200, { 'content-type': register.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new MetricsError(`metrics: cannot listen on ${address} port ${port}: ${cause.message}`, { cause }),
      ),
    );
    server.listen({ host: address, port }, resolve);
  });
  const bound = server.address();
  const host = address.includes(':') ? `[${address}]` : address;
  const url = `http://${host}:${typeof bound === 'object' && bound !== null ? bound.port : port}/metrics`;
  log.info({ metrics: url }, `metrics: ${url}, for whoever can connect`);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function collected({ name, help, kind, labels, values }: Metric, register: Registry): void {
  const common = { name, help, labelNames: labels, registers: [register] };
  const named = (given: readonly string[]) =>
    Object.fromEntries(labels.map((label, at) => [label, given[at] ?? '']));
  if (kind === 'gauge')
    new Gauge({
      ...common,
      async collect() {
        const all = await values();
        this.reset();
        for (const [given, value] of all) this.set(named(given), value);
      },
    });
  else
    new Counter({
      ...common,
      async collect() {
        const all = await values();
        this.reset();
        for (const [given, value] of all) this.inc(named(given), value);
      },
    });
}
