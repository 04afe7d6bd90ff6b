// The route server put together: configuration, XMPP, control plane, API. Owns the order of start and stop; no
// algorithm.
import { createLog, loadConfig, serveApi } from '@hostpe/daemon';
import { EntryReader } from '@hostpe/signaling';
import { type Log, XmppServer } from '@hostpe/xmpp';
import { apiRoutes } from './api.ts';
import { systemClock } from './clock.ts';
import { type RouteServerConfig, routeServerConfigSchema } from './config.ts';
import { ControlPlane } from './control-plane.ts';
import { Sessions } from './session.ts';
import { Vpns } from './vpns.ts';

export interface RouteServerOptions {
  readonly configFile: string;
  /** Instead of the one that the configuration asks for. */
  readonly log?: Log;
}

export interface RunningRouteServer {
  /** `address:port`, as bound. */
  readonly listening: readonly string[];
  /** Ends all sessions and the API. Forwarders keep forwarding. */
  stop(): Promise<void>;
}

/**
 * Starts the route server.
 * @throws ConfigError for a configuration that cannot be used, before anything else is done; ControlSocketError; XmppError
 * `listen`.
 */
export async function startRouteServer(options: RouteServerOptions): Promise<RunningRouteServer> {
  const config = await loadConfig(options.configFile, routeServerConfigSchema);
  const log = options.log ?? createLog({ name: 'route-server', level: config.logLevel });

  const vpns = new Vpns(config.vpns);
  const sessions = new Sessions({
    log,
    // The server knows no session of an account that is not configured.
    dialect: (account) => config.forwarders.get(account)?.dialect ?? 'end-system-06',
    defer: setImmediate,
  });
  const controlPlane = new ControlPlane({
    vpns,
    forwarders: config.forwarders,
    withdrawDelay: config.withdrawDelay,
    restartDelay: config.restartDelay,
    clock: systemClock,
    log,
    deliver: (event, accounts) => sessions.deliver(event, accounts),
  });
  const xmpp = new XmppServer({
    domain: config.domain,
    listen: config.listen,
    tls: config.tls,
    credentials: (account) => config.forwarders.get(account)?.credentials,
    readers: () => [new EntryReader()],
    log,
  });
  xmpp.on('session', (session) => sessions.accept(session, controlPlane));

  const listening: string[] = [];
  let api: { close(): Promise<void> } | undefined;
  const stop = async () => {
    sessions.stop();
    await xmpp.close();
    // After the last request, which may have set a timer.
    controlPlane.stop();
    await api?.close();
  };
  try {
    // First, for it knows whether another one is running already.
    api = await serveApi({
      socket: config.controlSocket,
      routes: apiRoutes({
        domain: config.domain,
        listening,
        startedAt: systemClock.now(),
        clock: systemClock,
        vpns,
        forwarders: config.forwarders,
        controlPlane,
        sessions,
      }),
      log,
    });
    for (const { address, port } of await xmpp.listen()) listening.push(endpoint(address, port));
  } catch (error) {
    await stop();
    throw error;
  }
  announce(config, listening, log);
  return { listening, stop };
}

function announce(config: RouteServerConfig, listening: readonly string[], log: Log): void {
  const { domain, vpns, forwarders, restartDelay } = config;
  log.info(
    { listening, domain, vpns: vpns.size, forwarders: forwarders.size },
    `listening on ${listening.join(', ')}; End-of-RIB is held back until all forwarders are back, ${restartDelay / 1000} s at the most after the first`,
  );
}

const endpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
