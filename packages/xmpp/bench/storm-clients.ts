// Run by itself, as a child of storm.ts: clients of ours, each for itself, that come back whenever their route server does.
import { XmppClient } from '../src/client/client.ts';
import type { RawSessionOptions } from './raw-session.ts';

export interface StormTask extends RawSessionOptions {
  readonly accounts: readonly string[];
}

/** Told whenever it becomes true. */
export type StormReport = 'all are online' | 'all are offline';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const { port, domain, ca, password, accounts } = JSON.parse(process.argv[2] ?? '') as StormTask;
const online = new Set<string>();

function report(): void {
  if (online.size === accounts.length) process.send?.('all are online' satisfies StormReport);
  else if (online.size === 0) process.send?.('all are offline' satisfies StormReport);
}

for (const account of accounts) {
  const client = new XmppClient({
    host: '127.0.0.1',
    port,
    domain,
    account,
    resource: 'bench',
    password: () => password,
    ca,
    log: silent,
  });
  client.on('online', () => {
    online.add(account);
    report();
  });
  // Also for each attempt that failed.
  client.on('offline', () => {
    if (online.delete(account)) report();
  });
  client.start();
}
