// A route server on loopback that says what a test wants: real streams, TLS and stanzas, no routes of its own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseIpAddress, parseIpPrefix, parseLabel } from '@hostpe/net';
import type { Dialect, VpnEvent, VpnRequest, VpnRoute } from '@hostpe/signaling';
import { dialects, encodeEvent, RequestDecoder } from '@hostpe/signaling';
import type { Log, ServerSession } from '@hostpe/xmpp';
import { OpenStreamServer, scramCredentials, XmppServer } from '@hostpe/xmpp';

export const domain = 'dc1.example';
export const password = 'correct horse';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Self-signed, so it is its own CA. */
export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'hostpe-certificate-'));
  const file = (name: string) => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key')];
  const subject = ['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain}`];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', file('pem'), '-days', '2', ...subject], {
    stdio: 'pipe',
  });
  const made = { certificate: readFileSync(file('pem'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
  rmSync(folder, { recursive: true });
  return made;
}

export class ScriptedRouteServer {
  /** All that was asked, oldest first. */
  readonly requests: VpnRequest[] = [];
  /** Called before a request is answered; what it throws is the answer, what it waits for delays it. */
  script: (request: VpnRequest) => void | Promise<void> = () => {};
  port = 0;
  readonly dialect: Dialect;
  readonly #options: { readonly certificate: Certificate; readonly log: Log };
  #server: XmppServer | OpenStreamServer | undefined;
  #session: ServerSession | undefined;

  constructor(certificate: Certificate, log: Log, dialect: Dialect = 'end-system-06') {
    this.dialect = dialect;
    this.#options = { certificate, log };
  }

  /** On the port of the last time, where there was one. */
  async start(): Promise<void> {
    const server = this.dialect === 'contrail' ? this.#openStreams() : this.#xmpp();
    server.on('session', (session) => {
      this.#session = session;
      const vpns = new Set<string>();
      const decoder = new RequestDecoder({
        dialect: this.dialect,
        subscriptions: () => vpns,
        onDiscarded: (reason) => {
          throw new Error(reason);
        },
      });
      session.onRequest(async (payload) => {
        const requests = decoder.decode(payload);
        for (const request of requests) {
          this.requests.push(request);
          if (request.kind === 'subscribe') vpns.add(request.vpn);
          if (request.kind === 'unsubscribe') vpns.delete(request.vpn);
          await this.script(request);
        }
        const [first] = requests;
        return first && dialects[this.dialect].encodeReply(first, session.jid);
      });
      session.on('close', () => {
        if (this.#session === session) this.#session = undefined;
      });
    });
    const [bound] = await server.listen();
    this.port = bound?.port ?? 0;
    this.#server = server;
  }

  #xmpp(): XmppServer {
    const credentials = scramCredentials(password);
    return new XmppServer({
      domain,
      listen: [{ address: '127.0.0.1', port: this.port }],
      tls: this.#options.certificate,
      credentials: (account) => (account === 'h1' ? credentials : undefined),
      log: this.#options.log,
    });
  }

  #openStreams(): OpenStreamServer {
    return new OpenStreamServer({
      domain,
      listen: [{ address: '127.0.0.1', port: this.port, starttls: false, allows: () => true }],
      tls: this.#options.certificate,
      identify: (account) => ({ account, kind: 'contrail' }),
      log: this.#options.log,
    });
  }

  async stop(): Promise<void> {
    await this.#server?.close();
  }

  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  announce(vpn: string, ...routes: readonly VpnRoute[]): void {
    this.#tell({ kind: 'items', vpn, routes, retractedIds: [], rejected: [] });
  }

  /** The items of the routes with nothing in them. */
  announceEmptied(vpn: string, ...routes: readonly VpnRoute[]): void {
    const event = encodeEvent({ kind: 'items', vpn, routes, retractedIds: [], rejected: [] });
    for (const item of event.getChild('items')?.getChildren('item') ?? []) item.children = [];
    this.#session?.sendMessage(event);
  }

  withdraw(vpn: string, ...retractedIds: readonly string[]): void {
    this.#tell({ kind: 'items', vpn, routes: [], retractedIds, rejected: [] });
  }

  endOfRib(vpn: string): void {
    this.#tell({ kind: 'end-of-rib', vpn });
  }

  #tell(event: VpnEvent): void {
    for (const payload of dialects[this.dialect].encodeEvent(event)) this.#session?.sendMessage(payload);
  }

  /** `publish red 10.1.0.1/32 1000`, one line a request. */
  transcript(): string[] {
    return this.requests.map((request) => {
      const words: (string | number)[] = [request.kind, request.vpn];
      if (request.kind === 'publish')
        for (const { prefix, nexthops } of request.routes) words.push(prefix, nexthops[0]?.label ?? '-');
      if (request.kind === 'retract') words.push(...request.ids);
      return words.join(' ');
    });
  }
}

/** @param nexthop `ADDRESS LABEL` */
export function routeTo(prefix: string, ...nexthops: readonly string[]): VpnRoute {
  return {
    id: prefix,
    prefix: parseIpPrefix(prefix),
    nexthops: nexthops.map((nexthop) => {
      const [address = '', label = ''] = nexthop.split(' ');
      return {
        address: parseIpAddress(address),
        label: parseLabel(Number(label)),
        encapsulations: ['gre', 'udp'],
      };
    }),
  };
}
