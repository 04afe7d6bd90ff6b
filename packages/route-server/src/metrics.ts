// What Prometheus is told of the route server. Reads, never changes anything; names no secret.
import type { PeerView } from '@hostpe/bgp';
import type { Metric, MetricValues } from '@hostpe/daemon';
import type { BgpExchange } from './bgp/exchange.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Vpns } from './vpns.ts';

export interface MeasuredParts {
  readonly vpns: Vpns;
  readonly controlPlane: ControlPlane;
  readonly exchange: Pick<BgpExchange, 'speaker'> | undefined;
}

export function routeServerMetrics({ vpns, controlPlane, exchange }: MeasuredParts): readonly Metric[] {
  const { presence, rib } = controlPlane;
  const gauge = (
    name: string,
    help: string,
    labels: readonly string[],
    values: () => MetricValues,
  ): Metric => ({
    name,
    help,
    kind: 'gauge',
    labels,
    values,
  });
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    values: () => MetricValues,
  ): Metric => ({
    ...gauge(name, help, labels, values),
    kind: 'counter',
  });
  const ofVpns = (value: (vpn: string) => number) => () =>
    [...vpns.names()].map((vpn) => [[vpn], value(vpn)] as const);
  const ofForwarders = (value: (account: string) => number) => () =>
    [...presence.forwarders()].map(({ account }) => [[account], value(account)] as const);
  const ofPeers = (value: (peer: PeerView) => number) => () =>
    (exchange?.speaker.peers ?? []).map((peer) => [[peer.name], value(peer)] as const);
  return [
    gauge(
      'hostpe_forwarders',
      'Forwarders by state: online, lost (its routes are kept), absent',
      ['state'],
      () => {
        const counts = new Map([
          ['online', 0],
          ['lost', 0],
          ['absent', 0],
        ]);
        for (const { state } of presence.forwarders()) counts.set(state, (counts.get(state) ?? 0) + 1);
        return [...counts].map(([state, count]) => [[state], count] as const);
      },
    ),
    gauge(
      'hostpe_forwarder_routes',
      'Routes that a forwarder has published, in all VPNs',
      ['forwarder'],
      ofForwarders((account) => rib.published(account).routes),
    ),
    gauge(
      'hostpe_forwarder_stale_routes',
      'Of these, those of a lost session that it has not published again',
      ['forwarder'],
      ofForwarders((account) => rib.published(account).stale),
    ),
    gauge(
      'hostpe_vpn_routes',
      'Prefixes that a VPN has a route to',
      ['vpn'],
      ofVpns((vpn) => rib.tables.size(vpn)),
    ),
    gauge(
      'hostpe_vpn_subscribers',
      'Forwarders that are subscribed to a VPN',
      ['vpn'],
      ofVpns((vpn) => presence.subscribers(vpn).size),
    ),
    gauge('hostpe_vpns_held_back', 'VPNs whose End-of-RIB is held back', [], () => [
      [[], [...vpns.names()].filter((vpn) => !controlPlane.gate.isOpen(vpn)).length],
    ]),
    ...(exchange === undefined
      ? []
      : [
          gauge(
            'hostpe_bgp_peer_established',
            '1 where the session with the peer is established',
            ['peer'],
            ofPeers(({ state }) => Number(state === 'established')),
          ),
          gauge(
            'hostpe_bgp_peer_received_paths',
            'Paths of a peer that are kept',
            ['peer'],
            ofPeers(({ received }) => received),
          ),
          gauge(
            'hostpe_bgp_peer_announced_routes',
            'Routes that a peer was told of and were not taken back',
            ['peer'],
            ofPeers(({ announced }) => announced),
          ),
          counter(
            'hostpe_bgp_peer_updates_received_total',
            'UPDATE messages of a peer',
            ['peer'],
            ofPeers(({ updatesReceived }) => updatesReceived),
          ),
          counter(
            'hostpe_bgp_peer_updates_sent_total',
            'UPDATE messages to a peer',
            ['peer'],
            ofPeers(({ updatesSent }) => updatesSent),
          ),
          gauge('hostpe_bgp_destinations', 'Destinations (RD and prefix) in the loc-RIB', [], () => [
            [[], exchange.speaker.rib.dests],
          ]),
          gauge('hostpe_bgp_paths', 'Paths in the loc-RIB', [], () => [[[], exchange.speaker.rib.paths]]),
        ]),
  ];
}
