// `hostpe vpn set` and `hostpe vpn delete`.
import { ask, routeServerSocket } from './sockets.ts';
import type { Terminal } from './terminal.ts';

export interface VpnOptions {
  readonly import: readonly string[];
  readonly export: readonly string[];
  readonly forwarder: readonly string[];
  readonly socket?: string;
}

export async function setVpn(name: string, options: VpnOptions, terminal: Terminal): Promise<void> {
  const { import: imports, export: exports, forwarder: forwarders, socket = routeServerSocket } = options;
  const body = { import: imports, export: exports, forwarders };
  await ask([socket], 'PUT', `/vpns/${encodeURIComponent(name)}`, body);
  terminal.out(`VPN ${name}: set\n`);
}

export async function deleteVpn(
  name: string,
  options: { readonly socket?: string },
  terminal: Terminal,
): Promise<void> {
  await ask([options.socket ?? routeServerSocket], 'DELETE', `/vpns/${encodeURIComponent(name)}`);
  terminal.out(`VPN ${name}: deleted\n`);
}
