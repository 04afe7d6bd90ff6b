// `hostpe forwarder`. Loaded only when it is asked for.
import { runDaemon } from '@hostpe/daemon';
import { loadForwarderConfig, startForwarder } from '@hostpe/forwarder';
import type { Terminal } from './terminal.ts';

export function forwarder(file: string): Promise<number> {
  return runDaemon({
    name: 'forwarder',
    start: async () => startForwarder(await loadForwarderConfig(file)),
  });
}

/** @throws ConfigError */
export async function checkForwarder(file: string, terminal: Terminal): Promise<number> {
  const { config } = await loadForwarderConfig(file);
  terminal.out(`${file}: ok: forwarder ${config.name}, PE ${config.underlay.address}\n`);
  return 0;
}
