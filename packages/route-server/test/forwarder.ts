// A forwarder as far as a route server sees one: an XMPP client that keeps what it is told.

import { parseIpPrefix } from '@hostpe/net';
import {
  type Dialect,
  decodeNotification,
  dialects,
  type VpnEvent,
  type VpnRequest,
} from '@hostpe/signaling';
import { XmppClient } from '@hostpe/xmpp';
import { expect, vi } from 'vitest';
import { nexthopsOf, silent } from './values.ts';

type Payload = Parameters<typeof decodeNotification>[0];

export interface ForwarderOptions {
  readonly port: number;
  readonly account: string;
  readonly password: string;
  readonly ca: string;
  readonly dialect?: Dialect;
}

/** Deadline of every wait: far more than anything takes on a busy machine. */
const DEADLINE = 20_000;

export class Forwarder {
  readonly client: XmppClient;
  /** `+prefix address/label,…`, `-prefix` and `end-of-rib`, with the VPN in front, in order. */
  readonly heard: string[] = [];
  /** By `VPN prefix`. */
  readonly routes = new Map<string, string>();

  readonly #dialect: Dialect;
  /** VPNs that it asked for. */
  readonly #vpns = new Set<string>();

  constructor({ port, account, password, ca, dialect = 'end-system-06' }: ForwarderOptions) {
    this.#dialect = dialect;
    this.client = new XmppClient({
      host: '127.0.0.1',
      port,
      domain: 'dc1.example',
      account,
      resource: 'hostpe',
      password: () => password,
      ca,
      backoff: { initial: 20, max: 100 },
      log: silent,
    });
    this.client.on('message', (stanza) => {
      const [payload] = stanza.getChildElements();
      if (payload !== undefined) this.#take(payload);
    });
  }

  async online(): Promise<this> {
    this.client.start();
    await this.until(() => this.client.online);
    return this;
  }

  /** The first answer; a request of several stanzas has several. */
  async request(request: VpnRequest): Promise<Payload | undefined> {
    if (request.kind === 'subscribe') this.#vpns.add(request.vpn);
    const context = { jid: this.client.jid ?? '', prefixOf: (_: string, id: string) => parseIpPrefix(id) };
    const payloads = dialects[this.#dialect].encodeRequest(request, context);
    const [answer] = await Promise.all(payloads.map((payload) => this.client.request(payload)));
    return answer;
  }

  async join(vpn: string): Promise<void> {
    await this.request({ kind: 'subscribe', vpn });
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitFor(() => expect(condition()).toBe(true), { timeout: DEADLINE, interval: 10 });
  }

  /** Waits until the last of `lines` was heard, and checks that all were, in this order and nothing else since the last call. */
  async hears(...lines: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.heard).toEqual(lines), { timeout: DEADLINE, interval: 10 });
    this.heard.length = 0;
  }

  #take(payload: Payload): void {
    const session = { dialect: this.#dialect, subscriptions: this.#vpns };
    for (const event of decodeNotification(payload, session)) this.#hear(event);
  }

  #hear(event: VpnEvent): void {
    if (event.kind === 'end-of-rib') {
      this.heard.push(`${event.vpn} end-of-rib`);
      return;
    }
    for (const id of event.retractedIds) {
      this.routes.delete(`${event.vpn} ${id}`);
      this.heard.push(`${event.vpn} -${id}`);
    }
    for (const route of event.routes) {
      this.routes.set(`${event.vpn} ${route.prefix}`, `${nexthopsOf(route)}`);
      this.heard.push(`${event.vpn} +${route.prefix} ${nexthopsOf(route)}`);
    }
  }
}
