/** Captures packets on an interface of a host, with tcpdump. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { LabError } from './error.ts';
import { type Packet, PcapReader } from './pcap.ts';
import { waitFor } from './wait.ts';

export interface Capture {
  /** Those so far, in the order of their arrival. */
  readonly packets: readonly Packet[];
  /** Ends the capture once all that the kernel had taken by now is read. */
  stop(): Promise<readonly Packet[]>;
}

/** Resolves when it listens: what is sent afterwards is captured. `filter` as in pcap-filter(7). LabError `command`. */
export async function captureIn(namespace: string, interface_: string, filter = ''): Promise<Capture> {
  const args = [
    '-i',
    interface_,
    '-n',
    '-U',
    '--immediate-mode',
    '-s',
    '0',
    '-w',
    '-',
    ...(filter === '' ? [] : [filter]),
  ];
  const child = spawn('ip', ['netns', 'exec', namespace, 'tcpdump', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
  const reader = new PcapReader();
  const packets: Packet[] = [];
  child.stdout.on('data', (chunk: Buffer) => packets.push(...reader.push(chunk)));
  const said: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const listening = new Promise<boolean>((resolve) => {
    lines.on('line', (line) => {
      said.push(line);
      if (/listening on /.test(line)) resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  if (!(await listening))
    throw new LabError(
      'command',
      `${namespace}: no capture on ${interface_}: ${said.join('; ') || 'tcpdump is not installed'}`,
    );

  let stopped: Promise<readonly Packet[]> | undefined;
  const stop = async () => {
    await caughtUp(child, said).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    child.kill('SIGINT');
    await ended;
    return packets;
  };
  return {
    packets,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Ending tcpdump drops what waits in its ring: first it must have written as many packets as the kernel gave it. */
async function caughtUp(child: ChildProcess, said: readonly string[]): Promise<void> {
  let previous: string | undefined;
  await waitFor(
    'tcpdump has written all that it received',
    async () => {
      const report = await reportOf(child, said);
      const numbers = /(\d+) packets? captured, (\d+) packets? received/.exec(report ?? '');
      if (report === undefined || numbers === null || numbers[1] === numbers[2]) return true;
      // What came before the filter was set counts as received and is never written: then the numbers stand still.
      const still = report === previous;
      previous = report;
      return still;
    },
    { timeout: 30_000 },
  );
}

/** tcpdump's counts, for which SIGUSR1 asks; `undefined` once it has ended. */
async function reportOf(child: ChildProcess, said: readonly string[]): Promise<string | undefined> {
  const from = said.length;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  if (hasEnded() || !child.kill('SIGUSR1')) return undefined;
  const answer = await waitFor(
    'tcpdump reports',
    async () =>
      said.slice(from).find((line) => line.includes('received by filter')) ?? (hasEnded() && 'ended'),
    { timeout: 10_000, interval: 5 },
  );
  return answer === 'ended' ? undefined : answer;
}
