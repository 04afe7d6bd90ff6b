// A control plane behind a real XMPP server on loopback, and real clients over TLS. A test file that imports it has both, and loses them after each test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@hostpe/daemon/testing';
import { parseIpAddress } from '@hostpe/net';
import type { Dialect } from '@hostpe/signaling';
import { type Log, StanzaError, scramCredentials, XmppServer } from '@hostpe/xmpp';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { ControlPlane } from '../src/control-plane.ts';
import { Sessions } from '../src/session.ts';
import { writeCertificate } from './certificate.ts';
import { Forwarder } from './forwarder.ts';
import { runAtOnce } from './readers.ts';
import { vpnsOf } from './values.ts';

export const PASSWORD = 'correct horse battery staple';
const credentials = scramCredentials(PASSWORD);
const directory = mkdtempSync(join(tmpdir(), 'route-server-'));
let tls: { certificate: string; key: string };

beforeAll(() => {
  tls = writeCertificate(directory, 'dc1.example');
});
afterAll(() => rmSync(directory, { recursive: true }));

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

interface Line {
  readonly level: string;
  readonly facts: object;
  readonly message: string;
}

/** h1 and h2 may join red; blue exists, and neither may join it. @param spoken by h1; h2 speaks end-system-06. */
export async function start(spoken: Dialect = 'end-system-06') {
  const clock = new ManualClock();
  const lines: Line[] = [];
  const at = (level: string) => (facts: object, message: string) => {
    lines.push({ level, facts, message });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const dialect = (account: string): Dialect => (account === 'h1' ? spoken : 'end-system-06');
  const sessions = new Sessions({ log, dialect, defer: setImmediate });
  const controlPlane = new ControlPlane({
    vpns: vpnsOf({ red: [['64512:1'], ['64512:1']], blue: [['64512:2'], ['64512:2']] }),
    forwarders: new Map([
      ['h1', { addresses: new Set([parseIpAddress('10.255.0.1')]), vpns: new Set(['red']) }],
      ['h2', { addresses: new Set([parseIpAddress('10.255.0.2')]), vpns: new Set(['red']) }],
    ]),
    withdrawDelay: 60_000,
    restartDelay: 0,
    lowerStale: false,
    clock,
    log,
    run: runAtOnce,
    changed: (vpn, accounts) => sessions.changed(vpn, accounts),
    endOfRib: (vpn, accounts) => sessions.endOfRib(vpn, accounts),
    startTable: (vpn, account) => sessions.startTable(vpn, account),
    endSession: (account, reason) => sessions.end(account, reason),
  });
  const xmpp = new XmppServer({
    domain: 'dc1.example',
    listen: [{ address: '127.0.0.1', port: 0 }],
    tls,
    credentials: (account) => (['h1', 'h2'].includes(account) ? credentials : undefined),
    log,
  });
  xmpp.on('session', (session) => sessions.accept(session, controlPlane));
  const [address] = await xmpp.listen();
  cleanUp.push(async () => {
    sessions.stop();
    controlPlane.stop();
    await xmpp.close();
  });
  const port = address?.port ?? 0;
  const forwarder = async (account: string) => {
    const one = new Forwarder({
      port,
      account,
      password: PASSWORD,
      ca: tls.certificate,
      dialect: dialect(account),
    });
    cleanUp.push(() => one.client.stop());
    return one.online();
  };
  return { clock, controlPlane, forwarder, lines };
}

/** The iq error that a request is answered with. */
export async function refusal(attempt: Promise<unknown>): Promise<StanzaError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StanzaError) return error;
  throw new Error(`expected an iq error, got ${String(error)}`);
}
