// What the parts of the benchmark have in common: the host, how large it is, and how it is put back to nothing.
import { FORWARDER_PROTOCOL, VRF_TABLE_BASE } from '@hostpe/reconciler';
import type { RouteColumns } from '@hostpe/rtnetlink';
import { Daemon, type Host, openHost } from './daemon.ts';
import { ip } from './namespace.ts';

export interface Bench {
  /** What stands for all devices. */
  readonly device: number;
  readonly mostRoutes: number;
  /** Tells people what happens. */
  readonly say: (line: string) => void;
}

export interface Scene {
  readonly host: Host;
  /** To be started, where there is none. */
  newDaemon(): Daemon;
  /** Ends the daemon; the kernel stays as it is. */
  stop(): Promise<void>;
  /** All routes of ours, as the kernel has them. */
  routes(): Promise<RouteColumns>;
  /** Takes the routes away, under a daemon or without one. */
  flush(): void;
  close(): Promise<void>;
}

/** A host with so many VPNs. */
export async function openScene({ device }: Bench, vpns: number): Promise<Scene> {
  const host = await openHost(vpns, device);
  let daemon: Daemon | undefined;
  const scene: Scene = {
    host,
    newDaemon() {
      daemon = new Daemon(host);
      return daemon;
    },
    async stop() {
      await daemon?.stop();
      daemon = undefined;
    },
    routes: () => host.kernel.dumpRoutes({ family: 'ipv4', protocol: FORWARDER_PROTOCOL }),
    flush() {
      for (let vpn = 1; vpn <= vpns; vpn++)
        ip(['route', 'flush', 'table', String(VRF_TABLE_BASE + vpn), 'protocol', String(FORWARDER_PROTOCOL)]);
    },
    async close() {
      await scene.stop();
      scene.flush();
      ip(['nexthop', 'flush', 'protocol', String(FORWARDER_PROTOCOL)]);
      await host.kernel.close();
    },
  };
  return scene;
}

/** @throws Error where the kernel has not so many routes by nexthop objects */
export async function checkRoutes(scene: Scene, wanted: number): Promise<RouteColumns> {
  const routes = await scene.routes();
  const count = routes.nexthopIds.reduce((sum, id) => sum + (id === 0 ? 0 : 1), 0);
  if (count !== wanted) throw new Error(`the kernel has ${count} routes instead of ${wanted}`);
  return routes;
}
