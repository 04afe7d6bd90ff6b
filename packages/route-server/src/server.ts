// The route server put together: configuration, XMPP, control plane, API. Owns the order of start and stop; no
// algorithm.
import { X509Certificate } from 'node:crypto';
import { ApiError, ConfigError, createLog, loadConfig, serveApi, systemClock } from '@hostpe/daemon';
import { EntryReader } from '@hostpe/signaling';
import { type Log, OpenStreamServer, XmppError, XmppServer } from '@hostpe/xmpp';
import { apiRoutes, type Commands } from './api.ts';
import { Background } from './background.ts';
import { CommandedVpns, withCommanded } from './commanded-vpns.ts';
import { type RouteServerConfig, routeServerConfigSchema } from './config.ts';
import { ControlPlane } from './control-plane.ts';
import { routeServerMetrics } from './metrics.ts';
import { openStreamIdentities, openStreamListeners } from './open-stream.ts';
import { controlPlaneSettings, needsRestart } from './reload.ts';
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
  /** Reads the configuration and the files that it names anew; where something is wrong with them that is logged, and nothing changes. */
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
  const started = await loadConfig(options.configFile, routeServerConfigSchema);
  const commanded = new CommandedVpns(started.stateDirectory);
  const problems = await commanded.load();
  /** As the file has it, and with what commands made. */
  let written = started;
  let config = withCommanded(written, commanded.vpns);
  const logger = createLog({ name: 'route-server', level: config.logLevel });
  const log = options.log ?? logger;

  for (const problem of problems) log.error({}, `${problem}; this VPN is left out, the others stand`);
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
      addresses: (account) => config.forwarders.get(account)?.addresses ?? [],
      clock: systemClock,
      log,
      run,
      controlPlane: () => controlPlane,
    });
  const controlPlane: ControlPlane = new ControlPlane({
    ...controlPlaneSettings(config),
    vpns,
    ...(exchange && { exchange }),
    clock: systemClock,
    log,
    run,
    changed: (vpn, accounts) => sessions.changed(vpn, accounts),
    endOfRib: (vpn, accounts) => sessions.endOfRib(vpn, accounts),
    startTable: (vpn, account) => sessions.startTable(vpn, account),
    endSession: (account, reason) => sessions.end(account, reason),
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
  let identities = openStreamIdentities(config.forwarders, config.domain);
  const openStreams = new OpenStreamServer({
    domain: config.domain,
    listen: openStreamListeners(config.openStreams),
    tls: config.tls,
    identify: (name, remoteAddress) => identities(name, remoteAddress),
    readers: () => [new EntryReader()],
    log,
  });
  openStreams.on('session', (session) => sessions.accept(session, controlPlane));

  // One after another: what came last is what stays.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (change: () => Promise<void>): Promise<void> => {
    const done = last.then(change);
    last = done.catch(() => {});
    return done;
  };
  const commands: Commands = {
    isCommanded: (vpn) => commanded.vpns.has(vpn) && !written.vpns.has(vpn),
    setVpn: (vpn) =>
      inTurn(async () => {
        if (written.vpns.has(vpn.vpn))
          throw new ApiError(409, `VPN ${vpn.vpn} is in the configuration file: change it there`);
        const unknown = vpn.forwarders.filter((account) => !written.forwarders.has(account));
        if (unknown.length > 0)
          throw new ApiError(400, `forwarders: ${unknown.join(', ')}: not in the configuration file`);
        await commanded.set(vpn);
        apply();
      }),
    deleteVpn: (name) =>
      inTurn(async () => {
        if (written.vpns.has(name))
          throw new ApiError(409, `VPN ${name} is in the configuration file: remove it there`);
        if (!commanded.vpns.has(name)) throw new ApiError(404, `VPN ${name} is not known here`);
        await commanded.remove(name);
        apply();
      }),
  };
  const listening: string[] = [];
  let api: { close(): Promise<void> } | undefined;
  let metrics: { close(): Promise<void> } | undefined;
  const stop = async () => {
    sessions.stop();
    exchange?.speaker.stop('the route server stops');
    await Promise.all([xmpp.close(), openStreams.close()]);
    // After the last request, which may have set a timer.
    controlPlane.stop();
    background.stop();
    await metrics?.close();
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
        commands,
        forwarderVpns: (account) => config.forwarders.get(account)?.vpns ?? [],
        controlPlane,
        sessions,
        exchange,
      }),
      log,
    });
    if (config.metrics !== undefined) {
      const { serveMetrics } = await import('@hostpe/daemon/metrics');
      metrics = await serveMetrics(config.metrics, routeServerMetrics({ vpns, controlPlane, exchange }), log);
    }
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

  const apply = () => {
    config = withCommanded(written, commanded.vpns);
    identities = openStreamIdentities(config.forwarders, started.domain);
    controlPlane.reconfigure(config.vpns, controlPlaneSettings(config));
  };
  const takeOver = (read: RouteServerConfig) => {
    for (const server of [xmpp, openStreams]) server.setTls(read.tls);
    written = read;
    logger.level = read.logLevel;
    apply();
    if (exchange && read.bgp) exchange.reconfigure(read.bgp.peers);
    announceReload(started, read, config, log);
  };
  const reload = async () => {
    try {
      takeOver(await loadConfig(options.configFile, routeServerConfigSchema));
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof XmppError)) throw error;
      const reason = error.message.replaceAll('\n', '; ');
      log.error({ error }, `the configuration cannot be read anew, nothing changes: ${reason}`);
    }
  };
  return { listening, reload: () => inTurn(reload), stop };
}

function announceReload(
  started: RouteServerConfig,
  read: RouteServerConfig,
  { vpns, forwarders }: RouteServerConfig,
  log: Log,
): void {
  const { validTo, fingerprint256 } = new X509Certificate(read.tls.certificate);
  log.info(
    { vpns: vpns.size, forwarders: forwarders.size, validTo, fingerprint256 },
    `the configuration was read anew: ${vpns.size} VPNs, ${forwarders.size} forwarders, ${read.bgp?.peers.length ?? 0} BGP peers; the certificate of ${started.domain} is valid until ${validTo}`,
  );
  const keys = needsRestart(started, read);
  if (keys.length > 0)
    log.warn({ keys }, `${keys.join(', ')}: another value takes a restart, the former one stays until then`);
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
