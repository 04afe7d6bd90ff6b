// `hostpe route-server`. Loaded only when it is asked for.
import { loadConfig, runDaemon } from '@hostpe/daemon';
import { routeServerConfigSchema, startRouteServer } from '@hostpe/route-server';
import type { Terminal } from './terminal.ts';

export function routeServer(file: string): Promise<number> {
  return runDaemon({ name: 'route-server', start: () => startRouteServer({ configFile: file }) });
}

/** @throws ConfigError */
export async function checkRouteServer(file: string, terminal: Terminal): Promise<number> {
  const { domain, vpns, forwarders } = await loadConfig(file, routeServerConfigSchema);
  terminal.out(`${file}: ok: ${domain}, ${vpns.size} VPNs, ${forwarders.size} forwarders\n`);
  return 0;
}
