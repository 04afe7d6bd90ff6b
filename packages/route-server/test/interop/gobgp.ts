// GoBGP as a process on an address of loopback, and its command. It is told of its peers beforehand, and waits for them.
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, peerProgram, type RunningDaemon, runDaemon } from '@hostpe/bgp/testing';
import { vi } from 'vitest';

const run = promisify(execFile);

export interface GobgpSpec {
  readonly address: string;
  readonly port: number;
  /** Addresses of its internal peers. */
  readonly peers: readonly string[];
  /** Whether they are clients of it. */
  readonly reflects: boolean;
  /** Whether it asks that its routes be kept while it is away. */
  readonly graceful: boolean;
}

export interface Gobgp extends RunningDaemon {
  /** What `gobgp` prints. */
  command(...words: readonly string[]): Promise<string>;
}

const ofFamily = (family: string, graceful: boolean) => ` [[neighbors.afi-safis]]
  [neighbors.afi-safis.config]
   afi-safi-name = "${family}"
  [neighbors.afi-safis.mp-graceful-restart.config]
   enabled = ${graceful}
`;
const families = ['l3vpn-ipv4-unicast', 'l3vpn-ipv6-unicast', 'rtc'];

export async function startGobgp({ address, port, peers, reflects, graceful }: GobgpSpec): Promise<Gobgp> {
  const folder = mkdtempSync(join(tmpdir(), 'hostpe-gobgp-'));
  const file = join(folder, 'gobgpd.toml');
  const neighbor = (peer: string) => `
[[neighbors]]
 [neighbors.config]
  neighbor-address = "${peer}"
  peer-as = 65000
 [neighbors.transport.config]
  local-address = "${address}"
  passive-mode = true
 [neighbors.route-reflector.config]
  route-reflector-client = ${reflects}
  route-reflector-cluster-id = "192.0.2.9"
 [neighbors.graceful-restart.config]
  enabled = ${graceful}
  restart-time = 120
${families.map((family) => ofFamily(family, graceful)).join('')}`;
  writeFileSync(
    file,
    `[global.config]
 as = 65000
 router-id = "192.0.2.9"
 port = ${port}
 local-address-list = ["${address}"]
${peers.map(neighbor).join('')}`,
  );
  const api = await freePort(address);
  const options = ['-f', file, '-t', 'toml', '--api-hosts', `${address}:${api}`, '--pprof-disable'];
  const daemon = runDaemon('usr/bin/gobgpd', options, folder);
  const command = async (...words: readonly string[]) =>
    (await run(peerProgram('usr/bin/gobgp'), ['-u', address, '-p', String(api), ...words])).stdout;
  await vi.waitFor(() => command('global'), { timeout: 20_000, interval: 20 });
  return { ...daemon, command };
}
