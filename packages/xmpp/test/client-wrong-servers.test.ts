// The client against servers that do wrong: it ends one attempt, and nothing else.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Element } from 'ltx';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import {
  BIND_FEATURE,
  features,
  SCRAM_FEATURE,
  type ServerPeer,
  serverHeader,
} from './support/scripted-peer.ts';
import { DOMAIN, JID, NEVER, PASSWORD, Setting, toSession, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const authenticated = async (peer: ServerPeer): Promise<void> => {
  await peer.authenticate(DOMAIN, PASSWORD);
  await peer.take(/<stream:stream[^>]*>/);
};

describe('a server that does wrong ends one attempt, and nothing else', () => {
  const asked = (text: string | Uint8Array) => async (peer: ServerPeer) => {
    await peer.take(/<stream:stream[^>]*>/);
    peer.send(text);
  };
  const withHeader = (text: string) => async (peer: ServerPeer) => {
    await peer.header(DOMAIN);
    peer.send(text);
  };
  const withSession = (text: string) => async (peer: ServerPeer) => {
    await toSession(peer);
    peer.send(text);
  };

  test.each<[string, (peer: ServerPeer) => Promise<void> | void, object, RegExp?]>([
    ['words before it is asked', (peer) => peer.send('words'), { code: 'stream' }],
    ['HTTP', asked('HTTP/1.1 400 Bad Request\r\n\r\n'), { condition: 'not-well-formed' }],
    ['bytes that are no UTF-8', asked(Buffer.from([0xff])), { condition: 'not-well-formed' }],
    ['another namespace', asked("<stream xmlns='urn:x'>"), { condition: 'invalid-namespace' }],
    [
      'no version',
      asked(serverHeader(DOMAIN).replace(/ version='1.0'(?!\?)/, '')),
      { condition: 'unsupported-version' },
    ],
    ['another domain', asked(serverHeader('evil.example')), { condition: 'host-unknown' }],
    [
      'the end at once',
      (peer) => peer.take(/<stream/).then(() => void peer.socket.end()),
      { code: 'closed' },
    ],
    ['a reset', (peer) => peer.take(/<stream/).then(() => void peer.socket.destroy()), { code: 'closed' }],
    ['the end of the stream', withHeader('</stream:stream>'), { code: 'closed' }],
    ['a document type', withHeader("<!DOCTYPE x [<!ENTITY a 'a'>]>"), { condition: 'not-well-formed' }],
    ['an entity', withHeader('<x>&foo;</x>'), { condition: 'not-well-formed' }],
    ['mismatched tags', withHeader('<a></b>'), { condition: 'not-well-formed' }],
    ['depth', withHeader('<a>'.repeat(200_000)), { condition: 'policy-violation' }],
    [
      'a huge stanza before authentication',
      withHeader(`<a>${'x'.repeat(70_000)}`),
      { condition: 'policy-violation' },
    ],
    [
      'a stream error',
      withHeader(`<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`),
      { code: 'stream', condition: 'host-gone' },
    ],
    [
      'an empty stream error',
      withHeader('<stream:error/>'),
      { code: 'stream', condition: 'undefined-condition' },
    ],
    [
      'a redirection',
      withHeader(
        `<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:1</see-other-host></stream:error>`,
      ),
      { condition: 'see-other-host' },
    ],
    ['no mechanism', withHeader(features('')), { code: 'authentication' }],
    [
      'PLAIN only',
      withHeader(
        features(
          `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>`,
        ),
      ),
      { code: 'authentication' },
    ],
    ['binding without authentication', withHeader(features(BIND_FEATURE)), { code: 'authentication' }],
    [
      'features twice',
      withHeader(features(SCRAM_FEATURE) + features(SCRAM_FEATURE)),
      { condition: 'policy-violation' },
    ],
    ['an invalid address', withHeader(`<x to='@' from='@'/>`), { condition: 'undefined-condition' }],
    [
      'success without a proof',
      async (peer) => {
        await peer.header(DOMAIN);
        peer.send(features(SCRAM_FEATURE));
        await peer.take(/<auth/);
        peer.success('');
      },
      { code: 'authentication' },
      /did not prove/,
    ],
    [
      'success with a wrong proof',
      async (peer) => {
        await peer.header(DOMAIN);
        peer.send(features(SCRAM_FEATURE));
        await peer.challenge('not the password');
        await peer.response();
        peer.success(`v=${Buffer.alloc(32).toString('base64')}`);
      },
      { code: 'authentication' },
      /did not prove/,
    ],
    [
      'a challenge that is none',
      async (peer) => {
        await peer.header(DOMAIN);
        peer.send(features(SCRAM_FEATURE));
        await peer.take(/<auth/);
        peer.send(`<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%%%</challenge>`);
      },
      {},
    ],
    [
      'two challenges',
      async (peer) => {
        await peer.header(DOMAIN);
        peer.send(features(SCRAM_FEATURE));
        await peer.challenge(PASSWORD);
        await peer.response();
        peer.send(`<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj14</challenge>`);
      },
      { code: 'authentication' },
      /challenges twice/,
    ],
    [
      'an empty failure',
      async (peer) => {
        await peer.header(DOMAIN);
        peer.send(features(SCRAM_FEATURE));
        await peer.take(/<auth/);
        peer.send(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`);
      },
      {},
    ],
    [
      'no binding',
      async (peer) => {
        await authenticated(peer);
        peer.send(serverHeader(DOMAIN) + features(''));
      },
      { condition: 'policy-violation' },
    ],
    [
      'authentication again',
      async (peer) => {
        await authenticated(peer);
        peer.send(serverHeader(DOMAIN) + features(SCRAM_FEATURE + BIND_FEATURE));
      },
      { condition: 'policy-violation' },
    ],
    [
      'a binding of nothing',
      async (peer) => {
        await authenticated(peer);
        peer.send(serverHeader(DOMAIN) + features(BIND_FEATURE));
        const id = await peer.take(/<iq[^>]* id="([^"]*)"/);
        peer.send(`<iq type='result' id='${id}'/>`);
      },
      { condition: 'undefined-condition' },
    ],
    [
      'an error for the binding',
      async (peer) => {
        await authenticated(peer);
        peer.send(serverHeader(DOMAIN) + features(BIND_FEATURE));
        const id = await peer.take(/<iq[^>]* id="([^"]*)"/);
        peer.send(`<iq type='error' id='${id}'/>`);
      },
      { condition: 'undefined-condition' },
    ],
    [
      'the JID of another',
      async (peer) => {
        await peer.authenticate(DOMAIN, PASSWORD);
        await peer.bind(DOMAIN, `h2@${DOMAIN}/x`);
      },
      { condition: 'invalid-from' },
    ],
    [
      'malformed XML in the session',
      withSession('<message><a></b></message>'),
      { condition: 'not-well-formed' },
    ],
    ['a huge stanza', withSession(`<message>${'x'.repeat(1_100_000)}`), { condition: 'policy-violation' }],
    ['features in the session', withSession(features(SCRAM_FEATURE)), { condition: 'policy-violation' }],
  ])('%s', async (_what, script, facts, message = /^XMPP: /) => {
    const { client, line, ...failed } = await setting.failure(script);
    expect(line?.facts).toMatchObject(facts);
    expect(failed.message).toMatch(message);
    await client.stop();
  });

  test('the server is told what was wrong', async () => {
    const { server } = await setting.failure(withSession('<message><a></b></message>'));
    await server.peers[0]?.take(/<stream:error><not-well-formed [^>]*\/><\/stream:error><\/stream:stream>/);
  });

  test('stanzas before the session mean nothing', async () => {
    const early = `<message/><presence/><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq><x/>`;
    const server = await setting.scripted(async (peer) => {
      await peer.header(DOMAIN);
      peer.send(early + features(SCRAM_FEATURE));
      const scram = await peer.challenge(PASSWORD);
      const result = scram.finish(await peer.response());
      if ('success' in result) peer.success(result.success);
      await peer.header(DOMAIN);
      peer.send(early);
      peer.send(features(BIND_FEATURE));
      const id = await peer.take(/<iq[^>]* id="([^"]*)"/);
      peer.send(
        `<iq type='result' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${JID}</jid></bind></iq>`,
      );
    });
    const client = setting.client(server.port);
    const messages: Element[] = [];
    client.on('message', (stanza) => messages.push(stanza));
    client.start();
    await until(() => client.online, 'online');
    expect(messages).toEqual([]);
    expect(server.peers[0]?.received).not.toContain('<iq');
  });

  test('plaintext: not one byte of XMPP leaves the client', async () => {
    let received = Buffer.alloc(0);
    const tcp = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        received = Buffer.concat([received, bytes]);
        socket.write(serverHeader(DOMAIN) + features(SCRAM_FEATURE));
      });
    });
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const client = setting.client(port, { backoff: NEVER });
    client.start();
    await until(() => setting.log.of('warn').length > 0, 'the attempt failed');
    tcp.close();
    expect(setting.log.of('warn')[0]?.facts).toMatchObject({ code: 'tls' });
    expect(received.toString('latin1')).not.toMatch(/stream|h1@/);
  });
});
