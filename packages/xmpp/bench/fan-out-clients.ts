// Run by itself, as a child of fan-out.ts: sessions that subscribe and read, or that ping while others read.
import type { TLSSocket } from 'node:tls';
import { logIn, type RawSessionOptions, Search, subscribe } from './raw-session.ts';

export interface ClientsTask extends RawSessionOptions {
  readonly accounts: readonly string[];
  readonly vpn: string;
  /** What the last message to come has. */
  readonly last: string;
  /** Milliseconds between the pings of each session; 0: they do not ping. */
  readonly pingInterval: number;
}

export type ClientsReport =
  | { readonly kind: 'online' }
  /** All sessions have had the last message; delays of pings in milliseconds. */
  | { readonly kind: 'done'; readonly delays: readonly number[] };

/** So many log in at once. */
const AT_ONCE = 8;
/** Milliseconds between signs of life, which are white space: within the time that the server gives for the answer to a ping. */
const SIGN_INTERVAL = 10_000;

const task = JSON.parse(process.argv[2] ?? '') as ClientsTask;
const delays: number[] = [];
let reading = task.accounts.length;

function report(what: ClientsReport): void {
  process.send?.(what);
}

function read(socket: TLSSocket): void {
  const search = new Search(task.last);
  let done = false;
  socket.on('data', (bytes: Buffer) => {
    if (done || !search.found(bytes)) return;
    done = true;
    reading -= 1;
    if (reading === 0) report({ kind: 'done', delays });
  });
}

/** The next ping waits for the answer to this one. */
function ping(socket: TLSSocket): void {
  let number = 0;
  let sent = 0;
  let search = new Search('');
  let waiting = false;
  socket.on('data', (bytes: Buffer) => {
    if (!waiting || !search.found(bytes)) return;
    waiting = false;
    delays.push(performance.now() - sent);
  });
  setInterval(() => {
    if (waiting) return;
    number += 1;
    search = new Search(`id="ping-of-bench-${number}"`);
    sent = performance.now();
    waiting = true;
    socket.write(`<iq type='get' id='ping-of-bench-${number}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  }, task.pingInterval);
}

async function logInNext(accounts: string[]): Promise<void> {
  for (let account = accounts.pop(); account !== undefined; account = accounts.pop()) {
    const socket = await logIn(account, task);
    socket.on('close', () => process.exit(1));
    setInterval(() => socket.write(' '), SIGN_INTERVAL);
    subscribe(socket, task.vpn);
    read(socket);
    if (task.pingInterval > 0) ping(socket);
  }
}

const accounts = [...task.accounts];
await Promise.all(Array.from({ length: AT_ONCE }, () => logInNext(accounts)));
report({ kind: 'online' });
