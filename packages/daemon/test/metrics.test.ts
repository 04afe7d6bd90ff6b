import { expect, onTestFinished, test, vi } from 'vitest';
import { MetricsError } from '../src/index.ts';
import { type Metric, serveMetrics } from '../src/metrics.ts';

async function serve(metrics: readonly Metric[], port = 0) {
  const log = { info: vi.fn() };
  const served = await serveMetrics({ address: '127.0.0.1', port }, metrics, log);
  onTestFinished(() => served.close());
  return { ...served, log };
}

const routes: Metric = {
  name: 'hostpe_vpn_routes',
  help: 'Prefixes',
  kind: 'gauge',
  labels: ['vpn'],
  values: () => [
    [['red "and" blue\n'], 2],
    [['green'], 0],
  ],
};

test('families are written as Prometheus reads them, as they are when they are asked for', async () => {
  let packets = 3;
  const dropped: Metric = {
    name: 'hostpe_dropped_packets_total',
    help: 'Packets',
    kind: 'counter',
    labels: ['table', 'reason'],
    values: async () => [[['inet', 'spoofed'], packets]],
  };
  const { url } = await serve([routes, dropped]);
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await answer.text();
  expect(text).toContain(
    [
      '# HELP hostpe_vpn_routes Prefixes',
      '# TYPE hostpe_vpn_routes gauge',
      'hostpe_vpn_routes{vpn="red \\"and\\" blue\\n"} 2',
      'hostpe_vpn_routes{vpn="green"} 0',
    ].join('\n'),
  );
  expect(text).toContain('hostpe_dropped_packets_total{table="inet",reason="spoofed"} 3');
  expect(text).toContain('process_resident_memory_bytes');
  packets = 5;
  expect(await (await fetch(url)).text()).toContain('reason="spoofed"} 5');
});

test('what has gone is not there any more', async () => {
  let vpns = ['red', 'blue'];
  const { url } = await serve([{ ...routes, values: () => vpns.map((vpn) => [[vpn], 1] as const) }]);
  expect(await (await fetch(url)).text()).toContain('{vpn="red"} 1');
  vpns = ['blue'];
  expect(await (await fetch(url)).text()).not.toContain('vpn="red"');
});

test('nothing else is served', async () => {
  const { url } = await serve([]);
  expect((await fetch(new URL('/', url))).status).toBe(404);
  expect((await fetch(url, { method: 'POST' })).status).toBe(404);
});

test('a port that is taken is named', async () => {
  const { url, log } = await serve([]);
  expect(log.info).toHaveBeenCalledWith({ metrics: url }, expect.stringContaining(url));
  const port = Number(new URL(url).port);
  const error = await serveMetrics({ address: '127.0.0.1', port }, [], log).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MetricsError);
  expect(error).toMatchObject({
    message: expect.stringContaining(`cannot listen on 127.0.0.1 port ${port}`),
  });
});
