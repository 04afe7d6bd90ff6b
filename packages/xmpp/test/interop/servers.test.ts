// Our client against XMPP servers of others: login over both kinds of TLS, pings both ways, and what must fail.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../support/certificates.ts';
import { DOMAIN, Setting, until } from '../support/setting.ts';
import { type Broker, DIRECT_PORT, OTHER_DOMAIN, STARTTLS_PORT, type StartBroker } from './broker.ts';
import { startEjabberd } from './ejabberd.ts';
import { startProsody } from './prosody.ts';

const NEVER = { initial: 60_000, max: 60_000 };

interface Peer {
  readonly start: StartBroker;
  /** What its log has when h1 has logged in by SCRAM-SHA-256. */
  readonly login: RegExp;
  /** What its log has of each ping of ours, and of an answer to one of its own. */
  readonly ourPing: RegExp;
  readonly itsPing: RegExp;
}

const peers: Readonly<Record<string, Peer>> = {
  Prosody: {
    start: startProsody,
    login: /RECV: <auth [^>]*mechanism='SCRAM-SHA-256'[\s\S]*Authenticated as h1@dc1\.example/,
    ourPing: /RECV: <iq [^\n]*<ping xmlns='urn:xmpp:ping'/g,
    itsPing: /h1@dc1\.example\/forwarder answered a ping/,
  },
  ejabberd: {
    start: startEjabberd,
    login: /Accepted c2s SCRAM-SHA-256 authentication for h1@dc1\.example/,
    ourPing: /Received XML [^\n]*<ping xmlns=\\"urn:xmpp:ping\\"/g,
    itsPing: /Send XML [^\n]*<ping [\s\S]*Received XML [^\n]*type=\\"result\\"/,
  },
};

describe.each(Object.entries(peers))('%s', (_name, { start, login, ourPing, itsPing }) => {
  const setting = new Setting();
  let broker: Broker;
  beforeAll(async () => {
    broker = await start(setting);
  });
  beforeEach(() => broker.process.forget());
  afterEach(() => setting.end());
  afterAll(async () => {
    await broker?.process.stop();
    setting.ca.remove();
  });

  describe.each([
    ['direct', DIRECT_PORT],
    ['starttls', STARTTLS_PORT],
  ] as const)('TLS: %s', (tls, port) => {
    type Options = Parameters<Setting['client']>[1];
    const online = (options: Options = {}) => setting.online(port, { host: broker.address, tls, ...options });

    /** The first failure of a client. */
    async function failure(options: Options) {
      const client = setting.client(port, { host: broker.address, tls, backoff: NEVER, ...options });
      client.start();
      await until(() => setting.log.of('warn').length > 0, 'an attempt failed');
      expect(client.online).toBe(false);
      return setting.log.of('warn')[0];
    }

    test('login by SCRAM-SHA-256', async () => {
      const client = await online();
      expect(client.jid).toBe(`h1@${DOMAIN}/forwarder`);
      await broker.process.says(login);
    });

    test('it answers our pings', async () => {
      const client = await online({ pingInterval: 50 });
      // A ping is only sent when the one before was answered.
      await until(
        () => [...broker.process.output.matchAll(ourPing)].length >= 3,
        'three pings were received',
      );
      expect(client.online).toBe(true);
      expect(setting.log.of('warn')).toEqual([]);
    });

    test('we answer its pings', async () => {
      const client = await online();
      await broker.process.says(itsPing);
      expect(client.online).toBe(true);
    });

    test('a wrong password', async () => {
      expect(await failure({ password: 'wrong' })).toMatchObject({ facts: { code: 'authentication' } });
    });

    test('a certificate of another name', async () => {
      expect(await failure({ domain: OTHER_DOMAIN })).toMatchObject({
        facts: { code: 'tls' },
        message: expect.stringContaining('certificate is not for this domain'),
      });
    });

    test('a certificate of another CA', async () => {
      const other = new CertificateAuthority();
      try {
        expect(await failure({ ca: other.certificate })).toMatchObject({ facts: { code: 'tls' } });
      } finally {
        other.remove();
      }
    });
  });
});

describe('ejabberd, by a client certificate', () => {
  const setting = new Setting();
  let broker: Broker;
  beforeAll(async () => {
    broker = await startEjabberd(setting);
  });
  beforeEach(() => broker.process.forget());
  afterEach(() => setting.end());
  afterAll(async () => {
    await broker?.process.stop();
    setting.ca.remove();
  });

  const client = (tls: 'direct' | 'starttls', jid: string) => {
    const { certificate, key } = setting.ca.leafOf(jid);
    const port = tls === 'direct' ? DIRECT_PORT : STARTTLS_PORT;
    return setting.client(port, { host: broker.address, tls, certificate, key, backoff: NEVER });
  };

  test.each(['direct', 'starttls'] as const)('login by EXTERNAL, TLS: %s', async (tls) => {
    const h1 = client(tls, `h1@${DOMAIN}`);
    h1.start();
    await until(() => h1.online, 'the client is online');
    await broker.process.says(/Accepted c2s EXTERNAL authentication for h1@dc1\.example/);
  });

  test('a certificate of another account', async () => {
    const h1 = client('direct', `h2@${DOMAIN}`);
    h1.start();
    await until(() => setting.log.of('warn').length > 0, 'an attempt failed');
    expect(setting.log.of('warn')[0]).toMatchObject({ facts: { code: 'authentication' } });
    await broker.process.says('Failed c2s EXTERNAL authentication');
  });
});
