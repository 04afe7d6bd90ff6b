// A client that authenticates by its certificate, or by PLAIN where that is allowed, and never below what is configured.
import type { TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { chooseMechanism } from '../src/client/mechanism.ts';
import { CertificateAuthority } from './support/certificates.ts';
import { features, type ServerPeer } from './support/scripted-peer.ts';
import { DOMAIN, NEVER, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
const foreign = new CertificateAuthority();
afterEach(() => setting.end());
afterAll(() => {
  setting.ca.remove();
  foreign.remove();
});

const JID = `h1@${DOMAIN}/forwarder`;
const asking: TlsOptions = { requestCert: true, rejectUnauthorized: false, ca: setting.ca.certificate };
const mechanisms = (...names: string[]): string =>
  features(
    `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${names.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms>`,
  );

/** Takes one message of any mechanism, and its identity or secret. */
async function singleMessage(peer: ServerPeer, ...offered: string[]): Promise<string> {
  await peer.header(DOMAIN);
  peer.send(mechanisms(...offered));
  const auth = await peer.take(/(<auth [^>]*>[^<]*<\/auth>)/);
  peer.success('');
  await peer.bind(DOMAIN, JID);
  const [, name, message = ''] = /mechanism="([^"]*)">([^<]*)</.exec(auth) ?? [];
  return `${name} ${Buffer.from(message, 'base64').toString()}`;
}

/** Why a client gives up that meets this script. */
async function failure(
  script: (peer: ServerPeer) => Promise<unknown>,
  options: Parameters<Setting['client']>[1],
  tls: TlsOptions = asking,
) {
  const server = await setting.scripted(async (peer) => void (await script(peer)), setting.leaf, tls);
  const client = setting.client(server.port, { backoff: NEVER, ...options });
  client.start();
  await until(() => setting.log.of('warn').length > 0, 'the attempt failed');
  const [line] = setting.log.of('warn');
  return { code: line?.facts['code'], message: line?.message ?? '', server };
}

describe('EXTERNAL', () => {
  const leaf = setting.ca.leaf('h1.example');
  const byCertificate = { certificate: leaf.certificate, key: leaf.key };

  test('is used where there is a certificate, and asks for the account of the configuration', async () => {
    const said: string[] = [];
    const shown: unknown[] = [];
    const server = await setting.scripted(
      async (peer) => {
        shown.push(peer.socket.authorized, peer.socket.getPeerCertificate().subject.CN);
        said.push(await singleMessage(peer, 'PLAIN', 'SCRAM-SHA-256', 'EXTERNAL'));
      },
      setting.leaf,
      asking,
    );
    await setting.online(server.port, byCertificate);
    await until(() => said.length === 1, 'the script is over');
    expect(said).toEqual([`EXTERNAL h1@${DOMAIN}`]);
    expect(shown).toEqual([true, 'h1.example']);
  });

  test('takes certificate, key and CA anew for each attempt', async () => {
    const leaves = [leaf, setting.ca.leaf('h1-renewed.example')];
    const shown: string[] = [];
    let attempts = 0;
    const server = await setting.scripted(
      async (peer) => {
        shown.push(String(peer.socket.getPeerCertificate().subject.CN));
        await singleMessage(peer, 'EXTERNAL');
        if (shown.length === 1) peer.socket.destroy();
      },
      setting.leaf,
      asking,
    );
    const current = () => leaves[Math.min(attempts, 1)] ?? leaf;
    const client = setting.client(server.port, {
      ca: () => Promise.resolve(setting.ca.certificate),
      certificate: () => Promise.resolve(current().certificate),
      key: () => current().key,
    });
    client.on('offline', () => {
      attempts += 1;
    });
    client.start();
    await until(() => shown.length === 2 && client.online, 'it is back');
    expect(shown).toEqual(['h1.example', 'h1-renewed.example']);
  });

  test('without a password nothing else will do', async () => {
    const { code, message } = await failure((peer) => singleMessage(peer, 'PLAIN', 'SCRAM-SHA-256'), {
      ...byCertificate,
      password: undefined,
      plain: true,
    });
    expect(code).toBe('authentication');
    expect(message).toContain('does not offer EXTERNAL (it offers: PLAIN, SCRAM-SHA-256)');
  });

  test.each<[string, string, RegExp, Parameters<Setting['client']>[1], TlsOptions?]>([
    [
      'a certificate of another key',
      'tls',
      /cannot be used: the key is that of another certificate/,
      { ...byCertificate, key: setting.leaf.key },
    ],
    ['a certificate that is none', 'tls', /cannot be used/, { ...byCertificate, certificate: 'nonsense' }],
    [
      'a certificate that cannot be read',
      'tls',
      /no certificate: it is gone/,
      { ...byCertificate, certificate: () => Promise.reject(new Error('it is gone')) },
    ],
    ['an empty CA file, which is not the system', 'tls', /the CA certificates cannot be used/, { ca: '' }],
    [
      'an empty certificate file, which is not none',
      'tls',
      /our certificate, its key or the CA certificates cannot be used/,
      { ...byCertificate, certificate: '' },
    ],
    [
      'a CA that cannot be read',
      'tls',
      /no CA certificates: it is gone/,
      {
        ca: () => {
          throw new Error('it is gone');
        },
      },
    ],
    [
      'a certificate that the server does not trust',
      'closed',
      /the server closed the connection \(stream header\)/,
      byCertificate,
      { requestCert: true, ca: foreign.certificate },
    ],
    [
      'no certificate where one is demanded',
      'tls',
      /the server refused our certificate, or misses one \(ERR_SSL/,
      {},
      { requestCert: true, ca: setting.ca.certificate },
    ],
  ])('%s', async (_what, code, message, options, tls = asking) => {
    const failed = await failure((peer) => peer.authenticate(DOMAIN, PASSWORD), options, tls);
    expect(failed.message).toMatch(message);
    expect(failed.code).toBe(code);
  });

  test('refused: in the words of the server', async () => {
    const { code, message } = await failure(async (peer) => {
      await peer.header(DOMAIN);
      peer.send(mechanisms('EXTERNAL'));
      await peer.take(/<auth/);
      peer.send(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-authzid/></failure>`);
    }, byCertificate);
    expect(code).toBe('authentication');
    expect(message).toContain('the server refused the account: invalid-authzid');
  });

  test('a challenge, which it has not', async () => {
    const { code, message } = await failure(async (peer) => {
      await peer.header(DOMAIN);
      peer.send(mechanisms('EXTERNAL'));
      await peer.take(/<auth/);
      peer.send(`<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`);
    }, byCertificate);
    expect(code).toBe('authentication');
    expect(message).toContain('EXTERNAL');
  });
});

describe('PLAIN', () => {
  test('where it is allowed and nothing better is offered', async () => {
    const said: string[] = [];
    const server = await setting.scripted(async (peer) => {
      said.push(await singleMessage(peer, 'PLAIN', 'SCRAM-SHA-1'));
    });
    await setting.online(server.port, { plain: true });
    await until(() => said.length === 1, 'the script is over');
    expect(said).toEqual([`PLAIN \0h1\0${PASSWORD}`]);
  });

  test('never where it is not allowed', async () => {
    const { code, message } = await failure((peer) => singleMessage(peer, 'PLAIN'), {});
    expect(code).toBe('authentication');
    expect(message).toContain('does not offer SCRAM-SHA-256 (it offers: PLAIN)');
  });
});

describe('the mechanism', () => {
  const all = ['PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'EXTERNAL'];
  const means = (certificate: boolean, password: boolean, plain: boolean) => ({
    certificate,
    password,
    plain,
  });

  test.each([
    [all, means(true, true, true), 'EXTERNAL'],
    [all, means(true, false, false), 'EXTERNAL'],
    [all, means(false, true, true), 'SCRAM-SHA-256'],
    [all, means(false, true, false), 'SCRAM-SHA-256'],
    [['PLAIN', 'SCRAM-SHA-256'], means(true, true, true), 'SCRAM-SHA-256'],
    [['PLAIN', 'SCRAM-SHA-1'], means(true, true, true), 'PLAIN'],
  ])('of %j with %j is %s', (offered, configured, chosen) => {
    expect(chooseMechanism(offered, configured)).toBe(chosen);
  });

  test.each([
    [['PLAIN', 'SCRAM-SHA-1'], means(true, true, false)],
    [['EXTERNAL', 'PLAIN'], means(false, true, false)],
    [all, means(false, false, true)],
    [[], means(true, true, true)],
    [['plain', 'scram-sha-256'], means(true, true, true)],
  ])('of %j with %j there is none', (offered, configured) => {
    expect(() => chooseMechanism(offered, configured)).toThrow(/does not offer/);
  });
});
