// EXTERNAL and PLAIN from the client's side, with right and wrong certificates, identities and passwords.
import { Element } from 'ltx';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { scramCredentials } from '../src/scram.ts';
import { SaslExchange } from '../src/server/authentication.ts';
import type { CertificateAccount } from '../src/server/certified-accounts.ts';
import type { ListenAddress } from '../src/server/listener.ts';
import { CertificateAuthority, type Leaf } from './support/certificates.ts';
import { ClientPeer, clientHeader } from './support/scripted-peer.ts';
import { DOMAIN, PASSWORD, Setting } from './support/setting.ts';

const setting = new Setting();
const clients = new CertificateAuthority();
const strangers = new CertificateAuthority();
const peers: ClientPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.destroy();
  await setting.end();
});
afterAll(() => {
  for (const ca of [setting.ca, clients, strangers]) ca.remove();
});

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';

/** h1 and h2 have their JIDs; h3 has names of other kinds, and h4 nothing but one. */
const certificateAccount: CertificateAccount = ({ kind, value }) => {
  if (kind === 'account') return /^h[123]$/.test(value) ? value : undefined;
  return new Map([
    ['host3.example', 'h3'],
    ['ops@host3.example', 'h3'],
    ['host 3', 'h3'],
    ['host4.example', 'h4'],
  ]).get(value);
};

async function connect({
  listen = {},
  certificate,
  clientCa = clients.certificate,
}: {
  listen?: Partial<ListenAddress>;
  certificate?: Leaf;
  clientCa?: string | null;
} = {}): Promise<{ peer: ClientPeer; mechanisms: string[] }> {
  const { port } = await setting.server({
    listen: [{ address: '127.0.0.1', port: 0, ...listen }],
    tls: { ...setting.leaf, ...(clientCa === null ? {} : { clientCa }) },
    certificateAccount,
  });
  const own = certificate && { cert: certificate.certificate, key: certificate.key };
  const peer = await ClientPeer.connect(port, setting.ca.certificate, DOMAIN, own);
  peers.push(peer);
  peer.send(clientHeader(DOMAIN));
  const offered = await peer.take(/<mechanisms [^>]*>(.*?)<\/mechanisms>/);
  return { peer, mechanisms: offered.split(/<\/?mechanism>/).filter(Boolean) };
}

const jid = (account: string): Leaf => clients.leafOf(`${account}@${DOMAIN}`);

describe('EXTERNAL', () => {
  const succeed = async (peer: ClientPeer, account: string): Promise<void> => {
    await peer.take(/<success/);
    await peer.header(DOMAIN);
    peer.send(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`);
    expect(await peer.take(/<jid>([^<]*)\//)).toBe(`${account}@${DOMAIN}`);
  };
  const external = (peer: ClientPeer, text: string): void =>
    peer.send(`<auth xmlns='${SASL}' mechanism='EXTERNAL'>${text}</auth>`);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  test.each<[string, () => Leaf, string]>([
    ['its JID', () => jid('h2'), 'h2'],
    [
      'its JID, beside a name that is configured for another',
      () => clients.leaf('host 3', 2, `otherName:1.3.6.1.5.5.7.8.5;UTF8:h2@${DOMAIN},DNS:host3.example`),
      'h2',
    ],
    ['a host name that is configured', () => clients.leaf('x', 2, 'DNS:host3.example'), 'h3'],
    ['an address of mail that is configured', () => clients.leaf('x', 2, 'email:ops@host3.example'), 'h3'],
    ['a common name that is configured', () => clients.leaf('host 3', 2, 'DNS:x'), 'h3'],
    [
      'a JID of another domain, and a host name',
      () => clients.leaf('x', 2, 'otherName:1.3.6.1.5.5.7.8.5;UTF8:h1@dc2.example,DNS:host3.example'),
      'h3',
    ],
  ])('a certificate with %s needs no password', async (_what, leaf, account) => {
    const { peer, mechanisms } = await connect({ certificate: leaf() });
    expect(mechanisms).toEqual(['EXTERNAL', 'SCRAM-SHA-256']);
    external(peer, '=');
    await succeed(peer, account);
  });

  test.each([
    ['its own JID', base64(`h2@${DOMAIN}`)],
    ['none, said in a message of its own', ''],
  ])('the identity asked for may be %s', async (_what, text) => {
    const { peer } = await connect({ certificate: jid('h2') });
    external(peer, text);
    if (text === '') {
      await peer.take(/<challenge xmlns="[^"]*"\/>|<challenge[^>]*><\/challenge>/);
      peer.send(`<response xmlns='${SASL}'/>`);
    }
    await succeed(peer, 'h2');
  });

  test.each([
    ['of another account', `h1@${DOMAIN}`],
    ['of another domain', 'h2@dc2.example'],
    ['with a resource', `h2@${DOMAIN}/r`],
    ['without a domain', 'h2'],
  ])('the identity %s is refused; the password would still do', async (_what, identity) => {
    const { peer } = await connect({ certificate: jid('h2') });
    external(peer, base64(identity));
    expect(await peer.take(/<failure[^>]*><([a-z-]+)\/>/)).toBe('invalid-authzid');
    expect(setting.log.of('warn').at(-1)?.facts).toMatchObject({
      account: 'h2',
      condition: 'invalid-authzid',
    });
    await peer.authenticate('h2', PASSWORD);
  });

  test('of two accounts in one certificate the client has to say which', async () => {
    const both = ['h1', 'h2'].map((account) => `otherName:1.3.6.1.5.5.7.8.5;UTF8:${account}@${DOMAIN}`);
    const { peer } = await connect({ certificate: clients.leaf('x', 2, both.join(',')) });
    external(peer, '=');
    expect(await peer.take(/<failure[^>]*><([a-z-]+)\/>/)).toBe('invalid-authzid');
    external(peer, base64(`h2@${DOMAIN}`));
    await succeed(peer, 'h2');
  });

  test.each<[string, () => Leaf, RegExp]>([
    [
      'of another authority',
      () => strangers.leafOf(`h2@${DOMAIN}`),
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER/,
    ],
    [
      'that has expired',
      () => clients.leaf('x', -1, `otherName:1.3.6.1.5.5.7.8.5;UTF8:h2@${DOMAIN}`),
      /CERT_HAS_EXPIRED/,
    ],
    ['of an account that is not there', () => jid('h9'), /names no account/],
    ['of another domain', () => clients.leafOf('h2@dc2.example'), /names no account/],
    [
      'of the authority that signed the server, not clients',
      () => setting.ca.leafOf(`h2@${DOMAIN}`),
      /SELF_SIGNED_CERT_IN_CHAIN|UNABLE/,
    ],
  ])('a certificate %s: not offered, not accepted, and the log says why', async (_what, leaf, why) => {
    const { peer, mechanisms } = await connect({ certificate: leaf() });
    expect(mechanisms).toEqual(['SCRAM-SHA-256']);
    expect(setting.log.of('warn').map(({ message }) => message)).toEqual([expect.stringMatching(why)]);
    external(peer, '=');
    expect(await peer.take(/<failure[^>]*><([a-z-]+)\/>/)).toBe('invalid-mechanism');
    await peer.authenticate('h2', PASSWORD);
  });

  test('no certificate: nothing is said about it', async () => {
    expect((await connect()).mechanisms).toEqual(['SCRAM-SHA-256']);
    expect(setting.log.of('warn')).toEqual([]);
  });

  test('without an authority of clients, no certificate counts', async () => {
    const { mechanisms } = await connect({ certificate: jid('h2'), clientCa: null });
    expect(mechanisms).toEqual(['SCRAM-SHA-256']);
  });

  test('an account that has no password cannot guess one', async () => {
    const { peer } = await connect({
      certificate: clients.leaf('x', 2, 'DNS:host4.example'),
      listen: { plain: true },
    });
    peer.auth(`\0h4\0${PASSWORD}`, 'PLAIN');
    expect(await peer.take(/<failure[^>]*><([a-z-]+)\/>/)).toBe('not-authorized');
    external(peer, '=');
    await succeed(peer, 'h4');
  });

  test('an authority that is exchanged while the server runs holds for those who come then', async () => {
    const { server, port } = await setting.server({
      tls: { ...setting.leaf, clientCa: clients.certificate },
      certificateAccount,
    });
    const offered = async (leaf: Leaf): Promise<boolean> => {
      const own = { cert: leaf.certificate, key: leaf.key };
      const peer = await ClientPeer.connect(port, setting.ca.certificate, DOMAIN, own);
      peers.push(peer);
      peer.send(clientHeader(DOMAIN));
      return (await peer.take(/<mechanisms [^>]*>(.*?)<\/mechanisms>/)).includes('EXTERNAL');
    };
    const [ours, theirs] = [jid('h2'), strangers.leafOf(`h2@${DOMAIN}`)];
    expect([await offered(ours), await offered(theirs)]).toEqual([true, false]);
    server.setTls({ ...setting.leaf, clientCa: strangers.certificate });
    expect([await offered(ours), await offered(theirs)]).toEqual([false, true]);
    server.setTls(setting.leaf);
    expect([await offered(ours), await offered(theirs)]).toEqual([false, false]);
    server.setTls({ ...setting.leaf, clientCa: clients.certificate });
    expect([await offered(ours), await offered(theirs)]).toEqual([true, false]);
  });
});

describe('PLAIN', () => {
  const attempt = async (message: string | Uint8Array): Promise<string> => {
    const { peer } = await connect({ listen: { plain: true } });
    const text = Buffer.from(message).toString('base64');
    peer.send(`<auth xmlns='${SASL}' mechanism='PLAIN'>${text}</auth>`);
    return await peer.take(/<(success|failure[^>]*><[a-z-]+)/).then((said) => said.replace(/.*</, ''));
  };

  test('is offered only where that is configured, and last', async () => {
    expect((await connect({ listen: { plain: true } })).mechanisms).toEqual(['SCRAM-SHA-256', 'PLAIN']);
    expect((await connect()).mechanisms).not.toContain('PLAIN');
  });

  test.each([
    ['the password', `\0h2\0${PASSWORD}`, 'success'],
    ['its own identity beside it', `h2@${DOMAIN}\0h2\0${PASSWORD}`, 'success'],
    ['another password', '\0h2\0other', 'not-authorized'],
    ['an account that is not there', `\0ghost\0${PASSWORD}`, 'not-authorized'],
    ['the identity of another', `h1@${DOMAIN}\0h2\0${PASSWORD}`, 'invalid-authzid'],
    ['no password', '\0h2\0', 'malformed-request'],
    ['no account', `\0\0${PASSWORD}`, 'malformed-request'],
    ['a part too many', `\0h2\0${PASSWORD}\0`, 'malformed-request'],
    ['a part too few', `h2\0${PASSWORD}`, 'malformed-request'],
    ['a password beyond reason', `\0h2\0${'x'.repeat(2_000)}`, 'malformed-request'],
    ['bytes that are no UTF-8', Buffer.from([0, 0x68, 0x32, 0, 0xff]), 'malformed-request'],
  ])('%s', async (_what, message, outcome) => {
    expect(await attempt(message)).toBe(outcome);
  });

  test('an unknown account costs what a known one does', async () => {
    const known = scramCredentials(PASSWORD);
    const sasl = new SaslExchange({
      domain: DOMAIN,
      lookup: (account) => (account === 'h2' ? known : undefined),
      decoySecret: new Uint8Array(32),
      certified: [],
      plain: true,
    });
    const time = async (account: string): Promise<number> => {
      const auth = new Element('auth', { xmlns: SASL, mechanism: 'PLAIN' });
      auth.t(Buffer.from(`\0${account}\0wrong`).toString('base64'));
      const before = performance.now();
      expect((await sasl.take(auth)).outcome).toMatchObject({ condition: 'not-authorized' });
      return performance.now() - before;
    };
    // The fastest of each is what it costs when nothing else is in the way.
    let [ghost, h2] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < 30; round++) {
      ghost = Math.min(ghost, await time('ghost'));
      h2 = Math.min(h2, await time('h2'));
    }
    expect(ghost / h2).toBeGreaterThan(0.5);
    expect(ghost / h2).toBeLessThan(2);
  });
});
