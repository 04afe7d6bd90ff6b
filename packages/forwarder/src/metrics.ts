// What Prometheus is told of the forwarder. Reads, never changes anything; names no secret.
import type { Metric, MetricValues } from '@hostpe/daemon';
import type { Forwarder } from './forwarder.ts';
import { attachmentViews, sessionViews, statusView, vpnViews } from './views.ts';

export function forwarderMetrics(forwarder: Forwarder): readonly Metric[] {
  const gauge = (
    name: string,
    help: string,
    labels: readonly string[],
    values: () => MetricValues,
  ): Metric => ({ name, help, kind: 'gauge', labels, values });
  const drops = async (count: 'packets' | 'bytes') =>
    (await forwarder.drops()).map((drop) => [[drop.table, drop.reason], Number(drop[count])] as const);
  return [
    gauge('hostpe_attachments', 'Attachments by state', ['state'], () => {
      const counts = new Map([['ready', 0]]);
      for (const { state } of attachmentViews(forwarder)) counts.set(state, (counts.get(state) ?? 0) + 1);
      return [...counts].map(([state, count]) => [[state], count] as const);
    }),
    gauge('hostpe_vpn_routes', 'Prefixes that a VPN has a route to', ['vpn'], () =>
      vpnViews(forwarder).map(({ vpn, routes }) => [[vpn], routes] as const),
    ),
    gauge('hostpe_vpn_complete', '1 where the route servers have told all of a VPN', ['vpn'], () =>
      vpnViews(forwarder).map(({ vpn, complete }) => [[vpn], Number(complete)] as const),
    ),
    gauge('hostpe_route_server_online', '1 where the session with the route server is up', ['server'], () =>
      sessionViews(forwarder).map(({ server, state }) => [[server], Number(state === 'online')] as const),
    ),
    gauge('hostpe_kernel_pending', 'Operations that the last pass left to do in the kernel', [], () => [
      [[], statusView(forwarder).kernel.pending ?? 0],
    ]),
    gauge('hostpe_kernel_failures', 'Kernel objects that are not as they should be', [], () => [
      [[], statusView(forwarder).kernel.failures.length],
    ]),
    {
      name: 'hostpe_dropped_packets_total',
      help: 'Packets kept from tenants and tunnels, by table and reason',
      kind: 'counter',
      labels: ['table', 'reason'],
      values: () => drops('packets'),
    },
    {
      name: 'hostpe_dropped_bytes_total',
      help: 'Their bytes',
      kind: 'counter',
      labels: ['table', 'reason'],
      values: () => drops('bytes'),
    },
  ];
}
