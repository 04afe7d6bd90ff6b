// STARTTLS from the client's side, over bare sockets: what may be said before TLS, and what becomes of everything else.
import { connect, type Socket } from 'node:net';
import { connect as secure } from 'node:tls';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClientPeer, clientHeader } from './support/scripted-peer.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
const STARTTLS = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`;
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';

let port = 0;
const sockets: Socket[] = [];
beforeEach(async () => {
  port = await listen();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await setting.end();
});
afterAll(() => setting.ca.remove());

async function listen(timeout = 15_000): Promise<number> {
  const listening = [{ address: '127.0.0.1', port: 0, tls: 'starttls' as const }];
  return (await setting.server({ listen: listening, timeout })).port;
}

function plain(to = port) {
  const socket = connect(to, '127.0.0.1');
  sockets.push(socket);
  const peer = { socket, received: '', closed: false };
  socket.on('data', (bytes: Buffer) => {
    peer.received += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    peer.closed = true;
  });
  return peer;
}

/** As far as TLS on a connection that the server has agreed to encrypt. */
async function encrypted(peer: ReturnType<typeof plain>): Promise<ClientPeer> {
  await until(() => peer.received.includes('<proceed'), 'the server agrees');
  peer.socket.removeAllListeners('data');
  const tls = secure({ socket: peer.socket, ca: setting.ca.certificate, servername: DOMAIN });
  const client = new ClientPeer(tls);
  await until(() => tls.getProtocol() !== null && tls.authorized, 'TLS is there');
  return client;
}

test('before TLS there is nothing but TLS; then a session as any other', async () => {
  const peer = plain();
  peer.socket.write(clientHeader(DOMAIN));
  await until(() => peer.received.includes('</stream:features>'), 'features');
  expect(peer.received.replace(/.*<stream:features>/s, '')).toBe(
    '<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"><required/></starttls></stream:features>',
  );
  peer.socket.write(STARTTLS);
  const client = await encrypted(peer);
  expect(await client.session(DOMAIN, 'h2', PASSWORD)).toBe(`h2@${DOMAIN}/r`);
});

test('the same, one byte at a time', async () => {
  const peer = plain();
  peer.socket.setNoDelay();
  for (const byte of Buffer.from(clientHeader(DOMAIN) + STARTTLS)) {
    peer.socket.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  const client = await encrypted(peer);
  expect(await client.session(DOMAIN, 'h2', PASSWORD)).toBe(`h2@${DOMAIN}/r`);
});

describe('in plaintext', () => {
  const auth = `<auth xmlns='${SASL}' mechanism='PLAIN'>AGgyAHNlY3JldA==</auth>`;
  test.each([
    ['a password', clientHeader(DOMAIN) + auth, 'policy-violation'],
    ['a request', `${clientHeader(DOMAIN)}<iq type='get' id='1'/>`, 'policy-violation'],
    ['another starttls', `${clientHeader(DOMAIN)}<starttls xmlns='jabber:client'/>`, 'policy-violation'],
    ['a password behind the demand for TLS', clientHeader(DOMAIN) + STARTTLS + auth, 'policy-violation'],
    ['half a password behind it', clientHeader(DOMAIN) + STARTTLS + auth.slice(0, 9), 'policy-violation'],
    ['a byte behind it', `${clientHeader(DOMAIN)}${STARTTLS}\n<`, 'policy-violation'],
    ['another domain', clientHeader('dc2.example'), 'host-unknown'],
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'not-well-formed'],
    ['a TLS handshake', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]), 'not-well-formed'],
    ['a long header', `<stream:stream a='${'x'.repeat(5_000)}'`, 'policy-violation'],
    ['white space without end', clientHeader(DOMAIN) + ' '.repeat(9_000), 'policy-violation'],
    ['a document type', '<!DOCTYPE x>', 'restricted-xml'],
  ])('%s ends it', async (_what, said, condition) => {
    const peer = plain();
    peer.socket.write(said);
    await until(() => peer.closed, 'it is closed');
    expect(peer.received).toMatch(
      new RegExp(
        `^<\\?xml version='1.0'\\?><stream:stream .*<stream:error><${condition} .*</stream:stream>$`,
        's',
      ),
    );
    expect(peer.received).not.toMatch(/<proceed|<mechanisms|<success|<failure/);
  });

  test('what is between the agreement and the handshake is no XMPP: the connection ends', async () => {
    const peer = plain();
    peer.socket.write(clientHeader(DOMAIN) + STARTTLS);
    await until(() => peer.received.includes('<proceed'), 'the server agrees');
    const before = peer.received;
    peer.socket.write(clientHeader(DOMAIN) + auth);
    await until(() => peer.closed, 'it is closed');
    expect(peer.received.slice(before.length)).not.toContain('<');
  });

  test.each([
    ['nothing', ''],
    ['a header', clientHeader(DOMAIN)],
    ['a demand for TLS, and no handshake', clientHeader(DOMAIN) + STARTTLS],
  ])('it is over in time: %s', async (_what, said) => {
    const peer = plain(await listen(500));
    peer.socket.write(said);
    await until(() => peer.closed, 'it is closed');
  });

  test('an end in order is answered so', async () => {
    const peer = plain();
    peer.socket.write(`${clientHeader(DOMAIN)}</stream:stream>`);
    await until(() => peer.closed, 'it is closed');
    expect(peer.received).toMatch(/<\/stream:features><\/stream:stream>$/);
  });

  test('the server closes with connections at any step', async () => {
    const peer = plain();
    peer.socket.write(clientHeader(DOMAIN));
    await until(() => peer.received.includes('</stream:features>'), 'features');
    await setting.end();
    await until(() => peer.closed, 'it is closed');
  });
});
