// The forwarder under a scripted control node of Contrail's, word by word: what it says on the open stream, and what it makes of the answers.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { Host } from './support/host.ts';
import { eventually, red } from './support/scene.ts';

const VPN = 'default-domain:acme:web:web';
const NODE = 'network-control@contrailsystems.com';
const vpns = { [VPN]: { device: 'red', 'instance-id': 1 } };
const attachment = { interface: 'v-red1', vpn: VPN, addresses: ['10.1.0.1'] };

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

/** Takes one connection at a time, and answers headers as a control node does. */
class ControlNode {
  readonly dialect = 'contrail';
  readonly #server = createServer((socket) => this.#accept(socket));
  #socket: Socket | undefined;
  /** What was said on the latest connection and not taken yet. */
  #received = '';
  connections = 0;
  port = 0;

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    cleanUp.push(() => {
      this.#socket?.destroy();
      this.#server.close();
    });
    return this;
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#socket = socket;
    this.#received = '';
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      this.#received += bytes.toString();
    });
    this.send(
      `<?xml version="1.0"?><stream:stream from="${NODE}" to="h1" id="++123" version="1.0" xml:lang="en" ` +
        'xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams"  >',
    );
  }

  send(...words: readonly string[]): void {
    this.#socket?.write(words.join(''));
  }

  /** As a control node does that was asked something twice. */
  hangUp(): void {
    this.#socket?.destroy();
  }

  /** Waits for exactly these stanzas, in their order. */
  async hears(...stanzas: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.#received.trimEnd()).toBe(stanzas.join('')), {
      timeout: 20_000,
      interval: 10,
    });
    this.#received = '';
  }
}

const header =
  `<?xml version="1.0"?><stream:stream from="h1" to="${NODE}" version="1.0" xml:lang="en" xmlns="" ` +
  'xmlns:stream="http://etherx.jabber.org/streams">';
const iq = (id: string, operation: string) =>
  `<iq type="set" from="h1" to="${NODE}/bgp-peer" id="${id}">` +
  `<pubsub xmlns="http://jabber.org/protocol/pubsub">${operation}</pubsub></iq>`;
const subscribe = (number: number) =>
  iq(
    `subscribe${number}`,
    `<subscribe node="${VPN}"><options><instance-id>1</instance-id></options></subscribe>`,
  );
const unsubscribe = (number: number) => iq(`subscribe${number}`, `<unsubscribe node="${VPN}"/>`);
const node = `1/1/${VPN}/10.1.0.1/32`;
const nlri = (prefix: string) => `<nlri><af>1</af><safi>1</safi><address>${prefix}</address></nlri>`;
const entry = (prefix: string, address: string, label: number, encapsulations: readonly string[]) =>
  `${nlri(prefix)}<next-hops><next-hop><af>1</af><address>${address}</address><mac/><label>${label}</label><vni>0</vni>` +
  `<tunnel-encapsulation-list>${encapsulations.map((one) => `<tunnel-encapsulation>${one}</tunnel-encapsulation>`).join('')}` +
  '</tunnel-encapsulation-list><virtual-network>default-domain:acme:web</virtual-network><tag-list/></next-hop></next-hops>' +
  '<version>1</version><virtual-network>default-domain:acme:web</virtual-network><mobility seqno="0" sticky="false"/>' +
  '<sequence-number>0</sequence-number><security-group-list/><community-tag-list/><local-preference>0</local-preference>' +
  '<med>0</med><load-balance><load-balance-fields/><load-balance-decision>field-hash</load-balance-decision></load-balance>' +
  '<sub-protocol>interface</sub-protocol>';
const publish = (number: number, label: number) =>
  iq(
    `pubsub${number}`,
    `<publish node="${node}"><item><entry>${entry('10.1.0.1/32', '10.255.0.1', label, ['gre', 'udp'])}</entry></item></publish>`,
  ) + iq(`collection${number}`, `<collection node="${VPN}"><associate node="${node}"/></collection>`);
const withdraw = (number: number) =>
  iq(
    `pubsub${number}`,
    `<publish node="${node}"><item><entry>${nlri('10.1.0.1/32')}</entry></item></publish>`,
  ) + iq(`collection${number}`, `<collection node="${VPN}"><dissociate node="${node}"/></collection>`);
const endOfRib = `<message from="h1" to="${NODE}/bgp-peer"><event xmlns="http://jabber.org/protocol/pubsub"><items node="0/0/EndOfRib"/></event></message>`;
const event = (items: string) =>
  `<message from="${NODE}" to="h1/bgp-peer"><event xmlns="http://jabber.org/protocol/pubsub">${items}</event></message>`;
const route = (prefix: string, address: string, label: number) =>
  event(
    `<items node="1/1/${VPN}"><item id="${prefix}"><entry>${entry(prefix, address, label, ['gre'])}</entry></item></items>`,
  );

async function start(some: object) {
  const control = await new ControlNode().listen();
  const host = new Host([control], '');
  host.addMachine('v-red1');
  cleanUp.push(
    () => host.remove(),
    () => host.stop(),
  );
  await host.start({ vpns, ...some });
  return { control, host };
}

test('it joins, publishes a pair, says End-of-RIB in a message, and takes routes and withdrawals', async () => {
  const { control, host } = await start({ attachments: [attachment] });
  await control.hears(header, subscribe(1), publish(1, 1000), endOfRib);
  control.send(
    '<iq type="set" from="network-control@contrailsystems.com" to="h1/config"><config><update/></config></iq> ',
    route('10.1.0.1/32', '10.255.0.1', 1000),
    '<?xml version="1.0"?>',
    route('10.1.0.9/32', '10.255.0.9', 900),
    '\n\u0200',
    event('<items node="0/0/EndOfRib"></items>'),
  );
  await eventually(() =>
    expect(host.routes(red)).toEqual(['10.1.0.1/32 dev v-red1', '10.1.0.9/32 label 900']),
  );
  control.send(event(`<items node="1/1/${VPN}"><retract id="10.1.0.9/32" /></items>`));
  await eventually(() => expect(host.routes(red)).toEqual(['10.1.0.1/32 dev v-red1']));
  expect(host.log.lines.filter((line) => line.startsWith('warn') && line.includes('route server'))).toEqual(
    [],
  );
});

test('it subscribes a second time only where it has unsubscribed', async () => {
  const { control, host } = await start({});
  await control.hears(header);
  await host.ask('POST', '/attachments', attachment);
  await control.hears(subscribe(1), publish(1, 1000), endOfRib);
  await host.ask('DELETE', '/attachments/v-red1');
  await control.hears(withdraw(2), unsubscribe(2));
  await eventually(() => expect(host.labels()).toEqual([]));
  await host.ask('POST', '/attachments', attachment);
  await control.hears(subscribe(3), publish(3, 1001), endOfRib);
  expect(control.connections).toBe(1);
});

test('a control node that hangs up finds it back, with all of it said once more', async () => {
  const { control, host } = await start({ attachments: [attachment] });
  await control.hears(header, subscribe(1), publish(1, 1000), endOfRib);
  control.send(route('10.1.0.9/32', '10.255.0.9', 900), event('<items node="0/0/EndOfRib"></items>'));
  await eventually(() => expect(host.routes(red)).toHaveLength(1));
  control.hangUp();
  await eventually(() => expect(control.connections).toBe(2));
  await control.hears(header, subscribe(1), publish(1, 1000), endOfRib);
  expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']);
  control.send(event('<items node="0/0/EndOfRib"></items>'));
  await eventually(() => expect(host.routes(red)).toEqual([]));
});

test('what it cannot read costs that stream, and no route', async () => {
  const { control, host } = await start({ attachments: [attachment] });
  await control.hears(header, subscribe(1), publish(1, 1000), endOfRib);
  control.send(route('10.1.0.9/32', '10.255.0.9', 900));
  await eventually(() => expect(host.routes(red)).toHaveLength(1));
  control.send(event(`<items node="1/1/${VPN}"><item id="10.1.0.8/32"><entry/></item></items>`));
  control.send(event('<items node="25/242/x"><item id="a"><entry/></item></items>'));
  control.send('<message><a>&foo;</a></message>');
  await eventually(() => expect(control.connections).toBe(2));
  expect(host.routes(red)).toEqual(['10.1.0.9/32 label 900']);
  await control.hears(header, subscribe(1), publish(1, 1000), endOfRib);
});
