// `hostpe attach` and `hostpe detach`.
import { ask, forwarderSocket } from './sockets.ts';
import type { Terminal } from './terminal.ts';

export interface AttachOptions {
  readonly vpn: string;
  readonly address: readonly string[];
  readonly mac?: string;
  readonly vlan?: { readonly parent: string; readonly id: number };
  readonly mtu?: number | 'underlay';
  readonly model?: string;
  readonly sequenceNumber?: number;
  readonly localPreference?: number;
  readonly socket?: string;
}

export async function attach(name: string, options: AttachOptions, terminal: Terminal): Promise<void> {
  const { vpn, address: addresses, socket = forwarderSocket, ...facts } = options;
  const body = { interface: name, vpn, addresses, ...facts };
  const { answer } = await ask([socket], 'POST', '/attachments', body);
  const label =
    typeof answer === 'object' && answer !== null && 'label' in answer ? ` with label ${answer.label}` : '';
  terminal.out(`${name}: attached to VPN ${vpn}${label}\n`);
}

export async function detach(
  name: string,
  options: { readonly socket?: string },
  terminal: Terminal,
): Promise<void> {
  await ask([options.socket ?? forwarderSocket], 'DELETE', `/attachments/${encodeURIComponent(name)}`);
  terminal.out(`${name}: detached\n`);
}
