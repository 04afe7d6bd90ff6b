// ExaBGP as a process on an address of loopback: says the routes that a test wants, and tells what it hears. Waits for its one peer.
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerProgram, type RunningDaemon, runDaemon } from '@hostpe/bgp/testing';
import { vi } from 'vitest';

export interface ExabgpSpec {
  readonly address: string;
  readonly port: number;
  readonly peer: string;
}

/** As it prints them. */
interface HeardRoute {
  readonly nexthop: string;
  readonly label: number;
  readonly localPreference: number | undefined;
  readonly extendedCommunities: readonly string[];
}

export interface Exabgp extends RunningDaemon {
  /** Lines of its API. */
  say(...commands: readonly string[]): void;
  /** What was announced and not withdrawn, by `RD prefix`. */
  routes(): ReadonlyMap<string, HeardRoute>;
}

interface Nlri {
  readonly nlri: string;
  readonly label: readonly (readonly number[])[];
  readonly rd: string;
}

interface Update {
  readonly attribute?: {
    readonly 'local-preference'?: number;
    readonly 'extended-community'?: readonly { readonly string: string }[];
  };
  /** By family, and by nexthop. */
  readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly Nlri[]>>>>;
  readonly withdraw?: Readonly<Record<string, readonly Nlri[]>>;
}

/** A line of its JSON. */
interface Heard {
  readonly neighbor?: { readonly message?: { readonly update?: Update } };
}

export async function startExabgp({ address, port, peer }: ExabgpSpec): Promise<Exabgp> {
  const folder = mkdtempSync(join(tmpdir(), 'hostpe-exabgp-'));
  const [file, program, commands, heard] = ['exabgp.conf', 'program', 'commands', 'heard'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  for (const empty of [commands, heard]) writeFileSync(empty, '');
  // Its only door is a program of its own, whose output are commands and whose input is JSON.
  const script = `#!/bin/sh\ntail --pid=$$ -n +1 -f ${commands} &\nexec cat >${heard}\n`;
  writeFileSync(program, script, { mode: 0o755 });
  writeFileSync(
    file,
    `process test { run ${program}; encoder json; }
neighbor ${peer} {
  router-id 192.0.2.9;
  local-address ${address};
  local-as 65000;
  peer-as 65000;
  passive true;
  listen ${port};
  family { ipv4 mpls-vpn; ipv6 mpls-vpn; }
  capability { graceful-restart 120; route-refresh enable; asn4 enable; }
  api { processes [ test ]; receive { parsed; update; } }
}
`,
  );
  const daemon = runDaemon('usr/sbin/python3-exabgp', ['--env', join(folder, 'none'), file], folder, {
    PYTHONPATH: peerProgram('usr/lib/python3/dist-packages'),
    // As whoever runs the test.
    exabgp_daemon_drop: 'false',
    exabgp_api_cli: 'false',
    exabgp_api_ack: 'false',
    exabgp_tcp_bind: address,
    exabgp_tcp_port: String(port),
  });
  await vi.waitFor(
    () => {
      if (!daemon.output().includes('loaded new configuration')) throw new Error(daemon.output());
    },
    { timeout: 20_000, interval: 20 },
  );
  return {
    ...daemon,
    say: (...lines) => appendFileSync(commands, lines.map((line) => `${line}\n`).join('')),
    routes: () => routesOf(readFileSync(heard, 'utf8')),
  };
}

function routesOf(text: string): ReadonlyMap<string, HeardRoute> {
  const routes = new Map<string, HeardRoute>();
  // Behind the last line end is what it is writing.
  for (const line of text.split('\n').slice(0, -1)) {
    const update = (JSON.parse(line) as Heard).neighbor?.message?.update;
    if (update === undefined) continue;
    for (const { rd, nlri } of Object.values(update.withdraw ?? {}).flat()) routes.delete(`${rd} ${nlri}`);
    for (const byNexthop of Object.values(update.announce ?? {}))
      for (const [nexthop, nlris] of Object.entries(byNexthop))
        for (const { rd, nlri, label } of nlris)
          routes.set(`${rd} ${nlri}`, {
            nexthop,
            label: label[0]?.[0] ?? 0,
            localPreference: update.attribute?.['local-preference'],
            extendedCommunities: (update.attribute?.['extended-community'] ?? [])
              .map(({ string }) => string)
              .sort(),
          });
  }
  return routes;
}
