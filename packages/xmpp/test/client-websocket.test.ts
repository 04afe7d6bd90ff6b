// The client over a WebSocket (RFC 7395).
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Element } from 'ltx';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { sendOneByOne } from './support/one-by-one.ts';
import { DOMAIN, NEVER, PASSWORD, Setting, until } from './support/setting.ts';
import { features, NS_FRAMING, type WebSocketPeer, WebSocketPeers } from './support/websocket-peer.ts';

const setting = new Setting();
const servers: { close(): void }[] = [];
afterEach(async () => {
  await setting.end();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => setting.ca.remove());

const JID = `h1@${DOMAIN}/forwarder`;
const OPEN = `<open xmlns='${NS_FRAMING}' from='${DOMAIN}' version='1.0'/>`;
const toSession = (peer: WebSocketPeer) => peer.session(DOMAIN, PASSWORD, JID);

async function listen(
  script: (peer: WebSocketPeer) => Promise<void> | void,
  leaf = setting.leaf,
  protocol?: string,
): Promise<WebSocketPeers> {
  const server = new WebSocketPeers(leaf, script, protocol);
  await server.listen();
  servers.push(server);
  return server;
}

async function failure(port: number, timeout = 5_000) {
  const client = setting.client(port, { transport: 'websocket', backoff: NEVER, timeout });
  client.start();
  await until(() => setting.log.of('warn').length > 0, 'the attempt failed');
  expect(client.online).toBe(false);
  const [line] = setting.log.of('warn');
  const { code, condition } = line?.facts ?? {};
  return { code, condition, message: line?.message.replace(/; trying again.*/, '') };
}

describe('a session', () => {
  test('carries requests, messages and pings, and ends in order', async () => {
    const server = await listen(toSession);
    const client = await setting.online(server.port, { transport: 'websocket', pingInterval: 100 });
    const [peer] = server.peers;
    expect(client.jid).toBe(JID);
    expect(server.urls).toEqual([`${DOMAIN}:${server.port}/xmpp-websocket`]);

    const seen: string[] = [];
    client.on('message', (stanza) => seen.push(stanza.getChildText('body') ?? ''));
    peer?.send(`<message xmlns='jabber:client'><body>é€😀</body></message>`);
    await until(() => seen.length === 1, 'the message came');
    expect(seen).toEqual(['é€😀']);

    await peer?.take(
      /^<iq id="ping-1" type="get" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"\/><\/iq>$/,
    );
    peer?.send(`<iq xmlns='jabber:client' type='result' id='ping-1'/>`);

    await client.stop();
    await until(() => peer?.closed === true, 'the server sees the end');
    const rest = peer?.received.filter((message) => !message.includes('ping'));
    expect(rest).toEqual([`<close xmlns="${NS_FRAMING}"/>`]);
  });

  test('the answer to a request', async () => {
    const server = await listen(toSession);
    const client = await setting.online(server.port, { transport: 'websocket' });
    const answer = client.request(new Element('q', { xmlns: 'urn:q' }));
    const id = await server.peers[0]?.take(
      /^<iq type="set" id="([^"]*)" xmlns="jabber:client"><q xmlns="urn:q"\/><\/iq>$/,
    );
    server.peers[0]?.send(`<iq xmlns='jabber:client' type='result' id='${id}'><a xmlns='urn:q'/></iq>`);
    expect((await answer)?.is('a', 'urn:q')).toBe(true);
  });

  test('nothing is read while the consumer is behind', async () => {
    const server = await listen(toSession);
    const client = await setting.online(server.port, {
      transport: 'websocket',
      pingInterval: 50,
      timeout: 150,
    });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let seen = 0;
    client.on('message', () => {
      seen += 1;
      return held;
    });
    const [peer] = server.peers;
    const message = `<message xmlns='jabber:client'><body>${'x'.repeat(16_000)}</body></message>`;
    const sending = sendOneByOne(Array(2_000).fill(message), (text, done) => peer?.socket.send(text, done));
    await sending.stalled(async () => void (await peer?.take(/type="get"/)));
    expect(seen).toBe(1);
    expect(sending.sent).toBeLessThan(1_500);
    release();
    await until(() => seen === 2_000, 'all came');
  });

  test('silence is noticed', async () => {
    const server = await listen(toSession);
    const client = await setting.online(server.port, {
      transport: 'websocket',
      backoff: NEVER,
      pingInterval: 50,
      timeout: 300,
    });
    const reasons: string[] = [];
    client.on('offline', (reason) => reasons.push(reason.message));
    await until(() => reasons.length === 1, 'it is noticed');
    expect(reasons).toEqual(['no answer within 0.3 s (session)']);
  });
});

describe('ends the attempt', () => {
  const asked =
    (...messages: string[]) =>
    async (peer: WebSocketPeer) => {
      await peer.take(/^<open/);
      peer.send(...messages);
    };
  const inSession =
    (...messages: string[]) =>
    async (peer: WebSocketPeer) => {
      await toSession(peer);
      peer.send(...messages);
    };

  test.each<[string, (peer: WebSocketPeer) => Promise<void> | void, object]>([
    [
      'a header as over TCP',
      asked(`<stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0'/>`),
      { condition: 'invalid-namespace' },
    ],
    ['another domain', asked(OPEN.replace(DOMAIN, 'evil.example')), { condition: 'host-unknown' }],
    ['no version', asked(OPEN.replace("version='1.0'", '')), { condition: 'unsupported-version' }],
    ['a second header', asked(OPEN, OPEN), { condition: 'not-well-formed' }],
    ['two elements in a message', asked(OPEN, '<a/><b/>'), { condition: 'not-well-formed' }],
    ['none', asked(OPEN, ' '), { condition: 'not-well-formed' }],
    ['half an element', asked(OPEN, '<a>'), { condition: 'not-well-formed' }],
    ['more than an element', asked(OPEN, '<a/></frame><frame>'), { condition: 'not-well-formed' }],
    ['text', asked(OPEN, 'words'), { code: 'stream' }],
    ['a prefix that is declared in another message', asked(OPEN, '<stream:features/>'), { code: 'stream' }],
    ['a document type', asked(OPEN, `<!DOCTYPE a [<!ENTITY b 'b'>]><a/>`), { code: 'stream' }],
    ['no mechanism', asked(OPEN, features('')), { code: 'authentication' }],
    ['the end of the stream', asked(OPEN, `<close xmlns='${NS_FRAMING}'/>`), { code: 'closed' }],
    [
      'the end of the WebSocket',
      async (peer) => {
        await peer.take(/^<open/);
        peer.socket.close();
      },
      { code: 'closed' },
    ],
    [
      'bytes',
      async (peer) => {
        await peer.take(/^<open/);
        peer.socket.send(Buffer.from(OPEN));
      },
      { condition: 'bad-format' },
    ],
    [
      'a stream error',
      asked(
        OPEN,
        `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
      ),
      { condition: 'host-gone' },
    ],
    [
      'a huge message before authentication',
      asked(OPEN, `<a>${'x'.repeat(70_000)}</a>`),
      { condition: 'policy-violation' },
    ],
    [
      'a message longer than a stanza may be',
      inSession(`<message xmlns='jabber:client'>${'x'.repeat(1_100_000)}</message>`),
      { condition: 'policy-violation' },
    ],
    [
      'malformed XML in the session',
      inSession('<message><a></b></message>'),
      { condition: 'not-well-formed' },
    ],
  ])('%s', async (_what, script, facts) => {
    const server = await listen(script);
    const client = setting.client(server.port, { transport: 'websocket', backoff: NEVER });
    client.start();
    await until(() => setting.log.of('warn').length > 0, 'an attempt failed');
    expect(setting.log.of('warn')[0]?.facts).toMatchObject(facts);
    await client.stop();
    expect(client.online).toBe(false);
  });

  test('a message that is too long before all of it is here', async () => {
    const server = await listen(
      inSession(`<message xmlns='jabber:client'>${'x'.repeat(1_100_000)}</message>`),
    );
    setting.client(server.port, { transport: 'websocket', backoff: NEVER }).start();
    await until(() => setting.log.of('warn').length > 0, 'the session ended');
    expect(setting.log.of('info').map(({ message }) => message)).toContain('XMPP: session established');
    expect(setting.log.of('warn')[0]?.message).toContain('Max payload size exceeded');
  });

  test('the server is told what was wrong, in messages', async () => {
    const server = await listen(asked(OPEN, '<a/><b/>'));
    await failure(server.port);
    await server.peers[0]?.take(
      /^<stream:error xmlns:stream="[^"]*"><not-well-formed [^>]*\/><\/stream:error>$/,
    );
    await server.peers[0]?.take(/^<close /);
  });

  test.each([
    ['of another name', () => setting.ca.leaf('localhost'), /is not for this domain/],
    ['expired', () => setting.ca.leaf(DOMAIN, -1), /has expired/],
  ])('a certificate %s, and no HTTP is spoken', async (_what, leaf, message) => {
    const server = await listen(() => {}, leaf());
    const failed = await failure(server.port);
    expect(failed.code).toBe('tls');
    expect(failed.message).toMatch(message);
    expect(server.urls).toEqual([]);
  });

  test('another subprotocol', async () => {
    const server = await listen(() => {}, setting.leaf, 'chat');
    const { code, message } = await failure(server.port);
    expect(code).toBe('connect');
    expect(message).toMatch(/no WebSocket for XMPP at the server: .*subprotocol/);
  });

  test('no WebSocket there', async () => {
    const http = createTlsServer({ cert: setting.leaf.certificate, key: setting.leaf.key }, (socket) =>
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
    );
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    servers.push(http);
    const { code, message } = await failure((http.address() as AddressInfo).port);
    expect(code).toBe('connect');
    expect(message).toBe('XMPP: no WebSocket for XMPP at the server: Unexpected server response: 404');
  });

  test('silence in each handshake', async () => {
    const tcp = createServer((socket) => socket.on('error', () => {}));
    const tls = createTlsServer({ cert: setting.leaf.certificate, key: setting.leaf.key }, () => {});
    for (const [server, step] of [
      [tcp, 'TLS handshake'],
      [tls, 'WebSocket handshake'],
    ] as const) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
      const { message } = await failure((server.address() as AddressInfo).port, 300);
      expect(message).toBe(`XMPP: no answer within 0.3 s (${step})`);
      await setting.end();
    }
  });
});
