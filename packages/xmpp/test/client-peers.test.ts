// The client against servers that say nothing at some step, or that do as they should.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Element } from 'ltx';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { XmppClient } from '../src/client/client.ts';
import { BIND_FEATURE, features, SCRAM_FEATURE, type ServerPeer } from './support/scripted-peer.ts';
import { DOMAIN, JID, NEVER, PASSWORD, Setting, toSession, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const silentAt: readonly (readonly [step: string, script: (peer: ServerPeer) => Promise<void> | void])[] = [
  ['stream header', () => {}],
  ['stream features', (peer) => peer.header(DOMAIN)],
  [
    'authentication',
    async (peer) => {
      await peer.header(DOMAIN);
      peer.send(features(SCRAM_FEATURE));
    },
  ],
  [
    'authentication',
    async (peer) => {
      await peer.header(DOMAIN);
      peer.send(features(SCRAM_FEATURE));
      await peer.challenge(PASSWORD);
    },
  ],
  ['stream header', (peer) => peer.authenticate(DOMAIN, PASSWORD)],
  [
    'stream features',
    async (peer) => {
      await peer.authenticate(DOMAIN, PASSWORD);
      await peer.header(DOMAIN);
    },
  ],
  [
    'resource binding',
    async (peer) => {
      await peer.authenticate(DOMAIN, PASSWORD);
      await peer.header(DOMAIN);
      peer.send(features(BIND_FEATURE));
    },
  ],
];

describe('a server that falls silent', () => {
  test.each(silentAt)('is given up: %s', async (step, script) => {
    const { message, line, server } = await setting.failure(script, 1_000);
    expect(message).toBe(`XMPP: no answer within 1 s (${step})`);
    expect(line?.facts).toMatchObject({ code: 'timeout' });
    await server.peers[0]?.untilClosed();
  });

  test.each(silentAt)('does not hold up stop: %s', async (_step, script) => {
    let reached = false;
    const server = await setting.scripted(async (peer) => {
      await script(peer);
      reached = true;
    });
    const client = setting.client(server.port, { timeout: 60_000 });
    client.start();
    await until(() => reached, 'the step is reached');
    await client.stop();
    await server.peers[0]?.untilClosed();
    expect(setting.log.of('warn')).toEqual([]);
  });

  test('is given up also when it takes TCP only, and trickles bytes for ever', async () => {
    const sockets: Socket[] = [];
    const tcp = createServer((socket) => sockets.push(socket.on('error', () => {})));
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const client = setting.client(port, { timeout: 300, backoff: NEVER });
    client.start();
    await until(() => setting.log.of('warn').length > 0, 'the attempt failed');
    expect(setting.log.of('warn')[0]?.message).toMatch(/no answer within 0.3 s \(TLS handshake\)/);
    tcp.close();
    for (const socket of sockets) socket.destroy();
    await setting.end();

    let timer: NodeJS.Timeout | undefined;
    const { message } = await setting.failure(async (peer) => {
      await peer.header(DOMAIN);
      timer = setInterval(() => peer.send(' '), 20);
    }, 1_000);
    clearInterval(timer);
    expect(message).toBe('XMPP: no answer within 1 s (stream features)');
  });

  test('is noticed in a session, and the client comes back', async () => {
    let sessions = 0;
    const server = await setting.scripted(async (peer) => {
      await toSession(peer);
      sessions += 1;
    });
    const client = await setting.online(server.port, { pingInterval: 100, timeout: 1_000 });
    const reasons: string[] = [];
    client.on('offline', (reason) => reasons.push(`${reason.code}: ${reason.message}`));
    await server.peers[0]?.take(/<iq id="ping-1" type="get"><ping xmlns="urn:xmpp:ping"\/><\/iq>/);
    await until(() => sessions >= 2 && client.online, 'the client is back');
    expect(reasons[0]).toBe('timeout: no answer within 1 s (session)');
  });
});

describe('a session', () => {
  test('lives on while the server answers pings, and answers its', async () => {
    const server = await setting.scripted(toSession);
    const client = await setting.online(server.port, { pingInterval: 50 });
    const [peer] = server.peers;
    for (let round = 1; round <= 3; round++) {
      await peer?.take(new RegExp(`<iq id="ping-${round}" type="get">`));
      peer?.send(`<iq type='result' id='ping-${round}'/>`);
    }
    peer?.send(`<iq type='get' id='p&lt;1' from='${DOMAIN}' to='${JID}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await peer?.take(/<iq from="h1@dc1.example\/forwarder" to="dc1.example" id="p&lt;1" type="result"\/>/);
    peer?.send(`<iq type='get' id='v'><query xmlns='jabber:iq:version'/></iq>`);
    await peer?.take(/id="v" type="error"><error type="cancel"><service-unavailable/);
    expect(client.online).toBe(true);
  });

  test('takes messages that are cut at each byte of their characters', async () => {
    const server = await setting.scripted(toSession);
    const client = await setting.online(server.port);
    const bodies: (string | null)[] = [];
    client.on('message', (stanza) => bodies.push(stanza.getChildText('body')));
    const [peer] = server.peers;
    peer?.socket.setNoDelay(true);
    for (const byte of Buffer.from('<message><body>é€😀</body></message>')) {
      peer?.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => bodies.length === 1, 'the message came');
    expect(bodies).toEqual(['é€😀']);
  });

  test('its requests take whatever comes as an answer', async () => {
    const server = await setting.scripted(toSession);
    const client = await setting.online(server.port);
    const [peer] = server.peers;
    const ask = async (answer: string) => {
      const result = client.request(new Element('q', { xmlns: 'urn:q' }));
      const id = await peer?.take(/<iq type="set" id="([^"]+)"/);
      peer?.send(
        `<iq type='result' id='not-asked'/><iq type='error'/><iq/>${answer.replaceAll('ID', id ?? '')}`,
      );
      return await result.then(
        (payload) => payload?.toString() ?? 'nothing',
        (error: unknown) => String(error),
      );
    };
    expect(await ask(`<iq type='result' id='ID'/>`)).toBe('nothing');
    expect(await ask(`<iq type='result' id='ID'><a/><b/></iq>`)).toBe('<a/>');
    expect(await ask(`<iq type='error' id='ID'/>`)).toBe('StanzaError: undefined-condition');
    expect(await ask(`<iq type='error' id='ID'><error/></iq>`)).toBe('StanzaError: undefined-condition');
    expect(await ask(`<iq type='error' id='ID'><error type='x'>text</error></iq>`)).toBe(
      'StanzaError: undefined-condition',
    );
    const ns = `xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'`;
    expect(
      await ask(
        `<iq type='error' id='ID'><error type='wait'><text ${ns}>why</text><conflict ${ns}/></error></iq>`,
      ),
    ).toBe('StanzaError: conflict why');
    expect(client.online).toBe(true);
  });
});

test('no reason, no waiting: a client that was never started holds nothing', async () => {
  const client = new XmppClient({
    host: '::1',
    port: 1,
    domain: DOMAIN,
    account: 'h1',
    resource: 'r',
    password: () => '',
    log: setting.log,
  });
  expect(client.online).toBe(false);
  await client.stop();
  expect(setting.log.lines).toEqual([]);
});
