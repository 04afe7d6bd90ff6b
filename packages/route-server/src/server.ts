// The route server put together: configuration, XMPP, control plane, API. Owns the order of start and stop; no
// algorithm.
import { X509Certificate } from 'node:crypto';
import { ConfigError, createLog, loadConfig, serveApi, systemClock } from '@hostpe/daemon';
import { EntryReader } from '@hostpe/signaling';
import { type Log, OpenStreamServer, XmppError, XmppServer } from '@hostpe/xmpp';
import { apiRoutes } from './api.ts';
import { Background } from './background.ts';
import { type RouteServerConfig, routeServerConfigSchema } from './config.ts';
import { ControlPlane } from './control-plane.ts';
import { openStreamIdentities, openStreamListeners } from './open-stream.ts';
import { Sessions } from './session.ts';
import { Turns } from './turns.ts';
import { Vpns } from './vpns.ts';

export interface RouteServerOptions {
  readonly configFile: string;
  /** Instead of the one that the configuration asks for. */
  readonly log?: Log;
}

export interface RunningRouteServer {
  /** `address:port`, as bound. */
  readonly listening: readonly string[];
  /** Reads the certificates anew, with the configuration that names them; what is wrong is logged, and the former ones stay. */
  reload(): Promise<void>;
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
  const turns = new Turns();
  const sessions = new Sessions({
    log,
    // The server knows no session of an account that is not configured.
    dialect: (account) => config.forwarders.get(account)?.dialect ?? 'end-system-06',
    defer: setImmediate,
    wait: () => turns.wait(),
  });
  const background = new Background();
  const run = (steps: Iterable<unknown>, done: () => void) => background.run(steps, done);
  // What is needed for BGP alone, a native library among it, is loaded where it is configured.
  const bgp = config.bgp && {
    configuration: config.bgp,
    BgpExchange: (await import('./bgp/exchange.ts')).BgpExchange,
  };
  const exchange =
    bgp &&
    new bgp.BgpExchange({
      configuration: bgp.configuration,
      vpns,
      forwarders: config.forwarders,
      clock: systemClock,
      log,
      run,
      controlPlane: () => controlPlane,
    });
  const controlPlane: ControlPlane = new ControlPlane({
    vpns,
    ...(exchange && { exchange }),
    forwarders: config.forwarders,
    withdrawDelay: config.withdrawDelay,
    restartDelay: config.restartDelay,
    lowerStale: config.lowerStale,
    clock: systemClock,
    log,
    run,
    changed: (vpn, accounts) => sessions.changed(vpn, accounts),
    endOfRib: (vpn, accounts) => sessions.endOfRib(vpn, accounts),
    startTable: (vpn, account) => sessions.startTable(vpn, account),
  });
  const xmpp = new XmppServer({
    domain: config.domain,
    listen: config.listen,
    tls: config.tls,
    credentials: (account) => config.forwarders.get(account)?.credentials,
    certificateAccount: ({ kind, value }) => {
      if (kind !== 'account') return config.certificateNames.get(value.toLowerCase());
      const forwarder = config.forwarders.get(value);
      // One door an account: two would be two sessions.
      return forwarder && !forwarder.openStream ? value : undefined;
    },
    readers: () => [new EntryReader()],
    log,
  });
  xmpp.on('session', (session) => sessions.accept(session, controlPlane));
  const openStreams = new OpenStreamServer({
    domain: config.domain,
    listen: openStreamListeners(config.openStreams),
    tls: config.tls,
    identify: openStreamIdentities(config.forwarders, config.domain),
    readers: () => [new EntryReader()],
    log,
  });
  openStreams.on('session', (session) => sessions.accept(session, controlPlane));

  const listening: string[] = [];
  let api: { close(): Promise<void> } | undefined;
  const stop = async () => {
    sessions.stop();
    exchange?.speaker.stop('the route server stops');
    await Promise.all([xmpp.close(), openStreams.close()]);
    // After the last request, which may have set a timer.
    controlPlane.stop();
    background.stop();
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
        peers: () => exchange?.speaker.peers ?? [],
      }),
      log,
    });
    for (const { address, port } of await xmpp.listen()) listening.push(endpoint(address, port));
    const open = (await openStreams.listen()).map(({ address, port }) => endpoint(address, port));
    listening.push(...open);
    for (const { address, port } of (await exchange?.speaker.start()) ?? [])
      listening.push(endpoint(address, port));
    if (open.length > 0) warnOfOpenStreams(open, config, log);
  } catch (error) {
    await stop();
    throw error;
  }
  announce(config, listening, log);
  // One after another: what was read last is what stays.
  let reloaded = Promise.resolve();
  const reload = () => {
    reloaded = reloaded.then(() => reloadCertificate(options.configFile, [xmpp, openStreams], log));
    return reloaded;
  };
  return { listening, reload, stop };
}

async function reloadCertificate(
  configFile: string,
  servers: readonly (XmppServer | OpenStreamServer)[],
  log: Log,
): Promise<void> {
  try {
    const { tls, domain } = await loadConfig(configFile, routeServerConfigSchema);
    for (const server of servers) server.setTls(tls);
    const { validTo, fingerprint256 } = new X509Certificate(tls.certificate);
    log.info(
      { domain, validTo, fingerprint256 },
      `the certificate of ${domain} was read anew: it is valid until ${validTo}, and shown to forwarders that connect from now on`,
    );
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof XmppError)) throw error;
    log.error(
      { error },
      `the certificate cannot be read anew, the former one stays in use: ${error.message.replaceAll('\n', '; ')}`,
    );
  }
}

function announce(config: RouteServerConfig, listening: readonly string[], log: Log): void {
  const { domain, vpns, forwarders, restartDelay } = config;
  log.info(
    { listening, domain, vpns: vpns.size, forwarders: forwarders.size },
    `listening on ${listening.join(', ')}; End-of-RIB is held back until all forwarders are back, ${restartDelay / 1000} s at the most after the first`,
  );
}

function warnOfOpenStreams(open: readonly string[], { forwarders }: RouteServerConfig, log: Log): void {
  const accounts = [...forwarders].flatMap(([account, { openStream }]) => (openStream ? [account] : []));
  log.warn(
    { openStreams: open, accounts },
    `open-stream: ${open.join(', ')} takes forwarders without authentication (${accounts.join(', ') || 'none is configured'}): whoever can connect from the addresses listed for one can speak for it`,
  );
}

const endpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
