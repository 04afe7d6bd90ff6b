// The server of open streams against scripted peers: who may speak, what is heard of them, and what garbage does.
import { once } from 'node:events';
import { connect as tlsConnect } from 'node:tls';
import type { Element } from 'ltx';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StanzaError } from '../src/errors.ts';
import {
  type OpenStreamListener,
  OpenStreamServer,
  type OpenStreamServerOptions,
} from '../src/open-stream/server.ts';
import type { ServerSession } from '../src/server/server-session.ts';
import { CertificateAuthority } from './support/certificates.ts';
import { OpenPeer } from './support/open-peer.ts';
import { RecordedLog } from './support/recorded-log.ts';
import { until } from './support/setting.ts';

const NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
const authority = new CertificateAuthority();
const leaf = authority.leaf('dc1.example');
afterAll(() => authority.remove());

let log: RecordedLog;
const endings: (() => Promise<void> | void)[] = [];
beforeEach(() => {
  log = new RecordedLog();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** hv17 is an agent, from 127.0.0.1 only; h1 a peer of the drafts that calls itself h1@elsewhere. */
async function start(
  options: Partial<OpenStreamServerOptions> = {},
  listener: Partial<OpenStreamListener> = {},
) {
  const sessions: ServerSession[] = [];
  const requests: string[] = [];
  const closed: string[] = [];
  const server = new OpenStreamServer({
    domain: 'dc1.example',
    listen: [
      {
        address: '127.0.0.1',
        port: 0,
        starttls: false,
        allows: (from) => from !== '127.0.0.9',
        ...listener,
      },
    ],
    tls: leaf,
    identify: (name, from) => {
      if (name === 'h1@elsewhere') return { account: 'h1', kind: 'draft' };
      if (name !== 'hv17') return `nobody is called ${name}`;
      return from === '127.0.0.1'
        ? { account: 'hv17', kind: 'contrail' }
        : `${name} may not come from ${from}`;
    },
    log,
    ...options,
  });
  server.on('session', (session) => {
    sessions.push(session);
    session.onRequest((payload): Element | undefined => {
      requests.push(`${session.account} ${payload.toString()}`);
      if (payload.getChild('refused')) throw new StanzaError('cancel', 'item-not-found');
      return undefined;
    });
    session.on('close', (reason) => closed.push(`${session.account} ${reason}`));
  });
  const [address] = await server.listen();
  endings.push(() => server.close());
  const port = address?.port ?? 0;
  const peer = async (localAddress?: string): Promise<OpenPeer> => {
    const one = await OpenPeer.connect(port, localAddress);
    endings.push(() => void one.socket.destroy());
    return one;
  };
  return { server, port, peer, sessions, requests, closed };
}

const agentHeader = (from = 'hv17') =>
  `<?xml version="1.0"?><stream:stream from="${from}" to="network-control@contrailsystems.com" version="1.0" ` +
  `xml:lang="en" xmlns="" xmlns:stream="http://etherx.jabber.org/streams"  >`;
const draftHeader = (to = 'dc1.example', xmlns = 'jabber:client') =>
  `<stream:stream to='${to}' from='h1@elsewhere' xmlns:stream='http://etherx.jabber.org/streams' xmlns='${xmlns}' version='1.0'>`;
const iq = (inner: string, facts = `from="hv17" to="network-control@contrailsystems.com/bgp-peer" id="x1"`) =>
  `<iq type="set" ${facts}><pubsub xmlns="http://jabber.org/protocol/pubsub">${inner}</pubsub></iq>`;
const ANSWER =
  /^<\?xml version="1.0"\?><stream:stream from="([^"]*)" to="[^"]*" id="[^"]+" version="1.0" xml:lang="en" xmlns="[^"]*" xmlns:stream="http:\/\/etherx.jabber.org\/streams">/;

describe("Contrail's agents", () => {
  test('a header is answered by a header, iqs and events are heard in order, and nothing is answered', async () => {
    const { peer, requests, sessions } = await start();
    const agent = await peer();
    agent.send(agentHeader());
    expect(await agent.take(ANSWER)).toBe('network-control@contrailsystems.com');
    agent.send(`<?xml version="1.0"?>${iq('<a/>')}\n\xc8`.replace('\xc8', 'Ȁ'));
    agent.send(
      '<message from="hv17" to="network-control@contrailsystems.com/bgp-peer"><event><b/></event></message>',
    );
    agent.send(iq('<refused/>') + iq('<c/>', 'id="x2"'));
    // Others' resources of the same stream, and what is no request.
    agent.send(iq('<config/>', 'from="hv17" to="network-control@contrailsystems.com/config" id="x3"'));
    agent.send('<iq type="get" id="x4"><q/></iq><presence/><message><body/></message>');
    agent.send(iq('<last/>'));
    await until(() => requests.length === 5, 'the last request is heard');
    expect(requests.map((request) => /<(?:pubsub|event)[^>]*><(\w+)/.exec(request)?.[1])).toEqual([
      'a',
      'b',
      'refused',
      'c',
      'last',
    ]);
    expect(agent.received).toBe('');
    expect(sessions).toHaveLength(1);
    expect(sessions[0]).toMatchObject({ jid: 'hv17/bgp-peer', account: 'hv17', remoteAddress: '127.0.0.1' });
  });

  test('messages are addressed as by a control node, made as they are read or before', async () => {
    const { peer, sessions } = await start();
    const agent = await peer();
    agent.send(agentHeader('hv17/bgp-peer'));
    await agent.take(ANSWER);
    sessions[0]?.sendMessage('<event xmlns="x"/>');
    const start_ = '<message from="network-control@contrailsystems.com" to="hv17/bgp-peer">';
    await agent.take(new RegExp(`^${start_}<event xmlns="x"/></message>`));
    const bodies = ['<event xmlns="y"/>', '<event xmlns="z"/>'].map((text) => Buffer.from(text));
    sessions[0]?.sendFrom(() => bodies.shift());
    await agent.take(
      new RegExp(`^${start_}<event xmlns="y"/></message>${start_}<event xmlns="z"/></message>$`),
    );
  });

  test('requests are taken one after the other, and what is sent while many wait is read in its turn', async () => {
    const { peer, sessions } = await start();
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    const seen: string[] = [];
    sessions[0]?.onRequest(async (payload) => {
      const name = payload.getChildElements()[0]?.getName();
      seen.push(`${name} begins`);
      await new Promise(setImmediate);
      seen.push(`${name} ends`);
      return undefined;
    });
    const names = Array.from({ length: 200 }, (_, number) => `r${number}`);
    agent.send(names.map((name) => iq(`<${name}/>`)).join(''));
    await until(() => seen.includes('r199 ends'), 'all requests are taken');
    agent.send(iq('<last/>'));
    await until(() => seen.includes('last ends'), 'it is read again');
    expect(seen).toEqual([...names, 'last'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  test('one that reads too slowly what it is sent at once is cut off', async () => {
    const { peer, sessions, closed } = await start({ maxOutputBytes: 1000 });
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    sessions[0]?.sendMessage(`<event xmlns="${'x'.repeat(1000)}"/>`);
    await agent.untilClosed();
    expect(closed).toEqual(['hv17 policy-violation: it reads too slowly']);
    expect(agent.received).toBe('');
  });

  test('white space goes out a third of the hold time apart, and what comes keeps the session', async () => {
    const { peer, closed } = await start({ holdTime: 300 });
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    for (let turn = 0; turn < 6; turn += 1) {
      await agent.take(/^\n/);
      agent.send(' ');
    }
    expect(closed).toEqual([]);
    await agent.untilClosed();
    expect(closed).toEqual(['hv17 nothing came for 0.3 s']);
  });

  test('the end of the stream is answered by its end', async () => {
    const { peer, closed } = await start();
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    agent.send('</stream:stream>');
    await agent.take(/^<\/stream:stream>$/);
    await agent.untilClosed();
    expect(closed).toEqual(['hv17 closed by the peer']);
  });

  test('a second stream of one identity takes over from the first', async () => {
    const { peer, closed, sessions } = await start();
    const first = await peer();
    first.send(agentHeader());
    await first.take(ANSWER);
    const second = await peer();
    second.send(agentHeader());
    await second.take(ANSWER);
    await first.untilClosed();
    expect(closed).toEqual(['hv17 replaced by a new session of this identity']);
    sessions[1]?.sendMessage('<event xmlns="x"/>');
    await second.take(/<event/);
  });

  test('a stanza that pretends to be from another ends the session', async () => {
    const { peer, closed, requests } = await start();
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    agent.send(iq('<a/>', 'from="hv18"'));
    await agent.untilClosed();
    expect(closed).toEqual(['hv17 a stanza pretends to be from "hv18"']);
    expect(requests).toEqual([]);
  });

  test('a stream that is cut at every byte says the same', async () => {
    const { peer, requests } = await start();
    const agent = await peer();
    agent.socket.setNoDelay(true);
    for (const byte of Buffer.from(`${agentHeader()}${iq('<a/>')} \n${iq('<é/>')}`)) {
      agent.send(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    await until(() => requests.length === 2, 'both requests are heard');
    expect(requests[1]).toContain('<é/>');
  });
});

describe('peers of the drafts', () => {
  test('are answered, pinged, and called by their account', async () => {
    const { peer, sessions } = await start({ pingInterval: 50 });
    const one = await peer();
    one.send(draftHeader());
    expect(await one.take(ANSWER)).toBe('dc1.example');
    expect(sessions[0]?.jid).toMatch(/^h1@dc1\.example\/.+/);
    one.send(iq('<a/>', `id="r1" from="h1@elsewhere" to="dc1.example"`));
    await one.take(/<iq from="dc1.example" id="r1" type="result"\/>/);
    one.send(iq('<refused/>', `id="r2" from="h1@elsewhere/x"`));
    await one.take(/<iq id="r2" type="error"><error type="cancel"><item-not-found /);
    await one.take(/<ping xmlns="urn:xmpp:ping"\/>/);
    one.send(iq('<a/>', `id="r3" from="h2@elsewhere"`));
    await one.take(/<stream:error><invalid-from /);
    await one.untilClosed();
  });

  test.each([
    ['another domain', draftHeader('other.example'), /^$/],
    ['another namespace', draftHeader('dc1.example', 'jabber:server'), /<invalid-namespace /],
  ])('%s is refused', async (_what, header, answer) => {
    const { peer, sessions } = await start();
    const one = await peer();
    one.send(header);
    await one.untilClosed();
    expect(sessions).toEqual([]);
    expect(one.received).toMatch(answer);
  });
});

describe('who may not speak', () => {
  test.each<[string, string | undefined, string, string]>([
    ['an unknown name', undefined, agentHeader('hv18'), 'nobody is called hv18'],
    ['a known name from elsewhere', '127.0.0.2', agentHeader(), 'hv17 may not come from 127.0.0.2'],
    ['an address that is not allowed', '127.0.0.9', agentHeader(), 'its address is not allowed'],
    ['no name', undefined, agentHeader(''), 'the header does not name the peer'],
    ['garbage', undefined, 'GET / HTTP/1.1\r\n\r\n', 'is refused'],
    ['no stream', undefined, '<a/>', 'the peer speaks no XMPP'],
    ['a DTD', undefined, '<!DOCTYPE a>', 'document type'],
    ['XMPP of another age', undefined, agentHeader().replace('version="1.0" xml', 'xml'), 'no XMPP 1.0'],
  ])('%s: the connection ends, the log says why, once', async (_what, from, words, reason) => {
    const { peer, sessions } = await start();
    for (let time = 0; time < 2; time += 1) {
      const one = await peer(from);
      one.send(words);
      await one.untilClosed();
    }
    expect(sessions).toEqual([]);
    const refusals = log.lines.filter(({ message }) => message.includes('is refused'));
    expect(refusals.map(({ level }) => level)).toEqual(['warn', 'debug']);
    expect(refusals[0]?.message).toContain(reason);
  });

  test('who says nothing is given up in time', async () => {
    const { peer } = await start({ timeout: 100 });
    const silent = await peer();
    await silent.untilClosed();
    expect(log.of('warn').map(({ message }) => message)).toContainEqual(
      expect.stringContaining('it took too long to begin'),
    );
  });

  test('many that say nothing keep nobody out, and who has a session is not counted', async () => {
    const { peer, sessions, closed } = await start({
      admission: { maxUnauthenticated: 3, maxUnauthenticatedPerAddress: 2 },
    });
    for (let time = 0; time < 4; time += 1) {
      const agent = await peer();
      agent.send(agentHeader());
      await agent.take(ANSWER);
    }
    const silent = [await peer('127.0.0.2'), await peer('127.0.0.2'), await peer('127.0.0.3')];
    const third = await peer('127.0.0.2');
    await third.untilClosed();
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    await silent[0]?.untilClosed();
    expect(silent.map((one) => one.closed)).toEqual([true, false, false]);
    expect(sessions).toHaveLength(5);
    expect(closed).toHaveLength(4);
  });

  test.each([
    ['200-deep', '<a>'.repeat(200)],
    ['an unbound prefix', '<iq type="set"><x:a/></iq>'],
    ['a comment', '<!-- -->'],
    ['too long', `<iq type="set"><a b="${'x'.repeat(2 ** 20)}"/></iq>`],
    ['bad UTF-8', Buffer.from('<iq>\xff</iq>', 'latin1')],
  ])('%s in a session ends it, and nobody else notices', async (_what, words) => {
    const { peer, closed, sessions } = await start();
    const agent = await peer();
    agent.send(agentHeader());
    await agent.take(ANSWER);
    const other = await peer();
    other.send(draftHeader());
    await other.take(ANSWER);
    agent.send(words);
    await agent.untilClosed();
    expect(closed).toHaveLength(1);
    expect(agent.received).toBe('</stream:stream>');
    sessions[1]?.sendMessage('<event xmlns="x"/>');
    await other.take(/<event/);
  });
});

describe('STARTTLS', () => {
  const asked = async (peer: OpenPeer) => {
    peer.send(agentHeader());
    await peer.take(ANSWER);
    await peer.take(
      /<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"><required\/><\/starttls><\/stream:features>/,
    );
  };

  test('demanded, it comes before the session', async () => {
    const { peer, requests, sessions } = await start({}, { starttls: true });
    const agent = await peer();
    await asked(agent);
    expect(sessions).toEqual([]);
    agent.socket.removeAllListeners('data');
    const proceeded = once(agent.socket, 'data');
    agent.send(`<starttls xmlns="${NS_TLS}"/>`);
    expect(String(await proceeded)).toBe(`<proceed xmlns="${NS_TLS}"/>`);
    const secure = tlsConnect({ socket: agent.socket, ca: authority.certificate, servername: 'dc1.example' });
    agent.listen(secure);
    await once(secure, 'secureConnect');
    agent.send(agentHeader() + iq('<a/>'));
    await agent.take(ANSWER);
    await until(() => requests.length === 1, 'the request is heard');
  });

  test('where there is a client CA, who shows no certificate of it is refused', async () => {
    const { peer, sessions } = await start(
      { tls: { ...leaf, clientCa: authority.certificate } },
      { starttls: true },
    );
    const handshake = async (identity: object) => {
      const agent = await peer();
      await asked(agent);
      agent.socket.removeAllListeners('data');
      const proceeded = once(agent.socket, 'data');
      agent.send(`<starttls xmlns="${NS_TLS}"/>`);
      await proceeded;
      const facts = {
        socket: agent.socket,
        ca: authority.certificate,
        servername: 'dc1.example',
        ...identity,
      };
      agent.listen(tlsConnect(facts));
      agent.send(agentHeader());
      return agent;
    };
    await (await handshake({})).untilClosed();
    const stranger = new CertificateAuthority();
    const foreign = stranger.leaf('hv17');
    stranger.remove();
    await (await handshake({ cert: foreign.certificate, key: foreign.key })).untilClosed();
    expect(sessions).toEqual([]);
    const known = authority.leaf('hv17');
    await (await handshake({ cert: known.certificate, key: known.key })).take(ANSWER);
    expect(sessions).toHaveLength(1);
  });

  test.each([
    ['left out', iq('<a/>')],
    ['with a request slipped in behind it', `<starttls xmlns="${NS_TLS}"/>${iq('<a/>')}`],
    ['with half a request slipped in behind it', `<starttls xmlns="${NS_TLS}"/><iq`],
  ])('%s, the stream ends', async (_what, words) => {
    const { peer, requests, sessions } = await start({}, { starttls: true });
    const agent = await peer();
    await asked(agent);
    agent.send(words);
    await agent.untilClosed();
    expect(agent.received).toContain('<policy-violation ');
    expect(agent.received).not.toContain('<proceed');
    expect([requests, sessions]).toEqual([[], []]);
  });
});

test('a port that is taken is an error that names it; a closed server has no connections', async () => {
  const { server, port, peer } = await start();
  const other = start({}, { port });
  await expect(other).rejects.toMatchObject({
    code: 'listen',
    message: expect.stringContaining(`port ${port}`),
  });
  const agent = await peer();
  agent.send(agentHeader());
  await agent.take(ANSWER);
  const silent = await peer();
  await server.close();
  await vi.waitFor(() => expect([agent.closed, silent.closed]).toEqual([true, true]));
});
