// What the control socket tells an operator, as JSON. Reads the control plane, never changes it. Uptime is in seconds,
// points in time are ISO 8601.
import type { PeerView } from '@hostpe/bgp';
import type { Clock } from '@hostpe/daemon';
import { ApiError } from '@hostpe/daemon';
import {
  type IpPrefix,
  NetError,
  parseIpPrefix,
  parseRouteDistinguisher,
  type RouteTarget,
} from '@hostpe/net';
import type { VpnNexthop, VpnRoute } from '@hostpe/signaling';
import type { BgpExchange } from './bgp/exchange.ts';
import type { BgpRouteFilter } from './bgp/views.ts';
import { type CommandedVpn, commandedVpnSchema } from './commanded-vpns.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ForwarderState } from './presence.ts';
import { routeTargets } from './route-target-views.ts';
import { reasonOf, usedPaths } from './selection.ts';
import type { Sessions } from './session.ts';
import type { TablePath } from './vpn-tables.ts';
import type { Vpns } from './vpns.ts';

/** What operators may change. */
export interface Commands {
  isCommanded(vpn: string): boolean;
  /** @throws ApiError where it is not to be; StateFileError */
  setVpn(vpn: CommandedVpn): Promise<void>;
  /** @throws ApiError where there is none that a command made; StateFileError */
  deleteVpn(name: string): Promise<void>;
}

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
  readonly commands: Commands;
  readonly controlPlane: ControlPlane;
  readonly sessions: Sessions;
  /** Undefined where no BGP is configured. */
  readonly exchange: Pick<BgpExchange, 'speaker' | 'routes'> | undefined;
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
  readonly origin: 'configuration' | 'command';
  readonly import: readonly RouteTarget[];
  readonly export: readonly RouteTarget[];
  readonly routes: number;
  /** The most that it may have. */
  readonly maxRoutes?: number;
  /** Prefixes beyond that, of which nobody is told. */
  readonly keptBack: number;
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
  /** Why it is used, or is not. */
  readonly reason: string;
  readonly stale: boolean;
}

type Parameters = Readonly<Record<string, string>>;

/** The routes of the control socket, for serveApi. */
export function apiRoutes(options: ApiOptions) {
  return {
    'GET /status': async () => status(options),
    'GET /vpns': async () => [...options.vpns.names()].map((vpn) => vpnView(options, vpn)),
    'PUT /vpns/:vpn': async (body: unknown, { vpn }: Parameters) => {
      const read = commandedVpnSchema.safeParse({ ...(typeof body === 'object' ? body : {}), vpn });
      if (!read.success)
        throw new ApiError(
          400,
          read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'),
        );
      await options.commands.setVpn(read.data);
      return vpnView(options, read.data.vpn);
    },
    'DELETE /vpns/:vpn': async (_body: unknown, { vpn = '' }: Parameters) => {
      await options.commands.deleteVpn(vpn);
      return { deleted: vpn };
    },
    'GET /forwarders': async () => forwarderViews(options),
    'GET /bgp': async (): Promise<readonly PeerView[]> => options.exchange?.speaker.peers ?? [],
    'GET /bgp/routes': async (_body: unknown, parameters: Parameters) =>
      options.exchange?.routes(bgpFilterOf(parameters)) ?? [],
    'GET /rt': async () => routeTargets(options.exchange?.speaker, options.vpns),
    'GET /routes': async (_body: unknown, { vpn, prefix }: Parameters) => {
      if (vpn !== undefined && options.vpns.policy(vpn) === undefined)
        throw new ApiError(404, `VPN ${vpn} is not known here`);
      const names = vpn === undefined ? [...options.vpns.names()] : [vpn];
      return routeViews(
        options,
        names,
        prefix === undefined ? undefined : parsed('prefix', prefix, parseIpPrefix),
      );
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

function vpnView({ controlPlane, vpns, commands }: ApiOptions, vpn: string): VpnView {
  const policy = vpns.policy(vpn);
  return {
    vpn,
    origin: commands.isCommanded(vpn) ? 'command' : 'configuration',
    import: policy?.import ?? [],
    export: policy?.export ?? [],
    routes: controlPlane.rib.tables.size(vpn),
    ...(policy?.maxRoutes !== undefined && { maxRoutes: policy.maxRoutes }),
    keptBack: controlPlane.rib.tables.kept(vpn),
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

function* routeViews(
  { controlPlane }: ApiOptions,
  vpns: readonly string[],
  prefix: IpPrefix | undefined,
): Generator<RouteView> {
  const { tables } = controlPlane.rib;
  for (const vpn of vpns)
    if (prefix === undefined)
      for (const [announced, paths] of tables.entries(vpn)) yield routeView(vpn, announced, paths);
    else {
      const announced = tables.announced(vpn, prefix);
      if (announced !== undefined) yield routeView(vpn, announced, tables.paths(vpn, prefix));
    }
}

function routeView(vpn: string, { prefix, nexthops }: VpnRoute, paths: readonly TablePath[]): RouteView {
  const used = usedPaths(paths);
  return {
    vpn,
    prefix,
    nexthops,
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
        used: used.includes(path),
        reason: reasonOf(path, used),
        stale: path.stale,
      };
    }),
  };
}

function bgpFilterOf({ family, rd, prefix }: Parameters): BgpRouteFilter {
  if (family !== undefined && family !== 'vpnv4' && family !== 'vpnv6')
    throw new ApiError(400, `family: ${family} is not vpnv4 or vpnv6`);
  return {
    ...(family !== undefined && { family }),
    ...(rd !== undefined && { rd: parsed('rd', rd, parseRouteDistinguisher) }),
    ...(prefix !== undefined && { prefix: parsed('prefix', prefix, parseIpPrefix) }),
  };
}

/** @throws ApiError that names the parameter. */
function parsed<Value>(name: string, text: string, parse: (text: string) => Value): Value {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof NetError) throw new ApiError(400, `${name}: ${error.message}`);
    throw error;
  }
}
