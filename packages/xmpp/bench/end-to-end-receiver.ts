// Run by itself, as a child of end-to-end.ts: a client over TLS that makes a record of every route, keeps them or not, and tells what that took.
import { readFileSync } from 'node:fs';
import { decodeEvent, EntryReader, type VpnRoute } from '@hostpe/signaling';
import { XmppClient } from '../src/client/client.ts';

export interface ReceiverTask {
  readonly port: number;
  readonly domain: string;
  readonly ca: string;
  readonly password: string;
  readonly routes: number;
  /** Whether they are kept. */
  readonly kept: boolean;
}

export interface ReceiverReport {
  readonly cpuSeconds: number;
  /** At the most, above what the process had before the first route. */
  readonly residentBytes: number;
  /** Of the records alone, and the list of them. */
  readonly routeBytes: number;
}

const task = JSON.parse(process.argv[2] ?? '') as ReceiverTask;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const { gc } = globalThis;
if (gc === undefined) throw new Error('to be run with --expose-gc');

function resident(name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${name}:\\s*(\\d+) kB`).exec(status)?.[1]) * 1024;
}

const routes: VpnRoute[] = [];
let received = 0;
let cpu = process.cpuUsage();
let before = 0;
let heap = 0;

const client = new XmppClient({
  host: '127.0.0.1',
  port: task.port,
  domain: task.domain,
  account: 'receiver',
  resource: 'bench',
  password: () => task.password,
  ca: task.ca,
  readers: () => [new EntryReader()],
  log: silent,
});
client.on('online', () => {
  gc();
  before = resident('VmRSS');
  heap = process.memoryUsage().heapUsed;
  cpu = process.cpuUsage();
});
client.on('message', (stanza) => {
  const [payload] = stanza.getChildElements();
  const event = payload && decodeEvent(payload);
  if (event?.kind !== 'items') throw new Error(`not an event: ${stanza}`);
  if (task.kept) for (const route of event.routes) routes.push(route);
  received += event.routes.length;
  if (received === task.routes) report();
});
client.start();

function report(): void {
  const { user, system } = process.cpuUsage(cpu);
  const residentBytes = resident('VmHWM') - before;
  gc?.();
  const routeBytes = process.memoryUsage().heapUsed - heap;
  const what: ReceiverReport = { cpuSeconds: (user + system) / 1e6, residentBytes, routeBytes };
  process.send?.(what, () => process.exit());
}
