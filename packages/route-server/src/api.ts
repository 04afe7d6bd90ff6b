// What the control socket tells an operator, as JSON. Reads the control plane, never changes it. Uptime is in seconds,
// points in time are ISO 8601.
import type { PeerView } from '@hostpe/bgp';
import type { Clock } from '@hostpe/daemon';
import { ApiError } from '@hostpe/daemon';
import type { RouteTarget } from '@hostpe/net';
import type { VpnNexthop } from '@hostpe/signaling';
import type { ControlPlane } from './control-plane.ts';
import type { ForwarderState } from './presence.ts';
import { usedPaths } from './selection.ts';
import type { Sessions } from './session.ts';
import type { Vpns } from './vpns.ts';

export interface ApiOptions {
  readonly domain: string;
  /** `address:port`, as bound. */
  readonly listening: readonly string[];
  /** As `clock` has it. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly vpns: Vpns;
  /** Those that a forwarder may join. */
  readonly forwarderVpns: (account: string) => Iterable<string>;
  readonly controlPlane: ControlPlane;
  readonly sessions: Sessions;
  /** BGP peers. */
  readonly peers: () => readonly PeerView[];
}

interface StatusView {
  readonly role: 'route-server';
  readonly domain: string;
  readonly listening: readonly string[];
  readonly uptime: number;
  readonly vpns: number;
  readonly forwarders: { readonly configured: number; readonly online: number };
  readonly routes: number;
  /** VPNs whose End-of-RIB is held back. */
  readonly endOfRibHeldBack: readonly string[];
}

interface VpnView {
  readonly vpn: string;
  readonly import: readonly RouteTarget[];
  readonly export: readonly RouteTarget[];
  readonly routes: number;
  readonly subscribers: readonly string[];
  /** Forwarders for which End-of-RIB is held back. */
  readonly waitingFor: readonly string[];
}

interface ForwarderView {
  readonly account: string;
  readonly state: ForwarderState;
  /** When `state` began. */
  readonly since: string;
  readonly jid?: string;
  readonly remoteAddress?: string;
  /** The VPNs that it may join. */
  readonly vpns: readonly string[];
  readonly subscriptions: readonly { readonly vpn: string; readonly instanceId?: number }[];
  readonly routes: number;
  readonly staleRoutes: number;
}

interface RouteView {
  readonly vpn: string;
  readonly prefix: string;
  /** As announced: those of the used paths. */
  readonly nexthops: readonly VpnNexthop[];
  readonly paths: readonly PathView[];
}

interface PathView {
  /** Published by a forwarder in a VPN, or announced by a BGP peer with an RD. */
  readonly kind: 'forwarder' | 'bgp';
  /** Name of the forwarder or of the peer. */
  readonly account: string;
  /** VPN or RD. */
  readonly vpn: string;
  readonly id: string;
  readonly nexthops: readonly VpnNexthop[];
  readonly sequenceNumber?: number;
  readonly localPreference?: number;
  readonly used: boolean;
  readonly stale: boolean;
}

/** The routes of the control socket, for serveApi. */
export function apiRoutes(options: ApiOptions) {
  return {
    'GET /status': async () => status(options),
    'GET /vpns': async () => [...options.vpns.names()].map((vpn) => vpnView(options, vpn)),
    'GET /forwarders': async () => forwarderViews(options),
    'GET /bgp': async () => options.peers(),
    'GET /routes': async (_body: unknown, { vpn }: Readonly<Record<string, string>>) => {
      if (vpn === undefined) return [...options.vpns.names()].flatMap((name) => routeViews(options, name));
      if (options.vpns.policy(vpn) === undefined) throw new ApiError(404, `VPN ${vpn} is not known here`);
      return routeViews(options, vpn);
    },
  };
}

function status({ controlPlane, vpns, ...options }: ApiOptions): StatusView {
  const names = [...vpns.names()];
  const forwarders = [...controlPlane.presence.forwarders()];
  return {
    role: 'route-server',
    domain: options.domain,
    listening: options.listening,
    uptime: Math.floor((options.clock.now() - options.startedAt) / 1000),
    vpns: names.length,
    forwarders: {
      configured: forwarders.length,
      online: forwarders.filter(({ state }) => state === 'online').length,
    },
    routes: names.reduce((sum, vpn) => sum + controlPlane.rib.tables.size(vpn), 0),
    endOfRibHeldBack: names.filter((vpn) => !controlPlane.gate.isOpen(vpn)),
  };
}

function vpnView({ controlPlane, vpns }: ApiOptions, vpn: string): VpnView {
  const policy = vpns.policy(vpn);
  return {
    vpn,
    import: policy?.import ?? [],
    export: policy?.export ?? [],
    routes: controlPlane.rib.tables.size(vpn),
    subscribers: [...controlPlane.presence.subscribers(vpn)].sort(),
    waitingFor: controlPlane.gate.waitingFor(vpn),
  };
}

function forwarderViews({
  controlPlane,
  sessions,
  forwarderVpns,
  clock,
}: ApiOptions): readonly ForwarderView[] {
  return [...controlPlane.presence.forwarders()].map(({ account, state, since }) => {
    const session = sessions.session(account);
    const { routes, stale } = controlPlane.rib.published(account);
    return {
      account,
      state,
      since: new Date(Date.now() - (clock.now() - since)).toISOString(),
      ...(session && { jid: session.jid, remoteAddress: session.remoteAddress }),
      vpns: [...forwarderVpns(account)],
      subscriptions: [...controlPlane.presence.subscriptions(account)].map(([vpn, instanceId]) => ({
        vpn,
        ...(instanceId !== undefined && { instanceId }),
      })),
      routes,
      staleRoutes: stale,
    };
  });
}

function routeViews({ controlPlane }: ApiOptions, vpn: string): readonly RouteView[] {
  return [...controlPlane.rib.tables.entries(vpn)].map(([announced, paths]) => {
    const used = new Set(usedPaths(paths));
    return {
      vpn,
      prefix: announced.prefix,
      nexthops: announced.nexthops,
      paths: paths.map((path) => {
        const { id, nexthops, sequenceNumber, localPreference } = path.route;
        return {
          kind: path.kind,
          account: path.account,
          vpn: path.vpn,
          id,
          nexthops,
          ...(sequenceNumber !== undefined && { sequenceNumber }),
          ...(localPreference !== undefined && { localPreference }),
          used: used.has(path),
          stale: path.stale,
        };
      }),
    };
  });
}
