// What the session tests share: a CA, accounts, servers and clients that are stopped after each test, and waiting.
import type { TlsOptions } from 'node:tls';
import { expect, vi } from 'vitest';
import { XmppClient, type XmppClientOptions } from '../../src/client/client.ts';
import { scramCredentials } from '../../src/scram.ts';
import { XmppServer, type XmppServerOptions } from '../../src/server/server.ts';
import type { ServerSession } from '../../src/server/server-session.ts';
import { CertificateAuthority } from './certificates.ts';
import { type PlainPeer, PlainServer } from './plain-peer.ts';
import { RecordedLog } from './recorded-log.ts';
import { ScriptedServer, type ServerPeer } from './scripted-peer.ts';

export const DOMAIN = 'dc1.example';
/** A backoff of clients that are to try once. */
export const NEVER = { initial: 60_000, max: 60_000 };
/** Of a client's session. */
export const JID = `h1@${DOMAIN}/forwarder`;
export const PASSWORD = 'correct horse, battery=staple';

export class Setting {
  readonly ca = new CertificateAuthority();
  readonly leaf = this.ca.leaf(DOMAIN);
  readonly #credentials = scramCredentials(PASSWORD);
  readonly #endings: (() => Promise<void> | void)[] = [];
  log = new RecordedLog();

  /** Stops whatever a test started, the latest first. */
  async end(): Promise<void> {
    for (let ending = this.#endings.pop(); ending; ending = this.#endings.pop()) await ending();
    this.log = new RecordedLog();
  }

  /** Knows the accounts h1, h2 and h3, all with PASSWORD. */
  async server(options: Partial<XmppServerOptions> = {}): Promise<{ server: XmppServer; port: number }> {
    const server = new XmppServer({
      domain: DOMAIN,
      listen: [{ address: '127.0.0.1', port: 0 }],
      tls: this.leaf,
      credentials: (account) => (/^h[123]$/.test(account) ? this.#credentials : undefined),
      log: this.log,
      ...options,
    });
    const [address] = await server.listen();
    this.#endings.push(() => server.close());
    return { server, port: address?.port ?? 0 };
  }

  async scripted(
    script: (peer: ServerPeer) => Promise<void> | void,
    leaf = this.leaf,
    options: TlsOptions = {},
  ): Promise<ScriptedServer> {
    const server = new ScriptedServer(leaf, script, options);
    await server.listen();
    this.#endings.push(() => server.close());
    return server;
  }

  /** A server that begins in plaintext. */
  async plain(script: (peer: PlainPeer) => Promise<void> | void): Promise<PlainServer> {
    const server = new PlainServer(script);
    await server.listen();
    this.#endings.push(() => server.close());
    return server;
  }

  client(port: number, options: Partial<XmppClientOptions> = {}): XmppClient {
    const client = new XmppClient({
      host: '127.0.0.1',
      port,
      domain: DOMAIN,
      account: 'h1',
      resource: 'forwarder',
      password: () => PASSWORD,
      ca: this.ca.certificate,
      backoff: { initial: 10, max: 50 },
      log: this.log,
      ...options,
    });
    this.#endings.push(() => client.stop());
    return client;
  }

  /** A client that is online. */
  async online(port: number, options: Partial<XmppClientOptions> = {}): Promise<XmppClient> {
    const client = this.client(port, options);
    client.start();
    await until(() => client.online, 'the client is online');
    return client;
  }

  /** A server, a client of it that is online, and its session. */
  async pair(options: Partial<XmppServerOptions> = {}) {
    const { server, port } = await this.server(options);
    const sessions: ServerSession[] = [];
    server.on('session', (session) => sessions.push(session));
    const client = await this.online(port);
    await until(() => sessions.length === 1, 'the server has a session');
    const [session] = sessions;
    if (!session) throw new Error('no session');
    return { server, port, client, session, sessions };
  }

  /** The first failure of a client that meets this script. */
  async failure(script: (peer: ServerPeer) => Promise<void> | void, timeout = 5_000) {
    const server = await this.scripted(script);
    const client = this.client(server.port, { backoff: NEVER, timeout });
    client.start();
    await until(() => this.log.of('warn').length > 0, 'an attempt failed');
    expect(client.online).toBe(false);
    const [line] = this.log.of('warn');
    return { client, server, line, message: line?.message.replace(/; trying again.*/, '') };
  }
}

/** Waits for a condition, half a minute at the most. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still not: ${what}`);
    },
    { timeout: 30_000, interval: 5 },
  );
}

/** What a server does that a session begins with. */
export async function toSession(peer: ServerPeer): Promise<void> {
  await peer.authenticate(DOMAIN, PASSWORD);
  await peer.bind(DOMAIN, JID);
}
