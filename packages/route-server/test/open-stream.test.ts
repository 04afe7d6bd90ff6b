// Forwarders without authentication at a whole route server: an agent of Contrail that is scripted, byte by byte, and one of
// end-system-06 with it in a VPN.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callApi } from '@hostpe/daemon';
import {
  ContrailStanzas,
  controlNodeJid,
  decodeNotification,
  dialects,
  EntryReader,
  type VpnEvent,
  type VpnRequest,
} from '@hostpe/signaling';
import { OpenStreamClient } from '@hostpe/xmpp';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startRouteServer } from '../src/index.ts';
import { writeCertificate } from './certificate.ts';
import { Forwarder } from './forwarder.ts';
import { route, silent } from './values.ts';

const directory = mkdtempSync(join(tmpdir(), 'route-server-open-'));
const socket = join(directory, 'rs.sock');
beforeAll(() => {
  writeCertificate(directory, 'dc1.example');
  writeFileSync(join(directory, 'h2'), 'h2 secret\n', { mode: 0o600 });
});
afterAll(() => rmSync(directory, { recursive: true }));

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

const RED = 'default-domain:acme:web:web';
const BLUE = 'default-domain:acme:db:db';
const NODE = 'network-control@contrailsystems.com';

/** hv17 is an agent of Contrail, d1 a peer of draft-marques-07 on an open stream, h2 one with a password. */
async function start() {
  const configFile = join(directory, 'rs.yaml');
  writeFileSync(
    configFile,
    `domain: dc1.example
listen: [ { address: 127.0.0.1, port: 0 } ]
open-stream: [ { address: 127.0.0.1, port: 0 } ]
tls: { certificate: ${directory}/rs.pem, key: ${directory}/rs.key }
vpns:
  "${RED}": { import: ['64512:1'], export: ['64512:1'] }
  "${BLUE}": { import: ['64512:2'], export: ['64512:2'] }
forwarders:
  hv17:
    dialect: contrail
    open-stream: { addresses: [127.0.0.1] }
    addresses: [198.51.100.17]
    vpns: ["${RED}", "${BLUE}"]
  d1:
    dialect: end-system-07m
    open-stream: { jid: agent1@elsewhere.example, addresses: [127.0.0.1] }
    addresses: [198.51.100.18]
    vpns: ["${RED}"]
  h2: { password-file: ${directory}/h2, addresses: [10.255.0.2], vpns: ["${RED}"] }
timers: { restart-delay: 0 }
control-socket: ${socket}
`,
  );
  const warnings: string[] = [];
  const log = { ...silent, warn: (_facts: object, message: string) => warnings.push(message) };
  const server = await startRouteServer({ configFile, log });
  cleanUp.push(server.stop);
  const [port, openPort] = server.listening.map((one) => Number(one.split(':')[1]));
  const ca = readFileSync(join(directory, 'rs.pem'), 'utf8');
  const forwarder = async () => {
    const one = new Forwarder({ port: port ?? 0, account: 'h2', password: 'h2 secret', ca });
    cleanUp.push(() => one.client.stop());
    return one.online();
  };
  return { warnings, forwarder, peer: () => Peer.connect(openPort ?? 0), openPort };
}

class Peer {
  readonly #socket: Socket;
  #received = '';
  closed = false;

  constructor(connected: Socket) {
    this.#socket = connected;
    connected.on('data', (bytes: Buffer) => {
      this.#received += bytes.toString();
    });
    connected.on('error', () => {});
    connected.on('close', () => {
      this.closed = true;
    });
    cleanUp.push(() => void connected.destroy());
  }

  static async connect(port: number): Promise<Peer> {
    const connecting = connect(port, '127.0.0.1');
    await once(connecting, 'connect');
    return new Peer(connecting);
  }

  send(...stanzas: readonly string[]): void {
    this.#socket.write(stanzas.join(''));
  }

  /** One byte a write. */
  async sendSlowly(text: string): Promise<void> {
    this.#socket.setNoDelay(true);
    for (const byte of Buffer.from(text)) {
      this.#socket.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
  }

  /** Waits for stanzas that match, one after the other, and for nothing else. */
  async hears(...patterns: readonly (string | RegExp)[]): Promise<void> {
    const all = patterns
      .map((one) => (typeof one === 'string' ? one.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') : one.source))
      .join('');
    await vi.waitFor(() => expect(this.#received).toMatch(new RegExp(`^${all}\n*$`)), {
      timeout: 20_000,
      interval: 10,
    });
    this.#received = '';
  }
}

const header =
  `<?xml version="1.0"?><stream:stream from="hv17" to="${NODE}" version="1.0" xml:lang="en" xmlns="" ` +
  'xmlns:stream="http://etherx.jabber.org/streams"  >';
const answer = new RegExp(
  `<\\?xml version="1.0"\\?><stream:stream from="${NODE}" to="hv17" id="[^"]+" version="1.0" xml:lang="en" xmlns="" ` +
    'xmlns:stream="http://etherx.jabber.org/streams">',
);
const iq = (id: string, operation: string) =>
  `<iq type="set" from="hv17" to="${NODE}/bgp-peer" id="${id}">` +
  `<pubsub xmlns="http://jabber.org/protocol/pubsub">${operation}</pubsub></iq>`;
const subscribe = (vpn: string) =>
  iq('subscribe1', `<subscribe node="${vpn}"><options><instance-id>7</instance-id></options></subscribe>`);
const node = (vpn: string, prefix: string) => `1/1/${vpn}/${prefix}`;
const nlri = (prefix: string) => `<nlri><af>1</af><safi>1</safi><address>${prefix}</address></nlri>`;
/** As an agent prints it. */
const publish = (vpn: string, prefix: string, label: number, preference = 200) =>
  iq(
    'pubsub1',
    `<publish node="${node(vpn, prefix)}"><item><entry>${nlri(prefix)}<next-hops><next-hop><af>1</af>` +
      `<address>198.51.100.17</address><mac>52:54:00:a1:b2:c3</mac><label>${label}</label><vni>0</vni>` +
      '<tunnel-encapsulation-list><tunnel-encapsulation>gre</tunnel-encapsulation>' +
      '<tunnel-encapsulation>udp</tunnel-encapsulation></tunnel-encapsulation-list>' +
      '<virtual-network>default-domain:acme:web</virtual-network><tag-list/></next-hop></next-hops>' +
      '<version>1</version><virtual-network/><mobility seqno="0" sticky="false"/>' +
      '<sequence-number>2</sequence-number><security-group-list><security-group>8000001</security-group>' +
      `</security-group-list><community-tag-list/><local-preference>${preference}</local-preference><med>0</med>` +
      '<load-balance><load-balance-fields/><load-balance-decision>field-hash</load-balance-decision>' +
      '</load-balance><sub-protocol>interface</sub-protocol></entry></item></publish>',
  );
const associate = (vpn: string, prefix: string) =>
  iq('collection1', `<collection node="${vpn}"><associate node="${node(vpn, prefix)}"/></collection>`);
const withdraw = (vpn: string, prefix: string) =>
  iq(
    'pubsub2',
    `<publish node="${node(vpn, prefix)}"><item><entry>${nlri(prefix)}</entry></item></publish>`,
  ) + iq('collection2', `<collection node="${vpn}"><dissociate node="${node(vpn, prefix)}"/></collection>`);
const event = (inner: string) =>
  `<message from="${NODE}" to="hv17/bgp-peer"><event xmlns="http://jabber.org/protocol/pubsub">${inner}</event></message>`;
const endOfRib = `<message from="hv17" to="${NODE}/bgp-peer"><event xmlns="http://jabber.org/protocol/pubsub"><items node="0/0/EndOfRib"></items></event></message>`;
const routes = (vpn: string, ...items: readonly string[]) =>
  event(`<items node="1/1/${vpn}">${items.join('')}</items>`);
const item = (
  prefix: string,
  address: string,
  label: number,
  facts: { encapsulations: string[]; preference: number; med: number; sequence: number },
) =>
  `<item id="${prefix}"><entry>${nlri(prefix)}<next-hops><next-hop><af>1</af><address>${address}</address><mac/>` +
  `<label>${label}</label><vni>0</vni><tunnel-encapsulation-list>` +
  facts.encapsulations.map((one) => `<tunnel-encapsulation>${one}</tunnel-encapsulation>`).join('') +
  '</tunnel-encapsulation-list><virtual-network>default-domain:acme:web</virtual-network><tag-list/></next-hop>' +
  '</next-hops><version>1</version><virtual-network>default-domain:acme:web</virtual-network>' +
  `<mobility seqno="${facts.sequence}" sticky="false"/><sequence-number>${facts.sequence}</sequence-number>` +
  `<security-group-list/><community-tag-list/><local-preference>${facts.preference}</local-preference><med>${facts.med}</med>` +
  '<load-balance><load-balance-fields/><load-balance-decision>field-hash</load-balance-decision></load-balance>' +
  '<sub-protocol>interface</sub-protocol></entry></item>';
const own = item('10.20.0.5/32', '198.51.100.17', 4097, {
  encapsulations: ['gre', 'udp'],
  preference: 200,
  med: 100,
  sequence: 2,
});
const ofH2 = item('10.20.0.9/32', '10.255.0.2', 2000, {
  encapsulations: ['gre'],
  preference: 100,
  med: 200,
  sequence: 0,
});
const theEnd = event('<items node="0/0/EndOfRib"/>');
const byH2 = route({ prefix: '10.20.0.9/32', nexthop: '10.255.0.2', label: 2000 });

test('our own client of the dialect contrail and a forwarder of end-system-06 exchange routes', async () => {
  const { forwarder, openPort } = await start();
  const h2 = await forwarder();
  await h2.join(RED);
  await h2.hears(`${RED} end-of-rib`);
  const client = new OpenStreamClient({
    host: '127.0.0.1',
    port: openPort ?? 0,
    name: 'hv17',
    server: controlNodeJid,
    stanzas: () => {
      const stanzas = new ContrailStanzas('hv17', controlNodeJid);
      return (payload) => stanzas.stanza(payload);
    },
    readers: () => [new EntryReader()],
    log: silent,
  });
  cleanUp.push(() => client.stop());
  const heard: VpnEvent[] = [];
  const subscriptions = new Set([RED]);
  client.on('message', (stanza) => {
    for (const payload of stanza.getChildElements())
      heard.push(...decodeNotification(payload, { dialect: 'contrail', subscriptions }));
  });
  const ours = route({ prefix: '2001:db8::5/128', nexthop: '198.51.100.17', label: 4097, sequenceNumber: 3 });
  const ask = async (request: VpnRequest) => {
    const context = { jid: 'hv17', prefixOf: () => ours.prefix };
    for (const payload of dialects.contrail.encodeRequest(request, context)) await client.request(payload);
  };
  client.on('online', async () => {
    await ask({ kind: 'subscribe', vpn: RED, instanceId: 7 });
    await ask({ kind: 'publish', vpn: RED, routes: [ours], rejected: [] });
    await ask({ kind: 'end-of-rib', vpn: RED });
  });
  client.start();
  await h2.hears(`${RED} +2001:db8::5/128 198.51.100.17/4097`);
  await h2.request({ kind: 'publish', vpn: RED, routes: [byH2], rejected: [] });
  await ask({ kind: 'retract', vpn: RED, ids: [ours.id] });
  await h2.hears(`${RED} +10.20.0.9/32 10.255.0.2/2000`, `${RED} -2001:db8::5/128`);
  await h2.until(() => heard.some((event) => event.kind === 'items' && event.retractedIds.length > 0));
  const told = heard.map((event) =>
    event.kind === 'items'
      ? [...event.routes.map(({ prefix }) => `+${prefix}`), ...event.retractedIds.map((id) => `-${id}`)]
      : 'end-of-rib',
  );
  expect(told).toContainEqual(['+10.20.0.9/32']);
  expect(told.at(-1)).toEqual(['-2001:db8::5/128']);
  expect(told.filter((one) => one === 'end-of-rib')).toHaveLength(1);
});

describe("an agent of Contrail's", () => {
  test('joins, publishes in pairs, hears routes and withdrawals, and shares the VPN with end-system-06', async () => {
    const { forwarder, peer, warnings } = await start();
    const h2 = await forwarder();
    await h2.join(RED);
    await h2.hears(`${RED} end-of-rib`);
    const agent = await peer();
    agent.send(header);
    await agent.hears(answer);
    agent.send(subscribe(RED));
    await agent.hears(theEnd);
    agent.send(publish(RED, '10.20.0.5/32', 4097), associate(RED, '10.20.0.5/32'));
    await agent.hears(routes(RED, own));
    await h2.hears(`${RED} +10.20.0.5/32 198.51.100.17/4097`);
    agent.send(endOfRib);
    await h2.request({ kind: 'publish', vpn: RED, routes: [byH2], rejected: [] });
    await agent.hears(routes(RED, ofH2));
    await h2.request({ kind: 'retract', vpn: RED, ids: [byH2.id] });
    await agent.hears(event(`<items node="1/1/${RED}"><retract id="10.20.0.9/32"/></items>`));
    agent.send(withdraw(RED, '10.20.0.5/32'));
    await agent.hears(event(`<items node="1/1/${RED}"><retract id="10.20.0.5/32"/></items>`));
    await h2.hears(`${RED} +10.20.0.9/32 10.255.0.2/2000`, `${RED} -10.20.0.9/32`, `${RED} -10.20.0.5/32`);
    expect(warnings.filter((line) => line.includes('refused'))).toEqual([]);
    expect(await callApi(socket, 'GET', '/forwarders')).toContainEqual(
      expect.objectContaining({
        account: 'hv17',
        state: 'online',
        jid: 'hv17/bgp-peer',
        remoteAddress: '127.0.0.1',
        subscriptions: [{ vpn: RED, instanceId: 7 }],
      }),
    );
  });

  test('is told a table, and of all VPNs one End-of-RIB, after the last', async () => {
    const { forwarder, peer } = await start();
    const h2 = await forwarder();
    await h2.join(RED);
    await h2.request({ kind: 'publish', vpn: RED, routes: [byH2], rejected: [] });
    const agent = await peer();
    // All at once, as it would after it lost us.
    agent.send(header, subscribe(RED), subscribe(BLUE));
    await agent.hears(answer, routes(RED, ofH2), theEnd);
  });

  test('split at every byte says the same, with declarations and fillers between', async () => {
    const { peer } = await start();
    const agent = await peer();
    await agent.sendSlowly(`${header}\n${subscribe(RED)} \u0200`);
    await agent.hears(answer, theEnd);
    await agent.sendSlowly(
      `<?xml version="1.0"?>${publish(RED, '10.20.0.5/32', 4097)}\r\n${associate(RED, '10.20.0.5/32')}`,
    );
    await agent.hears(routes(RED, own));
  });

  test('is not told what it is refused; the log is, and the session goes on', async () => {
    const { peer, warnings } = await start();
    const agent = await peer();
    agent.send(header, subscribe('default-domain:acme:other:other'), associate(RED, '10.20.0.5/32'));
    agent.send(subscribe(RED));
    await agent.hears(answer, theEnd);
    // A next-hop of another host, and a node that is not the one of the publish.
    agent.send(
      publish(RED, '10.20.0.6/32', 4097).replace('198.51.100.17', '198.51.100.99'),
      associate(RED, '10.20.0.6/32'),
      publish(RED, '10.20.0.7/32', 4097),
      associate(RED, '10.20.0.8/32'),
      publish(RED, '10.20.0.5/32', 4097),
      associate(RED, '10.20.0.5/32'),
    );
    await agent.hears(routes(RED, own));
    const refusals = warnings.filter((line) => line.startsWith('forwarder hv17: refused'));
    expect(refusals).toEqual([
      expect.stringContaining('VPN default-domain:acme:other:other is not known here'),
      expect.stringContaining('follows no publish'),
      expect.stringContaining('may not announce next-hop 198.51.100.99'),
    ]);
  });

  test('that is lost and back keeps its routes where it publishes them again', async () => {
    const { forwarder, peer } = await start();
    const h2 = await forwarder();
    await h2.join(RED);
    const first = await peer();
    first.send(header, subscribe(RED));
    for (const prefix of ['10.20.0.5/32', '10.20.0.6/32'])
      first.send(publish(RED, prefix, 4097), associate(RED, prefix));
    await h2.hears(
      `${RED} end-of-rib`,
      `${RED} +10.20.0.5/32 198.51.100.17/4097`,
      `${RED} +10.20.0.6/32 198.51.100.17/4097`,
    );
    const second = await peer();
    second.send(header, subscribe(RED), publish(RED, '10.20.0.6/32', 4097), associate(RED, '10.20.0.6/32'));
    second.send(endOfRib);
    await h2.hears(`${RED} -10.20.0.5/32`);
    await vi.waitFor(() => expect(first.closed).toBe(true));
  });
});

test('a peer of draft-marques-07 on an open stream is answered, and its routes are as those of any other', async () => {
  const { forwarder, peer, warnings, openPort } = await start();
  const h2 = await forwarder();
  await h2.join(RED);
  await h2.hears(`${RED} end-of-rib`);
  const one = await peer();
  const from = "from='agent1@elsewhere.example' to='dc1.example'";
  one.send(
    `<stream:stream ${from} xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' version='1.0'>`,
  );
  await one.hears(/<\?xml version="1.0"\?><stream:stream from="dc1.example"[^>]*>/);
  const ask = (id: string, inner: string) =>
    `<iq type='set' ${from} id='${id}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>${inner}</pubsub></iq>`;
  one.send(ask('r1', `<subscribe node='${RED}'/>`));
  await one.hears(/<iq [^>]*id="r1" type="result">.*<\/iq><message [^>]*>.*<\/message>/);
  one.send(
    ask(
      'r2',
      `<publish node='${RED}'><item id='i1'><entry xmlns='http://ietf.org/protocol/bgpvpn'><nlri af='1'>10.20.0.8/32</nlri>` +
        "<next-hop af='1'>198.51.100.18</next-hop><version id='1'/><label>77</label></entry></item></publish>",
    ),
  );
  await one.hears(/<iq [^>]*id="r2" type="result"\/><message .*10\.20\.0\.8\/32.*<\/message>/);
  await h2.hears(`${RED} +10.20.0.8/32 198.51.100.18/77`);
  expect(warnings).toEqual([
    `open-stream: 127.0.0.1:${openPort} takes forwarders without authentication (d1, hv17): whoever can connect from the addresses listed for one can speak for it`,
  ]);
});

test.each([
  ['an account that has a password', header.replace('hv17', 'h2')],
  ['the JID of one, by its account', header.replace('hv17', 'd1@dc1.example')],
  ['nobody', header.replace('hv17', 'hv18')],
])('%s gets no session', async (_what, words) => {
  const { peer, warnings } = await start();
  const one = await peer();
  one.send(words, subscribe(RED));
  await vi.waitFor(() => expect(one.closed).toBe(true));
  expect(warnings.at(-1)).toMatch(
    /from 127\.0\.0\.1 is refused: no forwarder is configured that calls itself "/,
  );
  expect(await callApi(socket, 'GET', '/status')).toMatchObject({ forwarders: { online: 0 } });
});
