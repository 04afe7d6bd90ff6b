// VPNs made by command, beside those of the configuration file: what they are, where they are kept (STATE-DIRECTORY/vpns.json), and what both come to together.
import { join } from 'node:path';
import { StateFile } from '@hostpe/daemon';
import type { RouteTarget } from '@hostpe/net';
import { z } from 'zod';
import type { RouteServerConfig } from './config.ts';
import { account, routeTarget, vpnName } from './values.ts';

/** A VPN as it is made by command. */
export interface CommandedVpn {
  readonly vpn: string;
  readonly import: readonly RouteTarget[];
  readonly export: readonly RouteTarget[];
  /** Accounts that may join it; of one that is not configured, none. */
  readonly forwarders: readonly string[];
}

export const commandedVpnSchema: z.ZodType<CommandedVpn> = z.strictObject({
  vpn: vpnName,
  import: z.array(routeTarget),
  export: z.array(routeTarget),
  forwarders: z.array(account),
});

export class CommandedVpns {
  readonly #file: StateFile<CommandedVpn>;
  #vpns: ReadonlyMap<string, CommandedVpn> = new Map();

  constructor(directory: string) {
    this.#file = new StateFile({
      path: join(directory, 'vpns.json'),
      key: 'vpns',
      what: 'the VPNs made by command',
      schema: commandedVpnSchema,
    });
  }

  /** By name. */
  get vpns(): ReadonlyMap<string, CommandedVpn> {
    return this.#vpns;
  }

  /** Reads what is kept. @returns a line for each entry that is left out. @throws StateFileError */
  async load(): Promise<readonly string[]> {
    const { entries, problems } = await this.#file.read();
    this.#vpns = new Map(entries.map((one) => [one.vpn, one]));
    return problems;
  }

  /** In place of the one of its name; kept when the promise resolves. @throws StateFileError: then nothing has changed */
  set(vpn: CommandedVpn): Promise<void> {
    return this.#replace(new Map([...this.#vpns, [vpn.vpn, vpn]]));
  }

  remove(name: string): Promise<void> {
    return this.#replace(new Map([...this.#vpns].filter(([vpn]) => vpn !== name)));
  }

  async #replace(vpns: ReadonlyMap<string, CommandedVpn>): Promise<void> {
    await this.#file.write([...vpns.values()]);
    this.#vpns = vpns;
  }
}

/** The configuration with the VPNs made by command; one that the file has too is the file's. */
export function withCommanded(
  config: RouteServerConfig,
  commanded: ReadonlyMap<string, CommandedVpn>,
): RouteServerConfig {
  const added = [...commanded.values()].filter(({ vpn }) => !config.vpns.has(vpn));
  if (added.length === 0) return config;
  const byForwarder = new Map<string, string[]>();
  for (const { vpn, forwarders } of added)
    for (const one of forwarders) {
      const vpns = byForwarder.get(one) ?? [];
      vpns.push(vpn);
      byForwarder.set(one, vpns);
    }
  return {
    ...config,
    vpns: new Map([
      ...config.vpns,
      ...added.map(({ vpn, ...policy }) => [vpn, { import: policy.import, export: policy.export }] as const),
    ]),
    forwarders: new Map(
      [...config.forwarders].map(([name, forwarder]) => [
        name,
        { ...forwarder, vpns: new Set([...forwarder.vpns, ...(byForwarder.get(name) ?? [])]) },
      ]),
    ),
  };
}
