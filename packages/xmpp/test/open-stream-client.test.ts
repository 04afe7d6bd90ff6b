// The client of open streams against scripted control nodes: what it says first, what it sends, when it gives up and comes back.
import { TLSSocket } from 'node:tls';
import { Element } from 'ltx';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OpenStreamClient, type OpenStreamClientOptions } from '../src/open-stream/client.ts';
import { CertificateAuthority } from './support/certificates.ts';
import { OpenListener, type OpenPeer } from './support/open-peer.ts';
import { RecordedLog } from './support/recorded-log.ts';
import { until } from './support/setting.ts';

const NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
const authority = new CertificateAuthority();
const leaf = authority.leaf('cn.dc1.example');
const foreign = authority.leaf('elsewhere.example');
afterAll(() => authority.remove());

let log: RecordedLog;
const endings: (() => Promise<void> | void)[] = [];
beforeEach(() => {
  log = new RecordedLog();
});
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const HEADER =
  '<?xml version="1.0"?><stream:stream from="hv17" to="network-control@contrailsystems.com" version="1.0" ' +
  'xml:lang="en" xmlns="" xmlns:stream="http://etherx.jabber.org/streams">';
const ANSWER =
  '<?xml version="1.0"?><stream:stream from="network-control@contrailsystems.com" to="hv17" id="++123" version="1.0" ' +
  'xml:lang="en" xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams"  >';
const FEATURES =
  "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";

/** @param script what the control node does with each connection. */
async function start(
  script: (peer: OpenPeer) => Promise<void> | void,
  options: Partial<OpenStreamClientOptions> = {},
) {
  const node = await new OpenListener(script).listen();
  endings.push(() => node.close());
  const heard: string[] = [];
  const client = new OpenStreamClient({
    host: '127.0.0.1',
    port: node.port,
    name: 'hv17',
    server: 'network-control@contrailsystems.com',
    stanzas: () => {
      let number = 0;
      return (payload) => {
        number += 1;
        return new Element('iq', { type: 'set', id: `x${number}` }).cnode(payload).up();
      };
    },
    backoff: { initial: 10, max: 50 },
    log,
    ...options,
  });
  client.on('online', () => heard.push('online'));
  client.on('offline', ({ code, message }) => heard.push(`offline ${code} ${message}`));
  client.on('message', (stanza) => {
    heard.push(stanza.toString());
  });
  endings.push(() => client.stop());
  client.start();
  return { node, client, heard };
}

/** A control node without TLS. */
const answers = async (peer: OpenPeer): Promise<void> => {
  await peer.take(/<stream:stream[^>]*>/);
  peer.send(ANSWER);
};

describe('a stream', () => {
  test('is a header for a header; stanzas go out without an answer, in the order of the calls', async () => {
    const { node, client } = await start(() => {});
    const peer = await node.peer(0);
    expect(await peer.take(/^.*>/)).toBe(HEADER);
    expect(client.online).toBe(false);
    await expect(client.request(new Element('early'))).rejects.toMatchObject({ code: 'closed' });
    peer.send(ANSWER);
    await until(() => client.online, 'the client is online');
    expect(client.jid).toBe('hv17');
    await Promise.all(['a', 'b', 'c'].map((name) => client.request(new Element(name))));
    await peer.take(
      /^<iq type="set" id="x1"><a\/><\/iq><iq type="set" id="x2"><b\/><\/iq><iq type="set" id="x3"><c\/><\/iq>$/,
    );
  });

  test('hears messages, one after the other, and passes over all else, with declarations and fillers between', async () => {
    const { node, client, heard } = await start(answers);
    await until(() => client.online, 'the client is online');
    const peer = await node.peer(0);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    client.on('message', (stanza) => (stanza.getChild('a') ? held : undefined));
    peer.send(
      '<iq type="set"><config/></iq> \u0200<?xml version="1.0"?><message><a/></message>\n<message><b/></message>',
    );
    await until(() => heard.length === 2, 'the first message is heard');
    expect(heard).toEqual(['online', '<message><a/></message>']);
    release();
    await until(() => heard.length === 3, 'the second message is heard');
    expect(heard[2]).toBe('<message><b/></message>');
  });

  test.each(['', 'jabber:client', 'subcluster-1'])(
    'hears messages of the namespace %j where the header has it',
    async (namespace) => {
      const { client, node, heard } = await start(async (peer) => {
        await peer.take(/<stream:stream[^>]*>/);
        peer.send(ANSWER.replace('jabber:client', namespace));
      });
      await until(() => client.online, 'the client is online');
      const peer = await node.peer(0);
      peer.send('<message xmlns="other"><a/></message><message><b/></message>');
      await until(() => heard.length > 1, 'a message is heard');
      expect(heard).toEqual(['online', '<message><b/></message>']);
    },
  );

  test('lives as long as anything comes, says so itself, and is given up in silence', async () => {
    const { node, client, heard } = await start(answers, { holdTime: 300 });
    await until(() => client.online, 'the client is online');
    const peer = await node.peer(0);
    for (let turn = 0; turn < 6; turn += 1) {
      await peer.take(/^\n/);
      peer.send(' ');
    }
    expect(heard).toEqual(['online']);
    await until(() => heard.length > 1, 'it is given up');
    expect(heard[1]).toBe('offline timeout no answer within 0.3 s (session)');
  });

  test('comes back after each end, with the numbers of a new one, and is loud once', async () => {
    const { node, client, heard } = await start(answers);
    await until(() => client.online, 'the client is online');
    await client.request(new Element('a'));
    const first = await node.peer(0);
    await first.take(/id="x1"/);
    first.send('</stream:stream>');
    const second = await node.peer(1);
    await until(() => heard.length === 3, 'it is back');
    expect(heard).toEqual(['online', 'offline closed the server ended the stream', 'online']);
    await client.request(new Element('a'));
    await second.take(/id="x1"/);
    node.close();
    await until(() => heard.length > 6, 'it tries again and again');
    const refused = log.lines.filter(({ message }) => message.includes('cannot connect'));
    expect(refused.slice(0, 2).map(({ level }) => level)).toEqual(['warn', 'debug']);
  });

  test('a stop says farewell and is the end', async () => {
    const { node, client, heard } = await start(answers);
    await until(() => client.online, 'the client is online');
    const stopped = client.stop();
    const peer = await node.peer(0);
    await peer.take(/<\/stream:stream>$/);
    peer.socket.end();
    await stopped;
    expect(heard).toEqual(['online', 'offline closed stopped']);
    await expect(client.request(new Element('late'))).rejects.toMatchObject({ code: 'closed' });
  });

  test('a server that never reads is given up before its stanzas fill the memory', async () => {
    const { node, client, heard } = await start(answers);
    await until(() => client.online, 'the client is online');
    (await node.peer(0)).socket.pause();
    const big = (): Element => new Element('big').t('x'.repeat(2 ** 20)).up();
    const sent = Array.from({ length: 40 }, () => client.request(big()));
    const outcomes = await Promise.allSettled(sent);
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
    expect(heard[1]).toMatch(/^offline timeout the server does not read: 1\d MiB wait to be sent$/);
  });
});

describe('a server that is no good', () => {
  test.each<[string, string, string]>([
    ['garbage', 'SSH-2.0-OpenSSH', 'stream'],
    ['no stream', '<a/>', 'stream the peer speaks no XMPP'],
    [
      'a stream of nobody',
      ANSWER.replace('from="network-control@contrailsystems.com"', ''),
      'stream the header',
    ],
    ['a demand for TLS', ANSWER + FEATURES, 'tls the server demands STARTTLS, which is not configured here'],
    [
      'an error',
      `${ANSWER}<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
      'stream stream error conflict',
    ],
    ['200-deep', ANSWER + '<message>'.repeat(200), 'stream'],
  ])('%s: the attempt ends with a reason', async (_what, words, reason) => {
    const { heard } = await start((peer) => peer.send(words));
    await until(() => heard.some((line) => line.startsWith('offline')), 'it is given up');
    expect(heard.find((line) => line.startsWith('offline'))).toContain(`offline ${reason}`);
  });

  test('silence: the attempt ends in time', async () => {
    const { heard } = await start(() => {}, { timeout: 50 });
    await until(() => heard.length > 0, 'it is given up');
    expect(heard[0]).toBe('offline timeout no answer within 0.05 s (stream header)');
  });
});

describe('STARTTLS', () => {
  const tls = { domain: 'cn.dc1.example', ca: authority.certificate };
  const secured =
    (identity: typeof leaf) =>
    async (peer: OpenPeer): Promise<void> => {
      await answers(peer);
      peer.send(FEATURES);
      await peer.take(/^<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"\/>$/);
      const plain = peer.socket.removeAllListeners('data');
      plain.write(`<proceed xmlns='${NS_TLS}'/>`);
      peer.listen(new TLSSocket(plain, { isServer: true, cert: identity.certificate, key: identity.key }));
      await answers(peer);
    };

  test('configured, it comes before the first stanza', async () => {
    const { node, client } = await start(secured(leaf), { tls });
    await until(() => client.online, 'the client is online');
    const peer = await node.peer(0);
    expect(peer.socket).toBeInstanceOf(TLSSocket);
    await client.request(new Element('a'));
    await peer.take(/<a\/>/);
  });

  test('a certificate of another name is refused', async () => {
    const { heard } = await start(secured(foreign), { tls });
    await until(() => heard.length > 0, 'it is refused');
    expect(heard[0]).toMatch(/^offline tls the server's certificate is not for this domain/);
  });

  test.each([
    ['is not offered', `${ANSWER}<stream:features/>`, ''],
    ['is stripped', `${ANSWER}<message><a/></message>`, ''],
    ['is refused', ANSWER + FEATURES, `<failure xmlns='${NS_TLS}'/>`],
    ['has something slipped in', ANSWER + FEATURES, `<proceed xmlns='${NS_TLS}'/><message><a/></message>`],
    ['has half of something slipped in', ANSWER + FEATURES, `<proceed xmlns='${NS_TLS}'/><mess`],
  ])('that %s ends the attempt, and nothing is sent in plaintext', async (_what, first, second) => {
    const { node, heard } = await start(
      async (peer) => {
        await peer.take(/<stream:stream[^>]*>/);
        peer.send(first);
        if (second === '') return;
        await peer.take(/<starttls [^>]*>/);
        peer.send(second);
      },
      { tls },
    );
    await until(() => heard.length > 0, 'it is given up');
    expect(heard[0]).toMatch(/^offline tls /);
    const peer = await node.peer(0);
    await peer.untilClosed();
    expect(peer.received).toBe('');
  });
});
