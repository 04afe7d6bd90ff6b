// The server against clients that do wrong, or nothing, at each step.
import { PassThrough } from 'node:stream';
import { Element } from 'ltx';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ScramClient } from '../src/scram.ts';
import { OutputPump } from '../src/server/output-pump.ts';
import type { ServerSession } from '../src/server/server-session.ts';
import { Session } from '../src/server/session.ts';
import { ClientPeer, clientHeader } from './support/scripted-peer.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
const peers: ClientPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.destroy();
  await setting.end();
});
afterAll(() => setting.ca.remove());

const JID = `h2@${DOMAIN}/r`;
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';

async function connect(port: number): Promise<ClientPeer> {
  const peer = await ClientPeer.connect(port, setting.ca.certificate, DOMAIN);
  peers.push(peer);
  return peer;
}

describe('a client that does wrong loses its own connection, and nobody else', () => {
  let port = 0;
  let bystander: Awaited<ReturnType<Setting['online']>>;
  beforeEach(async () => {
    const started = await setting.server();
    port = started.port;
    bystander = await setting.online(port);
    for (const session of started.server.sessions.values()) session.onRequest(() => new Element('ok'));
  });
  afterEach(() => setting.end());

  const first = (text: string | Uint8Array) => async (peer: ClientPeer) => peer.send(text);
  const afterHeader = (text: string) => async (peer: ClientPeer) => {
    await peer.header(DOMAIN);
    peer.send(text);
  };
  const beforeBinding = (text: string) => async (peer: ClientPeer) => {
    await peer.header(DOMAIN);
    await peer.authenticate('h2', PASSWORD);
    await peer.header(DOMAIN);
    peer.send(text);
  };
  const inSession = (text: string) => async (peer: ClientPeer) => {
    await peer.session(DOMAIN, 'h2', PASSWORD);
    peer.send(text);
  };
  const bind = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`;
  const query = `<iq type='set' id='q'><query xmlns='urn:test'/></iq>`;

  test.each<[string, (peer: ClientPeer) => Promise<void>, string]>([
    ['HTTP', first('GET / HTTP/1.1\r\n\r\n'), 'not-well-formed'],
    ['bytes that are no UTF-8', first(Buffer.from([0x80])), 'not-well-formed'],
    ['a document type', first("<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>"), 'restricted-xml'],
    ['another encoding', first("<?xml version='1.0' encoding='UTF-16'?><x>"), 'unsupported-encoding'],
    ['another root', first("<x xmlns='jabber:client'>"), 'invalid-namespace'],
    [
      'the namespace of servers',
      first(clientHeader(DOMAIN).replace('jabber:client', 'jabber:server')),
      'invalid-namespace',
    ],
    ['another domain', first(clientHeader('dc2.example')), 'host-unknown'],
    ['no domain', first(clientHeader(DOMAIN).replace(/ to='[^']*'/, '')), 'host-unknown'],
    ['XMPP 0.9', first(clientHeader(DOMAIN).replace(/ version='1.0'(?!\?)/, '')), 'unsupported-version'],
    ['a huge header', first(`<x a='${'x'.repeat(70_000)}'`), 'policy-violation'],
    ['depth', afterHeader('<a>'.repeat(200_000)), 'policy-violation'],
    [
      'attributes',
      afterHeader(`<a ${Array.from({ length: 5_000 }, (_, n) => `a${n}=''`).join(' ')}/>`),
      'policy-violation',
    ],
    ['an entity', afterHeader('<a>&lol;</a>'), 'not-well-formed'],
    ['a comment', afterHeader('<!-- -->'), 'restricted-xml'],
    [
      'a huge stanza before authentication',
      afterHeader(`<auth xmlns='${SASL}'>${'A'.repeat(70_000)}`),
      'policy-violation',
    ],
    ['a request before authentication', afterHeader(query), 'not-authorized'],
    ['binding before authentication', afterHeader(bind), 'not-authorized'],
    ['a message before authentication', afterHeader('<message/>'), 'not-authorized'],
    ['STARTTLS', afterHeader(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`), 'not-authorized'],
    [
      'two exchanges at once',
      afterHeader(`<auth xmlns='${SASL}'/><auth xmlns='${SASL}'/>`),
      'not-authorized',
    ],
    ['a request before binding', beforeBinding(query), 'not-authorized'],
    ['a binding without an id', beforeBinding(bind.replace(" id='b'", '')), 'not-authorized'],
    [
      'an impossible resource',
      beforeBinding(bind.replace('/></iq>', `><resource>${'x'.repeat(2000)}</resource></bind></iq>`)),
      'bad-format',
    ],
    ['a second header', inSession(clientHeader(DOMAIN)), 'not-well-formed'],
    ['another from', inSession(query.replace('<iq', `<iq from='h1@${DOMAIN}'`)), 'invalid-from'],
    [
      'the from of another resource',
      inSession(query.replace('<iq', `<iq from='h2@${DOMAIN}/other'`)),
      'invalid-from',
    ],
    [
      'the from of another, in a message',
      inSession(`<message from='h1@${DOMAIN}/forwarder'/>`),
      'invalid-from',
    ],
    ['an unknown stanza', inSession('<route/>'), 'unsupported-stanza-type'],
    ['malformed XML in the session', inSession('<iq></message>'), 'not-well-formed'],
    ['a huge stanza', inSession(`<message>${'x'.repeat(1_100_000)}`), 'policy-violation'],
  ])('%s', async (_what, script, condition) => {
    const peer = await connect(port);
    await script(peer);
    await peer.take(new RegExp(`<stream:error><${condition} .*</stream:error></stream:stream>`));
    await peer.untilClosed();
    expect((await bystander.request(new Element('x', { xmlns: 'urn:x' })))?.name).toBe('ok');
  });

  test('any other order of bytes, too', async () => {
    for (const text of [
      '</stream:stream>',
      '<',
      '<?xml',
      `${clientHeader(DOMAIN)}</stream:stream>`,
      '\u0000',
    ])
      for (const end of [true, false]) {
        const peer = await connect(port);
        peer.send(text);
        if (end) peer.socket.end();
        else peer.socket.destroy();
        await peer.untilClosed();
      }
    expect(bystander.online).toBe(true);
  });
});

describe('authentication', () => {
  test.each<[string, (peer: ClientPeer) => void, string]>([
    ['another mechanism', (peer) => peer.auth('\0h2\0secret', 'PLAIN'), 'invalid-mechanism'],
    ['a response without an exchange', (peer) => peer.response('c=biws'), 'malformed-request'],
    ['no message', (peer) => peer.auth(''), 'malformed-request'],
    ['channel binding', (peer) => peer.auth('p=tls-exporter,,n=h2,r=abc'), 'malformed-request'],
    ['another identity', (peer) => peer.auth(`n,a=h1@${DOMAIN},n=h2,r=abc`), 'invalid-authzid'],
    ['a name that is no localpart', (peer) => peer.auth('n,,n=h2/x,r=abc'), 'malformed-request'],
    [
      'no Base64',
      (peer) => peer.send(`<auth xmlns='${SASL}' mechanism='SCRAM-SHA-256'>*</auth>`),
      'incorrect-encoding',
    ],
    ['an end to it', (peer) => peer.send(`<abort xmlns='${SASL}'/>`), 'aborted'],
    ['an element that SASL has not', (peer) => peer.send(`<x xmlns='${SASL}'/>`), 'malformed-request'],
  ])('%s fails, and the next attempt may succeed', async (_what, attempt, condition) => {
    const { port } = await setting.server();
    const peer = await connect(port);
    await peer.header(DOMAIN);
    attempt(peer);
    expect(await peer.take(/<failure xmlns="[^"]*"><([a-z-]+)\/><\/failure>/)).toBe(condition);
    await peer.authenticate('h2', PASSWORD);
  });

  test('three failures are enough', async () => {
    const { port } = await setting.server();
    const peer = await connect(port);
    await peer.header(DOMAIN);
    for (const account of ['h2', 'ghost', 'h2'])
      await expect(
        (async () => {
          const scram = new ScramClient(account, 'wrong');
          peer.auth(scram.first());
          peer.response(await scram.final(await peer.challenge()));
          return await peer.take(/<failure[^>]*><([a-z-]+)\/>/);
        })(),
      ).resolves.toBe('not-authorized');
    await peer.take(/<stream:error><policy-violation/);
    await peer.untilClosed();
    expect(setting.log.of('warn')).toHaveLength(3);
    expect(setting.log.of('warn')[1]?.facts).toEqual({
      remoteAddress: '127.0.0.1',
      account: 'ghost',
      condition: 'not-authorized',
    });
  });

  test('an unknown account gets the same challenge each time, as a known one does', async () => {
    const { port } = await setting.server();
    const salt = async (account: string): Promise<string> => {
      const peer = await connect(port);
      await peer.header(DOMAIN);
      peer.auth(`n,,n=${account},r=abc`);
      return (await peer.challenge()).replace(/r=[^,]*/, '');
    };
    expect(await salt('ghost')).toBe(await salt('ghost'));
    expect(await salt('h2')).toBe(await salt('h2'));
    expect(await salt('ghost')).not.toBe(await salt('phantom'));
    expect((await salt('ghost')).length).toBe((await salt('h2')).length);
  });

  test.each<[string, (peer: ClientPeer) => Promise<void>]>([
    ['nothing', async () => {}],
    ['a header', (peer) => peer.header(DOMAIN)],
    [
      'half an exchange',
      async (peer) => {
        await peer.header(DOMAIN);
        peer.auth('n,,n=h2,r=abc');
      },
    ],
    [
      'no binding',
      async (peer) => {
        await peer.header(DOMAIN);
        await peer.authenticate('h2', PASSWORD);
      },
    ],
  ])('must be over in time: %s', async (_what, script) => {
    const { port } = await setting.server({ timeout: 500 });
    const peer = await connect(port);
    await script(peer);
    await peer.take(/<stream:error><connection-timeout/);
    await peer.untilClosed();
  });

  test('only so many may be at it', async () => {
    const { port } = await setting.server({ limits: { maxUnauthenticatedPerAddress: 2 } });
    const first = await connect(port);
    await connect(port);
    await expect(connect(port)).rejects.toThrow();
    expect(setting.log.of('warn')[0]?.facts).toEqual({ remoteAddress: '127.0.0.1', connections: 2 });
    await first.session(DOMAIN, 'h2', PASSWORD);
    await connect(port);
  });
});

describe('a session', () => {
  async function session(options: Parameters<Setting['server']>[0] = {}) {
    const { server, port } = await setting.server(options);
    const sessions: ServerSession[] = [];
    server.on('session', (one) => sessions.push(one));
    const peer = await connect(port);
    expect(await peer.session(DOMAIN, 'h2', PASSWORD)).toBe(JID);
    await until(() => sessions.length === 1, 'the server has it');
    const [one] = sessions;
    if (!one) throw new Error('no session');
    const reasons: string[] = [];
    one.on('close', (reason) => reasons.push(reason));
    return { server, peer, session: one, reasons };
  }

  test('is pinged, and closed when nothing comes back', async () => {
    const { peer, reasons, server } = await session({ pingInterval: 100, timeout: 1_000 });
    await peer.take(
      /<iq from="dc1.example" to="h2@dc1.example\/r" id="ping-1" type="get"><ping xmlns="urn:xmpp:ping"\/>/,
    );
    peer.send(`<iq type='result' id='ping-1'/>`);
    await peer.take(/id="ping-2"/);
    await peer.untilClosed();
    await until(() => reasons.length === 1, 'the session is closed');
    expect(reasons).toEqual(['no answer to a ping within 1 s']);
    expect(server.sessions.size).toBe(0);
  });

  test('answers pings and refuses what it does not understand', async () => {
    const { peer, session: one } = await session();
    one.onRequest(() => new Element('fine', { xmlns: 'urn:test' }));
    peer.send(`<iq type='get' id='1' to='${DOMAIN}' from='${JID}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await peer.take(/<iq from="dc1.example" to="h2@dc1.example\/r" id="1" type="result"\/>/);
    peer.send(`<iq type='get' id='2'><query xmlns='jabber:iq:version'/></iq>`);
    await peer.take(/<iq id="2" type="error"><error type="cancel"><service-unavailable/);
    for (const bad of [
      `<iq id='3' type='set'/>`,
      `<iq id='3' type='set'><a/><b/></iq>`,
      `<iq id='3' type='x'><a/></iq>`,
    ]) {
      peer.send(bad);
      await peer.take(/<iq id="3" type="error"><error type="modify"><bad-request/);
    }
    peer.send(
      `<presence/><message to='h1@${DOMAIN}'><body/></message><iq type='result' id='9'/><iq type='error' id='9'/>`,
    );
    peer.send(`<iq type='set' id='4' from='h2@${DOMAIN}'><q xmlns='urn:q'/></iq>`);
    await peer.take(/<iq to="h2@dc1.example" id="4" type="result"><fine xmlns="urn:test"\/><\/iq>/);
  });

  test('a lost connection closes it, with the reason', async () => {
    const { peer, reasons, server } = await session();
    peer.socket.destroy();
    await until(() => reasons.length === 1, 'the session is closed');
    expect(reasons[0]).toMatch(/^the connection was (closed|lost)/);
    expect(server.sessions.size).toBe(0);
  });

  test('the end of the stream is answered', async () => {
    const { peer, reasons } = await session();
    peer.send('</stream:stream>');
    await peer.take(/<\/stream:stream>/);
    await peer.untilClosed();
    expect(reasons).toEqual(['closed by the peer']);
  });

  test('close tells the client why, and ends also when it never reads', async () => {
    const { peer, session: one, reasons } = await session();
    peer.socket.pause();
    for (let n = 0; n < 100; n++) one.sendMessage(`<x xmlns='urn:x'>${'x'.repeat(100_000)}</x>`);
    await one.close('reset', 'the VPN is gone & away');
    expect(reasons).toEqual(['the VPN is gone & away']);
    one.sendMessage('<late/>');
    await one.close();

    const other = await session();
    await other.session.close('reset', 'gone & away');
    await other.peer.take(
      /<stream:error><reset [^>]*\/><text [^>]*>gone &amp; away<\/text><\/stream:error><\/stream:stream>/,
    );
    expect(other.reasons).toEqual(['gone & away']);
  });

  test('a reader that is too slow is cut off when what waits for it passes the limit, and only it', async () => {
    const limits = { maxOutputBytes: 1_000_000 };
    const { peer, session: one, reasons, server } = await session({ limits });
    peer.socket.pause();
    const message = `<x xmlns='urn:x'>${'x'.repeat(10_000)}</x>`;
    let sent = 0;
    for (; sent < 10_000 && reasons.length === 0; sent++) {
      one.sendMessage(message);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(reasons).toEqual(['policy-violation: it reads too slowly']);
    expect(server.sessions.size).toBe(0);
    const [line] = setting.log.of('warn');
    expect(line?.facts).toMatchObject({ jid: JID, maxOutputBytes: 1_000_000 });
    expect(line?.facts['waitingBytes']).toBeLessThan(1_020_000);
  });

  test('unless it is configured, the limit is 16 MiB', async () => {
    const { session: one, reasons } = await session();
    const message = `<x xmlns='urn:x'>${'x'.repeat(1024 * 1024)}</x>`;
    for (let n = 0; n < 15; n++) one.sendMessage(message);
    await new Promise((resolve) => process.nextTick(resolve));
    expect(reasons).toEqual([]);
    for (let n = 0; n < 16; n++) one.sendMessage(message);
    await until(() => reasons.length === 1, 'it is cut off');
    expect(setting.log.of('warn')[0]?.facts).toMatchObject({ maxOutputBytes: 16 * 1024 * 1024 });
  });

  test('what is sent within one turn counts too', async () => {
    const { session: one, reasons } = await session({ limits: { maxOutputBytes: 100_000 } });
    for (let n = 0; n < 100; n++) one.sendMessage(`<x xmlns='urn:x'>${'é'.repeat(2_000)}</x>`);
    // Told only afterwards: the sender may be in the middle of its sessions.
    expect(reasons).toEqual([]);
    await until(() => reasons.length === 1, 'it is closed');
  });

  test('a peer that asks faster than it is answered is not read further, until it is', async () => {
    const socket = new PassThrough();
    const session = new Session({
      socket,
      domain: DOMAIN,
      account: 'h2',
      resource: 'r',
      remoteAddress: '',
      maxOutputBytes: 1_000_000,
      pump: new OutputPump(),
      onProgress: () => {},
      log: setting.log,
    });
    const answers: (() => void)[] = [];
    session.onRequest(() => new Promise((resolve) => answers.push(() => resolve(undefined))));
    socket.resume();
    for (let n = 0; n < 100; n++) {
      const iq = new Element('iq', { xmlns: 'jabber:client', type: 'set', id: `${n}` });
      iq.c('query', { xmlns: 'urn:test' });
      session.onStanza(iq);
      expect(socket.isPaused()).toBe(n >= 64);
    }
    const paused: boolean[] = [];
    for (let n = 0; n < 100; n++) {
      await until(() => answers.length > n, `request ${n} is asked`);
      paused.push(socket.isPaused());
      answers[n]?.();
    }
    expect(paused).toEqual(Array.from({ length: 100 }, (_, n) => n < 68));
  });

  test('many requests at once are all answered, in their order', async () => {
    const { peer, session: one } = await session();
    const seen: string[] = [];
    one.onRequest(async (payload) => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(payload.getText().slice(0, 4));
      return undefined;
    });
    const numbers = Array.from({ length: 1_000 }, (_, n) => `${n + 1000}`);
    for (const n of numbers)
      peer.send(`<iq type='set' id='${n}'><q xmlns='urn:q'>${n}${'x'.repeat(2_000)}</q></iq>`);
    await peer.take(/id="1999" type="result"/);
    expect(seen).toEqual(numbers);
  });
});
