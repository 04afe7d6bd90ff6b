// Composition root of the forwarder: configuration, secrets, kernel, sessions, control socket. No algorithm.
// Nothing on the host is touched before configuration, secrets, state file and kernel are known to be good.
import { createLog, loadConfig, serveApi, systemClock } from '@hostpe/daemon';
import { addressFamily } from '@hostpe/net';
import type { Nft, PacketSteering, WatchNft } from '@hostpe/reconciler';
import { openNft, openNftWatch, probeForwarder, Reconciler } from '@hostpe/reconciler';
import type { Rtnetlink, Sysctl } from '@hostpe/rtnetlink';
import { openRtnetlink, openSysctl } from '@hostpe/rtnetlink';
import type { Log } from '@hostpe/xmpp';
import { apiRoutes } from './api.ts';
import { attachmentFile } from './attachments.ts';
import { routeServerName } from './config.ts';
import { connectionTo } from './connection.ts';
import { ForwarderError } from './errors.ts';
import type { LoadedConfig } from './files.ts';
import { loadedConfigSchema } from './files.ts';
import { Forwarder } from './forwarder.ts';
import { forwarderMetrics } from './metrics.ts';
import { RouteServerSession } from './session.ts';
import type { Timers } from './timers.ts';
import { defaultTimers } from './timers.ts';

/** Doors to the kernel; a test opens others. */
export interface Kernel {
  readonly rtnetlink: Rtnetlink;
  readonly sysctl: Sysctl;
  readonly nft: Nft;
  readonly watchNft?: WatchNft;
  /** Default: this host's. */
  readonly steering?: PacketSteering;
}

/** Reads the configuration file and the files that it names; touches nothing. @throws ConfigError */
export async function loadForwarderConfig(file: string): Promise<LoadedConfig> {
  return await loadConfig(file, loadedConfigSchema);
}

/**
 * Starts the forwarder with this host's kernel. `stop` leaves the kernel forwarding.
 * @throws ForwarderError `kernel-features`: one line for each that is missing; nothing was touched.
 */
export async function startForwarder(loaded: LoadedConfig): Promise<{ stop(): Promise<void> }> {
  const log = createLog({ name: 'forwarder', level: loaded.config.logLevel });
  const rtnetlink = await openRtnetlink();
  try {
    const kernel = { rtnetlink, sysctl: openSysctl(), nft: openNft(), watchNft: openNftWatch() };
    const missing = await probeForwarder(
      rtnetlink,
      kernel.sysctl,
      addressFamily(loaded.config.underlay.address),
      kernel.nft,
    );
    if (missing.length > 0)
      throw new ForwarderError(
        'kernel-features',
        missing
          .map(({ feature, missing: consequence, how }) => `${feature}: ${consequence}; ${how}`)
          .join('\n'),
      );
    const running = await runForwarder(loaded, kernel, log);
    return {
      async stop() {
        await running.stop();
        await rtnetlink.close();
      },
    };
  } catch (error) {
    await rtnetlink.close();
    throw error;
  }
}

/** The forwarder on a kernel that has what is needed. */
export async function runForwarder(
  { config, credentials }: LoadedConfig,
  kernel: Kernel,
  log: Log,
  timers: Timers = defaultTimers,
): Promise<{ stop(): Promise<void> }> {
  const reconciler = new Reconciler({ ...kernel, log });
  const stateFile = attachmentFile(config.stateDirectory);
  const forwarder = new Forwarder({ config, clock: systemClock, timers, log, reconciler, stateFile });
  const sessions = [...credentials].map(([settings, secrets]) => {
    const server = routeServerName(settings);
    const events = forwarder.sessionEvents(server);
    return new RouteServerSession({
      server,
      client: connectionTo(settings, secrets, log),
      dialect: settings.dialect,
      clock: systemClock,
      log,
      refusedDelay: timers.refused,
      ...events,
    });
  });
  // Before the kernel is touched: a second forwarder on the same socket must stop here.
  const api = await serveApi({ socket: config.controlSocket, routes: apiRoutes(forwarder), log });
  let metrics: { close(): Promise<void> } | undefined;
  try {
    if (config.metrics !== undefined) {
      const { serveMetrics } = await import('@hostpe/daemon/metrics');
      metrics = await serveMetrics(config.metrics, forwarderMetrics(forwarder), log);
    }
    await forwarder.start(sessions);
  } catch (error) {
    // Its timers would keep the process alive.
    await forwarder.stop();
    await metrics?.close();
    await api.close();
    throw error;
  }
  log.info(
    { controlSocket: config.controlSocket },
    `forwarder ${config.name}: started, PE ${config.underlay.address}`,
  );
  return {
    async stop() {
      await forwarder.stop();
      await metrics?.close();
      await api.close();
      log.info({}, `forwarder ${config.name}: stopped; the kernel goes on forwarding`);
    },
  };
}
