// WebSockets from the client's side: what becomes of requests and messages, right and wrong.
import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { Element } from 'ltx';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ScramClient } from '../src/scram.ts';
import type { XmppServer } from '../src/server/server.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
const sockets: WebSocket[] = [];
let server: XmppServer;
let port = 0;

async function listen(options: Parameters<Setting['server']>[0] = {}): Promise<void> {
  const websocket = [{ address: '127.0.0.1', port: 0, transport: 'websocket' as const }];
  ({ server, port } = await setting.server({ listen: websocket, ...options }));
}
beforeEach(() => listen());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await setting.end();
});
afterAll(() => setting.ca.remove());

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const OPEN = `<open xmlns='${FRAMING}' to='${DOMAIN}' version='1.0'/>`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

class Client {
  readonly socket: WebSocket;
  readonly received: string[] = [];
  closed = false;

  constructor(path = '/xmpp-websocket', protocols: string[] = ['xmpp'], options = {}) {
    const tls = { ca: setting.ca.certificate, servername: DOMAIN };
    this.socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, { ...tls, ...options });
    sockets.push(this.socket);
    this.socket.on('message', (message: Buffer) => this.received.push(message.toString()));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  static async open(): Promise<Client> {
    const client = new Client();
    await once(client.socket, 'open');
    return client;
  }

  /** The next message, which has to be like this; its first group. */
  async take(pattern: RegExp): Promise<string> {
    await until(() => this.received.length > 0, `a message ${pattern}`);
    const message = this.received.shift() ?? '';
    expect(message).toMatch(pattern);
    return pattern.exec(message)?.[1] ?? '';
  }

  async header(): Promise<void> {
    this.socket.send(OPEN);
    await this.take(
      new RegExp(`^<open xmlns='${FRAMING}' from='${DOMAIN}' id='[^']+' version='1.0' xml:lang='en'/>$`),
    );
    await this.take(
      /^<stream:features xmlns:stream='http:\/\/etherx.jabber.org\/streams'>.*<\/stream:features>$/,
    );
  }

  async authenticate(account: string): Promise<void> {
    const scram = new ScramClient(account, PASSWORD);
    this.socket.send(`<auth xmlns='${SASL}' mechanism='SCRAM-SHA-256'>${base64(scram.first())}</auth>`);
    const challenge = Buffer.from(
      await this.take(/^<challenge [^>]*>([^<]*)<\/challenge>$/),
      'base64',
    ).toString();
    this.socket.send(`<response xmlns='${SASL}'>${base64(await scram.final(challenge))}</response>`);
    await this.take(/^<success [^>]*>[^<]*<\/success>$/);
  }

  async session(account = 'h2'): Promise<void> {
    await this.header();
    await this.authenticate(account);
    await this.header();
    this.socket.send(
      `<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='${BIND}'><resource>r</resource></bind></iq>`,
    );
    expect(await this.take(/^<iq xmlns='jabber:client' .*<jid>(.*)<\/jid>/)).toBe(`${account}@${DOMAIN}/r`);
  }
}

test('a session as on TCP, to its end', async () => {
  const client = await Client.open();
  expect([client.socket.protocol, client.socket.extensions]).toEqual(['xmpp', '']);
  await client.session();
  const session = server.sessions.get(`h2@${DOMAIN}`);
  session?.onRequest(() => new Element('ok'));
  client.socket.send(`<iq xmlns='jabber:client' type='set' id='q'><x xmlns='urn:x'/></iq>`);
  await client.take(/^<iq xmlns='jabber:client' .*id="q".*<ok\/><\/iq>$/);
  session?.sendMessage('<a xmlns="urn:a"><b>1</b></a>');
  session?.sendMessage('<a xmlns="urn:a"><b>2</b></a>');
  for (const number of ['1', '2'])
    expect(
      await client.take(
        /^<message xmlns='jabber:client' [^>]*><a xmlns="urn:a"><b>(.)<\/b><\/a><\/message>$/,
      ),
    ).toBe(number);
  client.socket.send(`<close xmlns='${FRAMING}'/>`);
  await client.take(new RegExp(`^<close xmlns='${FRAMING}'/>$`));
  await until(() => client.closed, 'it is closed');
  expect(server.sessions.size).toBe(0);
});

test('our own client', async () => {
  const client = await setting.online(port, { transport: 'websocket' });
  server.sessions.get(`h1@${DOMAIN}`)?.onRequest(() => new Element('ok'));
  expect((await client.request(new Element('x', { xmlns: 'urn:x' })))?.name).toBe('ok');
  const messages: string[] = [];
  client.on('message', (message) => void messages.push(message.getChildText('a') ?? ''));
  const text = 'é'.repeat(100_000);
  server.sessions.get(`h1@${DOMAIN}`)?.sendMessage(new Element('a', { xmlns: 'urn:a' }).t(text));
  await until(() => messages.length === 1, 'the message is there');
  expect(messages[0]).toHaveLength(text.length);
  await server.close();
  await until(() => !client.online, 'the server said goodbye');
});

describe('a message that is wrong ends its stream, and nothing else', () => {
  const inSession = async (client: Client) => client.session();
  const header = async (client: Client) => client.header();
  const nothing = async () => {};
  const iq = `<iq xmlns='jabber:client' type='get' id='1'><x xmlns='urn:x'/></iq>`;

  test.each<[string, (client: Client) => Promise<void>, string, string]>([
    ['a header as on TCP', nothing, `<?xml version='1.0'?><stream:stream>`, 'restricted-xml|not-well-formed'],
    ['a stanza without a stream', nothing, iq, 'not-well-formed'],
    ['another domain', nothing, OPEN.replace(DOMAIN, 'dc2.example'), 'host-unknown'],
    ['no version', nothing, OPEN.replace(`version='1.0'`, ''), 'unsupported-version'],
    ['a second open', header, OPEN, 'not-well-formed'],
    ['a request before authentication', header, iq, 'not-authorized'],
    ['STARTTLS', header, `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`, 'not-authorized'],
    ['two elements', inSession, iq + iq, 'not-well-formed'],
    ['no element', inSession, ' ', 'not-well-formed'],
    ['no byte', inSession, '', 'not-well-formed'],
    ['half an element', inSession, iq.slice(0, 20), 'not-well-formed'],
    ['the rest of one', inSession, '</x></iq>', 'not-well-formed'],
    ['an element and an end', inSession, `${iq}</message>`, 'not-well-formed'],
    ['an end and a beginning', inSession, `</message><message>${iq}`, 'not-well-formed'],
    ['text', inSession, `${iq}text`, 'not-well-formed'],
    [
      'a stanza without its namespace',
      inSession,
      `<iq type='get' id='1'><x xmlns='urn:x'/></iq>`,
      'unsupported-stanza-type',
    ],
    ['a prefix that it does not declare', inSession, `<stream:error/>`, 'not-well-formed'],
    ['a document type', inSession, '<!DOCTYPE x><x/>', 'not-well-formed'],
    ['a comment', inSession, '<!-- -->', 'restricted-xml'],
    ['depth', inSession, `<message xmlns='jabber:client'>${'<a>'.repeat(200)}`, 'policy-violation'],
    [
      'a huge stanza before authentication',
      header,
      `<auth xmlns='${SASL}'>${'A'.repeat(70_000)}</auth>`,
      'policy-violation',
    ],
    ['a second open in the session', inSession, OPEN, 'not-well-formed'],
  ])('%s', async (_what, before, message, condition) => {
    const bystander = await Client.open();
    await bystander.session('h1');
    const client = await Client.open();
    await before(client);
    client.socket.send(message);
    await until(() => client.closed, 'it is closed');
    expect(client.received.at(-1)).toBe(`<close xmlns='${FRAMING}'/>`);
    expect(client.received.at(-2)).toMatch(
      new RegExp(
        `^<stream:error xmlns:stream='http://etherx.jabber.org/streams'><(${condition}) xmlns.*</stream:error>$`,
      ),
    );
    bystander.socket.send(`<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await bystander.take(/id="p"/);
  });

  test.each([
    ['binary', Buffer.from(OPEN), 1003],
    ['longer than any stanza', `<a>${'x'.repeat(1_100_000)}</a>`, 1009],
  ])('%s: the WebSocket itself says why', async (_what, message, code) => {
    const client = await Client.open();
    await client.session();
    const [closedWith] = await Promise.all([once(client.socket, 'close'), client.socket.send(message)]);
    expect(closedWith[0]).toBe(code);
  });
});

test('before authentication, what nobody can read yet is bounded too', async () => {
  // Longer than this test waits: it is not the time that ends it.
  await listen({ timeout: 60_000 });
  const client = await Client.open();
  const fragment = 'x'.repeat(50_000);
  client.socket.send('<a>', { fin: false });
  for (let count = 0; count < 6; count++) client.socket.send(fragment, { fin: false });
  await until(() => client.closed, 'it is cut');
  const other = await Client.open();
  await other.session();
  other.socket.send(`<iq xmlns='jabber:client' type='get' id='p'>`, { fin: false });
  other.socket.send(`<ping xmlns='urn:xmpp:ping'/>${' '.repeat(300_000)}</iq>`);
  await other.take(/id="p"/);
});

describe('a request that is no WebSocket of ours is refused', () => {
  test.each<[string, string, string[], string]>([
    ['another path', '/', ['xmpp'], '404'],
    ['another subprotocol', '/xmpp-websocket', ['chat'], '400'],
    ['no subprotocol', '/xmpp-websocket', [], '400'],
  ])('%s', async (_what, path, protocols, status) => {
    const client = new Client(path, protocols);
    const [error] = (await once(client.socket, 'error')) as [Error];
    expect(error.message).toContain(status);
  });

  test.each([
    ['/', 404],
    ['/xmpp-websocket', 426],
  ])('GET %s: %i', async (path, status) => {
    const asked = request({
      port,
      path,
      host: '127.0.0.1',
      ca: setting.ca.certificate,
      servername: DOMAIN,
      agent: false,
    });
    asked.end();
    const [response] = await once(asked, 'response');
    expect(response.statusCode).toBe(status);
    response.resume();
    await once(response, 'close');
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['half a request', 'GET /xmpp-websocket HTTP/1.1\r\nHost: x\r\n'],
  ])('in time: %s', async (_what, said) => {
    await listen({ timeout: 500 });
    const socket = connect({ port, host: '127.0.0.1', ca: setting.ca.certificate, servername: DOMAIN });
    socket.on('error', () => {});
    socket.write(said);
    await once(socket, 'close');
  });

  test('and an upgrade without an open is over in time', async () => {
    await listen({ timeout: 500 });
    const client = await Client.open();
    await until(() => client.closed, 'it is closed');
    expect(client.received.join('')).toMatch(/<connection-timeout/);
  });
});

test('a peer that asks faster than it is answered is not read further, until it is', async () => {
  const client = await Client.open();
  await client.session();
  const answers: (() => void)[] = [];
  let asked = 0;
  server.sessions.get(`h2@${DOMAIN}`)?.onRequest(() => {
    asked += 1;
    return new Promise<undefined>((resolve) => answers.push(() => resolve(undefined)));
  });
  const count = 3_000;
  for (let id = 0; id < count; id++)
    client.socket.send(
      `<iq xmlns='jabber:client' type='set' id='${id}'><x xmlns='urn:x'>${'x'.repeat(5_000)}</x></iq>`,
    );
  await until(() => asked === 1, 'the first is asked');
  // The server has taken what it takes: then nothing more leaves the client.
  let unsent = 0;
  await vi.waitFor(
    () => {
      const before = unsent;
      unsent = client.socket.bufferedAmount;
      expect(unsent).toBe(before);
    },
    { timeout: 20_000, interval: 200 },
  );
  expect(unsent).toBeGreaterThan(1_000_000);
  while (client.received.length < count) {
    answers.shift()?.();
    await new Promise(setImmediate);
  }
  const ids = client.received.map((text) => /id="(\d+)"/.exec(text)?.[1]);
  expect(ids).toEqual(Array.from({ length: count }, (_, id) => `${id}`));
});
