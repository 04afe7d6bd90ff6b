// The real route server as a process of its own, with a configuration made for a benchmark, and what it takes: CPU, memory, and how long its event
// loop stood still.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Stalls } from '@hostpe/bench/stalls';
import { certificate } from './certificate.ts';

export const DOMAIN = 'bench.example';
export const PASSWORD = 'secret of the benchmark';
export const VPN = 'blue';
export const NEXTHOP = '192.0.2.1';

export interface RouteServerSettings {
  /** Where its files are. */
  readonly folder: string;
  /** All of which may join VPN and announce NEXTHOP. */
  readonly accounts: readonly string[];
  /** Seconds. */
  readonly withdrawDelay?: number;
}

export interface RouteServerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

/** Writes its files. @returns the certificate of its CA. */
export function configure({ folder, accounts, withdrawDelay = 60 }: RouteServerSettings): string {
  const tls = certificate(DOMAIN);
  writeFileSync(join(folder, 'rs.pem'), tls.certificate);
  writeFileSync(join(folder, 'rs.key'), tls.key, { mode: 0o600 });
  writeFileSync(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
  const forwarders = accounts.map(
    (account) =>
      `  ${account}: { password-file: ${folder}/password, addresses: [${NEXTHOP}], vpns: [${VPN}] }`,
  );
  writeFileSync(
    join(folder, 'rs.yaml'),
    `domain: ${DOMAIN}
listen: [ { address: 127.0.0.1, port: PORT } ]
tls: { certificate: ${folder}/rs.pem, key: ${folder}/rs.key }
vpns: { ${VPN}: { import: ['64512:1'], export: ['64512:1'] } }
forwarders:
${forwarders.join('\n')}
timers: { restart-delay: 0, withdraw-delay: ${withdrawDelay} }
control-socket: ${folder}/rs.sock
`,
  );
  return tls.certificate;
}

/** Starts it as configured. @param port 0: any. */
export async function startRouteServer(folder: string, port = 0): Promise<RouteServerProcess> {
  const configFile = join(folder, 'started.yaml');
  writeFileSync(configFile, readFileSync(join(folder, 'rs.yaml'), 'utf8').replace('PORT', String(port)));
  const child = fork(
    resolve(import.meta.dirname, '../../hostpe/src/main.ts'),
    ['route-server', '--config', configFile],
    {
      execArgv: ['--import', import.meta.resolve('@hostpe/bench/stalls')],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error('the route server did not start');
  return { child, pid, port: await portOf(child) };
}

/** What stood still since the last call. */
export async function stallsOf({ child }: RouteServerProcess): Promise<Stalls> {
  child.send('stalls');
  const [stalls] = (await once(child, 'message')) as [Stalls];
  return stalls;
}

/** Of a process, in all threads, user and system. */
export function cpuSeconds(pid: number): number {
  // Behind the name, which may have spaces: the 14th and 15th field, in hundredths of a second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** As its log tells it. */
async function portOf(server: ChildProcess): Promise<number> {
  let text = '';
  for (;;) {
    const [bytes] = (await once(server.stdout ?? server, 'data')) as [Buffer];
    text += bytes;
    const match = /listening on 127\.0\.0\.1:(\d+)/.exec(text);
    if (match === null) continue;
    server.stdout?.resume();
    return Number(match[1]);
  }
}
