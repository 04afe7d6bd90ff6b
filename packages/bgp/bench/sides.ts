// What is measured, each in the same way: a speaker as a process that its peers connect to, and how many paths it has.
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  freePort,
  peerEnvironment,
  peerProgram,
  type RunningDaemon,
  runDaemon,
} from '../src/testing/index.ts';
import { peerAddress } from './peers-process.ts';
import { localAs } from './routes.ts';
import type { SpeakerOrder, SpeakerReport } from './speaker-process.ts';

const run = promisify(execFile);
export const listenAddress = '127.0.5.1';

export interface Running {
  readonly pid: number;
  readonly port: number;
  end(): Promise<void>;
}

/** An internal peer. */
export interface SidePeer {
  readonly host: number;
  /** Of the speaker as a reflector: only to such a peer go the routes of others. */
  readonly isClient: boolean;
}

export interface Side {
  readonly name: string;
  start(peers: readonly SidePeer[]): Promise<Running>;
}

interface OwnRunning extends Running {
  readonly child: ChildProcess;
  /** Paths that it has taken. */
  paths(): Promise<number>;
}

export interface OwnSide extends Side {
  /** @param options of Node */
  start(peers: readonly SidePeer[], options?: readonly string[]): Promise<OwnRunning>;
}

export const ours: OwnSide = {
  name: 'hostpe',
  async start(peers, options = []) {
    const child = fork(resolve(import.meta.dirname, 'speaker-process.ts'), { execArgv: [...options] });
    const report = (kind: SpeakerReport['kind']) =>
      next(child, (message: SpeakerReport) => message.kind === kind);
    const listening = report('listening');
    child.send({ address: listenAddress, peers } satisfies SpeakerOrder);
    const { port } = (await listening) as SpeakerReport & { kind: 'listening' };
    return {
      pid: child.pid ?? 0,
      port,
      async paths() {
        const answer = report('paths');
        child.send('paths');
        return ((await answer) as SpeakerReport & { kind: 'paths' }).paths;
      },
      end: () => ended(child),
      child,
    };
  },
};

/** The next message of a child that is wanted. @throws Error where it ends before. */
export function next<Message>(
  child: ChildProcess,
  isWanted: (message: Message) => boolean,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const take = (message: unknown) => {
      if (!isWanted(message as Message)) return;
      child.off('message', take);
      child.off('exit', fail);
      resolve(message as Message);
    };
    const fail = (code: number | null) => reject(new Error(`a process of the benchmark ended with ${code}`));
    child.on('message', take);
    child.once('exit', fail);
  });
}

export async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

export const bird: Side = {
  name: 'BIRD 2.0',
  async start(peers) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bench-'));
    const port = await freePort(listenAddress);
    const file = join(folder, 'bird.conf');
    writeFileSync(
      file,
      `router id 192.0.2.1;
log stderr all;
vpn4 table vpnroutes;
protocol device {}
${peers
  .map(
    ({
      host,
      isClient,
    }) => `protocol bgp p${host} { local ${listenAddress} port ${port} as ${localAs}; strict bind yes;
  neighbor ${peerAddress(host)} as ${localAs}; multihop; passive yes; ${isClient ? 'rr client;' : ''}
  vpn4 mpls { table vpnroutes; import all; export all; next hop keep; }; }`,
  )
  .join('\n')}
`,
    );
    const control = join(folder, 'control');
    const daemon = runDaemon(
      'usr/sbin/bird',
      ['-f', '-c', file, '-s', control, '-P', join(folder, 'pid')],
      folder,
    );
    const ask = async (words: readonly string[]) =>
      (await run(peerProgram('usr/sbin/birdc'), ['-s', control, ...words])).stdout;
    await answered(() => ask(['show', 'status']));
    return running(daemon, port);
  },
};

export const frr: Side = {
  name: 'FRR 8.4 bgpd',
  async start(peers) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bench-'));
    const port = await freePort(listenAddress);
    const file = join(folder, 'bgpd.conf');
    const lines = (line: (peer: string, isClient: boolean) => string) =>
      peers.map(({ host, isClient }) => line(peerAddress(host), isClient)).join('\n');
    writeFileSync(
      file,
      `router bgp ${localAs}
 bgp router-id 192.0.2.1
 no bgp default ipv4-unicast
${lines((peer) => ` neighbor ${peer} remote-as ${localAs}\n neighbor ${peer} passive`)}
 address-family ipv4 vpn
${lines((peer, isClient) => `  neighbor ${peer} activate${isClient ? `\n  neighbor ${peer} route-reflector-client` : ''}`)}
 exit-address-family
`,
    );
    const own = ['-i', join(folder, 'pid'), '--vty_socket', folder];
    const options = ['-Z', '-S', '-P', '0', '-l', listenAddress, '-p', String(port), '-f', file, ...own];
    const daemon = runDaemon('usr/lib/frr/bgpd', options, folder);
    const ask = async (command: string) =>
      (
        await run(peerProgram('usr/bin/vtysh'), ['--vty_socket', folder, '-d', 'bgpd', '-c', command], {
          env: peerEnvironment,
          maxBuffer: 1 << 26,
        })
      ).stdout;
    await answered(() => ask('show version'));
    return running(daemon, port);
  },
};

export const gobgp: Side = {
  name: 'GoBGP 3.10',
  async start(peers) {
    const folder = mkdtempSync(join(tmpdir(), 'hostpe-bench-'));
    const port = await freePort(listenAddress);
    const api = await freePort(listenAddress);
    const file = join(folder, 'gobgpd.toml');
    writeFileSync(
      file,
      `[global.config]
 as = ${localAs}
 router-id = "192.0.2.1"
 port = ${port}
 local-address-list = ["${listenAddress}"]
${peers
  .map(
    ({ host, isClient }) => `[[neighbors]]
 [neighbors.config]
  neighbor-address = "${peerAddress(host)}"
  peer-as = ${localAs}
 [neighbors.transport.config]
  passive-mode = true
 [neighbors.route-reflector.config]
  route-reflector-client = ${isClient}
  route-reflector-cluster-id = "192.0.2.1"
 [[neighbors.afi-safis]]
  [neighbors.afi-safis.config]
   afi-safi-name = "l3vpn-ipv4-unicast"
 [[neighbors.afi-safis]]
  [neighbors.afi-safis.config]
   afi-safi-name = "rtc"
`,
  )
  .join('')}`,
    );
    const options = [
      '-f',
      file,
      '-t',
      'toml',
      '--api-hosts',
      `${listenAddress}:${api}`,
      '--pprof-disable',
      '-l',
      'error',
    ];
    const daemon = runDaemon('usr/bin/gobgpd', options, folder);
    const ask = async (...words: readonly string[]) =>
      (
        await run(peerProgram('usr/bin/gobgp'), ['-u', listenAddress, '-p', String(api), ...words], {
          maxBuffer: 1 << 26,
        })
      ).stdout;
    await answered(() => ask('global'));
    return running(daemon, port);
  },
};

function running(daemon: RunningDaemon, port: number): Running {
  return { pid: daemon.pid, port, end: () => daemon.end() };
}

async function answered(ask: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++)
    try {
      await ask();
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

const ticksASecond = 100;

/** CPU seconds of a process so far. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}

/** Bytes of memory that a process has. */
export function memoryOf(pid: number): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
