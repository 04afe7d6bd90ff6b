// Client and server against each other over TLS on loopback: what goes well, and comes back.
import { inspect } from 'node:util';
import { Element } from 'ltx';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { StanzaError } from '../src/errors.ts';
import { type SubtreeReader, TypedElement } from '../src/parser/subtree-reader.ts';
import type { ServerSession } from '../src/server/server-session.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const query = (text = ''): Element => new Element('query', { xmlns: 'urn:test' }).t(text);

/** Reads a query to the length of its text. */
function lengthReader(): SubtreeReader {
  let length = 0;
  return {
    name: 'query',
    namespaces: ['urn:test'],
    open: () => {},
    text: (text) => {
      length += text.length;
    },
    close: () => {},
    end: () => {
      const value = length;
      length = 0;
      return value;
    },
  };
}

describe('a session', () => {
  test('knows both ends', async () => {
    const { server, client, session } = await setting.pair();
    expect(client.jid).toBe(`h1@${DOMAIN}/forwarder`);
    expect(session).toMatchObject({ jid: client.jid, account: 'h1', remoteAddress: '127.0.0.1' });
    expect([...server.sessions.keys()]).toEqual([`h1@${DOMAIN}`]);
  });

  test('carries requests and their results, in order, also with a slow handler', async () => {
    const { client, session } = await setting.pair();
    const seen: string[] = [];
    session.onRequest(async (payload) => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(payload.getText());
      return payload.getText() === '0' ? undefined : query(`answer ${payload.getText()} €`);
    });
    const texts = Array.from({ length: 300 }, (_, n) => `${n}`);
    const results = await Promise.all(texts.map((text) => client.request(query(text))));
    expect(seen).toEqual(texts);
    expect(results[0]).toBeUndefined();
    expect(results[299]?.getText()).toBe('answer 299 €');
    expect(results[299]?.is('query', 'urn:test')).toBe(true);
  });

  test('carries the errors that a handler throws, whole', async () => {
    const { client, session } = await setting.pair();
    session.onRequest(() => {
      throw new StanzaError('auth', 'forbidden', {
        applicationCondition: { name: 'not-subscribed', xmlns: 'urn:pubsub' },
        text: 'VPN <blue> is not yours',
      });
    });
    await expect(client.request(query())).rejects.toMatchObject({
      name: 'StanzaError',
      type: 'auth',
      condition: 'forbidden',
      applicationCondition: { name: 'not-subscribed', xmlns: 'urn:pubsub' },
      text: 'VPN <blue> is not yours',
    });
  });

  test('hides what a handler did not mean to throw, and logs it', async () => {
    const { client, session } = await setting.pair();
    session.onRequest(() => Promise.reject(new Error('a fault inside')));
    await expect(client.request(query())).rejects.toMatchObject({ condition: 'internal-server-error' });
    expect(setting.log.of('error')).toHaveLength(1);
    await expect(client.request(query())).rejects.toThrow(StanzaError);
  });

  test('without a handler answers service-unavailable; what is addressed elsewhere is not relayed', async () => {
    const { client, session } = await setting.pair();
    await expect(client.request(query())).rejects.toMatchObject({ condition: 'service-unavailable' });
    session.onRequest(() => undefined);
    expect(await client.request(query(), { to: DOMAIN })).toBeUndefined();
    for (const to of [`h2@${DOMAIN}`, 'elsewhere.example'])
      await expect(client.request(query(), { to })).rejects.toMatchObject({
        condition: 'service-unavailable',
      });
  });

  test('carries messages, as elements or serialised, in order', async () => {
    const { client, session } = await setting.pair();
    const seen: string[] = [];
    client.on('message', (stanza) =>
      seen.push(`${stanza.attrs['from']} ${stanza.getChildText('query', 'urn:test')}`),
    );
    session.sendMessage(query('1 & é'));
    session.sendMessage(query('2').toString());
    await until(() => seen.length === 2, 'both came');
    expect(seen).toEqual([`${DOMAIN} 1 & é`, `${DOMAIN} 2`]);
  });

  test('has the elements that either end has a reader for as values', async () => {
    const readers = () => [lengthReader()];
    const { server, port } = await setting.server({ readers });
    const sessions: ServerSession[] = [];
    server.on('session', (session) => sessions.push(session));
    const client = await setting.online(port, { readers });
    await until(() => sessions.length === 1, 'the server has a session');
    const values: unknown[] = [];
    const take = (element: Element | undefined): void => {
      values.push(element instanceof TypedElement ? element.value : element?.toString());
    };
    sessions[0]?.onRequest((payload) => {
      take(payload);
      return undefined;
    });
    client.on('message', (stanza) => take(stanza.getChild('query', 'urn:test')));
    await client.request(query('to the server'));
    sessions[0]?.sendMessage(query('to the client!'));
    await until(() => values.length === 2, 'both came');
    expect(values).toEqual([13, 14]);
  });

  test('survives a listener that throws', async () => {
    const { client, session } = await setting.pair();
    const seen: string[] = [];
    client.on('message', () => {
      throw new Error('a listener failed');
    });
    client.on('message', (stanza) => seen.push(stanza.name));
    session.sendMessage(query());
    session.sendMessage(query());
    await until(() => seen.length === 2, 'both came');
    expect(client.online).toBe(true);
    expect(setting.log.of('error')).toHaveLength(2);
  });

  test('a request that is not answered in time fails; later ones do not', async () => {
    const { client, session } = await setting.pair();
    let release = (): void => {};
    session.onRequest((payload) => {
      if (payload.getText() === 'fast') return query('done');
      return new Promise((resolve) => {
        release = () => resolve(undefined);
      });
    });
    await expect(client.request(query('slow'), { timeout: 50 })).rejects.toMatchObject({ code: 'timeout' });
    release();
    expect((await client.request(query('fast')))?.getText()).toBe('done');
  });

  test('requests fail when the session is lost, and when there is none', async () => {
    const { client, session } = await setting.pair();
    session.onRequest(() => new Promise(() => {}));
    const request = client.request(query());
    const failed = expect(request).rejects.toMatchObject({ code: 'stream', condition: 'system-shutdown' });
    await session.close('system-shutdown');
    await failed;
    await client.stop();
    await expect(client.request(query())).rejects.toMatchObject({ code: 'closed' });
  });

  test('a new session of the account replaces the old: its close comes before the new session', async () => {
    const { server, port } = await setting.server();
    const events: string[] = [];
    server.on('session', (session) => {
      events.push(`session ${session.jid}`);
      session.on('close', (reason) => events.push(`close ${session.jid}: ${reason}`));
    });
    const backoff = { initial: 60_000, max: 60_000 };
    const first = await setting.online(port, { resource: 'one', backoff });
    const reasons: (string | undefined)[] = [];
    first.on('offline', (reason) => reasons.push(reason.condition));
    await setting.online(port, { resource: 'two', backoff });
    await until(() => reasons.length === 1, 'the first is told');
    expect(reasons).toEqual(['conflict']);
    expect(events).toEqual([
      `session h1@${DOMAIN}/one`,
      `close h1@${DOMAIN}/one: replaced by a new session of this account`,
      `session h1@${DOMAIN}/two`,
    ]);
    expect(server.sessions.get(`h1@${DOMAIN}`)?.jid).toBe(`h1@${DOMAIN}/two`);
    expect(first.online).toBe(false);
  });

  test('other accounts have their own', async () => {
    const { server, port } = await setting.server();
    await setting.online(port);
    await setting.online(port, { account: 'h2' });
    expect([...server.sessions.keys()].sort()).toEqual([`h1@${DOMAIN}`, `h2@${DOMAIN}`]);
  });

  test('the client comes back after the server restarted, and both tell so', async () => {
    const { server, port, client, session } = await setting.pair();
    const events: string[] = [];
    client.on('online', () => events.push('online'));
    client.on('offline', (reason) => events.push(`offline ${reason.condition ?? reason.code}`));
    session.on('close', (reason) => events.push(`close ${reason}`));
    await server.close();
    await until(() => !client.online, 'the client is offline');
    const refused = 'XMPP: cannot connect: ECONNREFUSED';
    await until(
      () => setting.log.lines.some((line) => line.message.startsWith(refused)),
      'an attempt failed',
    );
    await setting.server({ listen: [{ address: '127.0.0.1', port }] });
    await until(() => client.online, 'the client is online again');
    expect(events.slice(0, 3)).toEqual([
      'close system-shutdown',
      'offline system-shutdown',
      'offline connect',
    ]);
    expect(events.at(-1)).toBe('online');
  });

  test('failed attempts are logged aloud once for each reason, and come further and further apart', async () => {
    const { server, port } = await setting.server();
    await server.close();
    const client = setting.client(port, { backoff: { initial: 4, max: 64 }, random: () => 1 });
    client.start();
    await until(() => setting.log.of('debug').length >= 5, 'six attempts failed');
    await client.stop();
    expect(setting.log.of('warn')).toHaveLength(1);
    expect(setting.log.of('warn')[0]?.facts).toMatchObject({ code: 'connect', account: 'h1' });
    expect(setting.log.of('warn')[0]?.message).toBe(
      'XMPP: cannot connect: ECONNREFUSED; trying again in 0.0 s',
    );
    expect(setting.log.of('debug')[4]?.message).toMatch(/trying again in 0\.1 s$/);
  });

  test('no line of the log has a secret, at any level', async () => {
    const { port } = await setting.server();
    await setting.online(port);
    const wrong = setting.client(port, {
      account: 'h2',
      password: () => 'an0ther-secret',
      backoff: { initial: 1, max: 1 },
    });
    wrong.start();
    const failures = (): number =>
      setting.log.of('warn').filter(({ facts }) => facts['account'] === 'h2').length;
    await until(() => failures() >= 4, 'it failed on both sides');
    await wrong.stop();
    const whole = (_key: string, value: unknown) => (value instanceof Error ? inspect(value) : value);
    const lines = JSON.stringify(setting.log.lines, whole);
    expect(lines).not.toContain(PASSWORD);
    expect(lines).not.toContain('an0ther-secret');
    expect(lines).not.toMatch(/p=[A-Za-z0-9+/]{20}|storedKey|serverKey|salt/);
  });
});
