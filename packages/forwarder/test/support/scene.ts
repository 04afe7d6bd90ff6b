// What most tests of the forwarder begin with: a host with one machine, and one route server or several.
import type { Dialect } from '@hostpe/signaling';
import { vi } from 'vitest';
import { Host } from './host.ts';
import { makeCertificate, ScriptedRouteServer } from './scripted-route-server.ts';

const certificate = makeCertificate();
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** The table of the first VPN. */
export const red = 16001;
export const configured = { attachments: [{ interface: 'v-red1', vpn: 'red', addresses: ['10.1.0.1'] }] };
/** The item of `configured`. */
export const redId = '10.255.0.1:1:10.1.0.1/32';

export const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 10 });

export interface Scene {
  readonly host: Host;
  readonly servers: readonly ScriptedRouteServer[];
  /** Of `servers`, the first. */
  readonly server: ScriptedRouteServer;
  close(): Promise<void>;
}

/** Route servers, running, and a host with the machine `v-red1`, whose forwarder is not started. */
export async function openScene(
  first: Dialect = 'end-system-06',
  ...others: readonly Dialect[]
): Promise<Scene> {
  const server = new ScriptedRouteServer(certificate, log, first);
  const servers = [server, ...others.map((dialect) => new ScriptedRouteServer(certificate, log, dialect))];
  for (const one of servers) await one.start();
  const host = new Host(servers, certificate.certificate);
  host.addMachine('v-red1');
  return {
    host,
    servers,
    server,
    async close() {
      await host.stop();
      for (const one of servers) await one.stop();
      host.remove();
    },
  };
}
