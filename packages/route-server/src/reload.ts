// What a running route server takes over of a configuration that was read anew, and what it cannot. Pure; the one that calls it acts.
import { isDeepStrictEqual } from 'node:util';
import type { RouteServerConfig } from './config.ts';
import type { ControlPlaneSettings } from './control-plane.ts';

/** Keys of which another value takes a restart, each with what it holds. */
const untilRestart: Readonly<Record<string, (config: RouteServerConfig) => unknown>> = {
  domain: ({ domain }) => domain,
  listen: ({ listen }) => listen,
  'open-stream': ({ openStreams }) => openStreams,
  metrics: ({ metrics }) => metrics,
  'control-socket': ({ controlSocket }) => controlSocket,
  'state-directory': ({ stateDirectory }) => stateDirectory,
  bgp: ({ bgp }) => bgp === undefined,
  'bgp.as': ({ bgp }) => bgp?.as,
  'bgp.identifier': ({ bgp }) => bgp?.identifier,
  'bgp.cluster-id': ({ bgp }) => bgp?.clusterId,
  'bgp.listen': ({ bgp }) => bgp?.listen,
  'bgp.restart-time': ({ bgp }) => bgp?.restartTime,
};

/** Keys that have another value than the route server was started with, and keep their former one until it is started again. */
export function needsRestart(running: RouteServerConfig, read: RouteServerConfig): readonly string[] {
  return Object.entries(untilRestart)
    .filter(([, held]) => !isDeepStrictEqual(held(running), held(read)))
    .map(([key]) => key)
    .filter((key, _, keys) => !key.startsWith('bgp.') || !keys.includes('bgp'));
}

/** The part of the configuration that the control plane is about. */
export function controlPlaneSettings({
  forwarders,
  withdrawDelay,
  restartDelay,
  lowerStale,
}: RouteServerConfig): ControlPlaneSettings {
  return {
    forwarders: new Map(
      [...forwarders].map(([account, { addresses, vpns, login, maxRoutes }]) => [
        account,
        { addresses, vpns, login, maxRoutes },
      ]),
    ),
    withdrawDelay,
    restartDelay,
    lowerStale,
  };
}
