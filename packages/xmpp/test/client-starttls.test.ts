// STARTTLS of the client, which nobody can strip: whatever a server does, nothing but the header and <starttls/> is said
// in plaintext.
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type PlainPeer, PROCEED, STARTTLS_FEATURE, TLS_FAILURE } from './support/plain-peer.ts';
import { features, SCRAM_FEATURE, serverHeader } from './support/scripted-peer.ts';
import { DOMAIN, NEVER, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const JID = `h1@${DOMAIN}/forwarder`;
const HEADER = /^<\?xml version='1\.0'\?><stream:stream [^<>]* to="dc1\.example">/;
const STARTTLS = '<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"/>';

/** What a client says in plaintext behind its header, and why it gave up. */
async function failure(script: (peer: PlainPeer) => Promise<void> | void, timeout = 5_000) {
  const server = await setting.plain(script);
  const client = setting.client(server.port, { tls: 'starttls', backoff: NEVER, timeout });
  client.start();
  await until(() => setting.log.of('warn').length > 0, 'the attempt failed');
  expect(client.online).toBe(false);
  const [line] = setting.log.of('warn');
  const [peer] = server.peers;
  await until(() => peer?.closed === true, 'the connection is closed');
  const said = peer?.plaintext ?? '';
  expect(said === '' || HEADER.test(said)).toBe(true);
  return {
    said: said.replace(HEADER, ''),
    code: line?.facts['code'],
    message: line?.message.replace(/; trying again.*/, ''),
  };
}

test('a session through STARTTLS', async () => {
  const server = await setting.plain(async (peer) => {
    await peer.asked(DOMAIN);
    peer.send(PROCEED);
    const secure = peer.upgrade(setting.leaf);
    await secure.authenticate(DOMAIN, PASSWORD);
    await secure.bind(DOMAIN, JID);
  });
  const client = await setting.online(server.port, { tls: 'starttls' });
  expect(client.jid).toBe(JID);
  expect(server.peers[0]?.plaintext.replace(HEADER, '')).toBe(STARTTLS);
});

test('the words of the server may come in any pieces', async () => {
  const server = await setting.plain(async (peer) => {
    const trickle = async (text: string): Promise<void> => {
      for (const character of text) {
        peer.send(character);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await peer.saw(HEADER);
    await trickle(serverHeader(DOMAIN) + features(STARTTLS_FEATURE));
    await peer.saw(/<starttls/);
    await trickle(`<t:proceed xmlns:t='urn:ietf:params:xml:ns:xmpp-tls'></t:proceed>`);
    const secure = peer.upgrade(setting.leaf);
    await secure.authenticate(DOMAIN, PASSWORD);
    await secure.bind(DOMAIN, JID);
  });
  await setting.online(server.port, { tls: 'starttls' });
});

describe('ends the attempt', () => {
  const answered = (text: string) => async (peer: PlainPeer) => {
    await peer.asked(DOMAIN);
    peer.send(text);
  };
  const inTls = (text: string) => async (peer: PlainPeer) => {
    await peer.asked(DOMAIN);
    peer.send(PROCEED);
    await peer.saw(/<starttls[^>]*>./s);
    peer.send(text);
  };

  test.each<[string, (peer: PlainPeer) => Promise<void> | void, string, RegExp, string]>([
    ['not offered', (peer) => peer.offer(DOMAIN, SCRAM_FEATURE), 'tls', /does not offer STARTTLS/, ''],
    ['nothing offered', (peer) => peer.offer(DOMAIN, ''), 'tls', /does not offer STARTTLS/, ''],
    [
      'offered in another namespace',
      (peer) => peer.offer(DOMAIN, `<starttls xmlns='urn:x'/>${SCRAM_FEATURE}`),
      'tls',
      /does not offer STARTTLS/,
      '',
    ],
    ['refused', answered(TLS_FAILURE), 'tls', /answers <failure\/>/, STARTTLS],
    ['answered with success', answered(`<success xmlns='urn:x'/>`), 'tls', /answers <success\/>/, STARTTLS],
    ['answered with features', answered(features(SCRAM_FEATURE)), 'tls', /answers <features\/>/, STARTTLS],
    ['proceed of another namespace', answered(`<proceed xmlns='urn:x'/>`), 'tls', /<proceed\/>/, STARTTLS],
    ['an element behind', answered(`${PROCEED}<message/>`), 'tls', /slips in plaintext/, STARTTLS],
    ['half an element behind', answered(`${PROCEED}<message>`), 'tls', /slips in plaintext/, STARTTLS],
    ['white space behind', answered(`${PROCEED} `), 'tls', /slips in plaintext/, STARTTLS],
    [
      'proceed before it was asked',
      async (peer) => {
        await peer.saw(HEADER);
        peer.send(serverHeader(DOMAIN) + features(STARTTLS_FEATURE) + PROCEED);
      },
      'tls',
      /slips in plaintext/,
      STARTTLS,
    ],
    ['plaintext in place of a handshake', inTls(features(SCRAM_FEATURE)), 'tls', /in plaintext/, STARTTLS],
    [
      'a stream error',
      async (peer) => {
        await peer.saw(HEADER);
        peer.send(
          `${serverHeader(DOMAIN)}<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
        );
      },
      'stream',
      /host-gone/,
      '',
    ],
    [
      'the end of the stream',
      async (peer) => {
        await peer.saw(HEADER);
        peer.send(`${serverHeader(DOMAIN)}</stream:stream>`);
      },
      'closed',
      /ended the stream/,
      '',
    ],
    ['the end of the connection', (peer) => peer.saw(HEADER).then(() => peer.end()), 'closed', /closed/, ''],
    [
      'another domain',
      async (peer) => {
        await peer.saw(HEADER);
        peer.send(serverHeader('evil.example'));
      },
      'stream',
      /evil\.example, not dc1\.example/,
      '',
    ],
    ['malformed XML', answered('<a></b>'), 'stream', /./, STARTTLS],
    ['depth', answered('<a>'.repeat(200_000)), 'stream', /./, STARTTLS],
  ])('%s', async (_what, script, code, message, said) => {
    const failed = await failure(script);
    expect(failed.code).toBe(code);
    expect(failed.message).toMatch(message);
    // What follows is the handshake's.
    expect(failed.said.split('\u0016\u0003')[0]).toBe(said);
  });

  test.each<[string, (peer: PlainPeer) => Promise<void> | void]>([
    ['stream header', () => {}],
    ['stream features', (peer) => peer.saw(HEADER).then(() => peer.send(serverHeader(DOMAIN)))],
    ['STARTTLS', (peer) => peer.asked(DOMAIN)],
    ['TLS handshake', (peer) => peer.asked(DOMAIN).then(() => peer.send(PROCEED))],
  ])('silence: %s', async (step, script) => {
    const { code, message } = await failure(script, 500);
    expect(code).toBe('timeout');
    expect(message).toBe(`XMPP: no answer within 0.5 s (${step})`);
  });

  test.each([
    ['of another name', () => setting.ca.leaf('dc2.example'), /is not for this domain/],
    ['expired', () => setting.ca.leaf(DOMAIN, -1), /has expired/],
  ])('a certificate %s', async (_what, leaf, message) => {
    const failed = await failure(async (peer) => {
      await peer.asked(DOMAIN);
      peer.send(PROCEED);
      peer.upgrade(leaf());
    });
    expect(failed.code).toBe('tls');
    expect(failed.message).toMatch(message);
  });
});
