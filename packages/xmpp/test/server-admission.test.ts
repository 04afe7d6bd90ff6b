// Who may stay before it has authenticated, as a matter of counting, and with thousands of real connections.
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { Admission, sourceOf } from '../src/server/admission.ts';
import { RecordedLog } from './support/recorded-log.ts';
import { ClientPeer } from './support/scripted-peer.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

describe('places', () => {
  /** Names of connections, `ADDRESS COUNTER`, that have a place. */
  function places(maxUnauthenticated: number, maxUnauthenticatedPerAddress: number) {
    const log = new RecordedLog();
    const admission = new Admission({ maxUnauthenticated, maxUnauthenticatedPerAddress }, log);
    const present = new Map<string, () => void>();
    let count = 0;
    const come = (address: string): string | undefined => {
      count += 1;
      const name = `${address} ${count}`;
      const release = admission.admit(address, () => present.delete(name));
      if (release === undefined) return undefined;
      present.set(name, release);
      return name;
    };
    const go = (name: string | undefined): void => {
      present.get(name ?? '')?.();
      present.delete(name ?? '');
    };
    return { log, come, go, present: () => [...present.keys()] };
  }

  test('of one address are so many; one that is given back is free', () => {
    const { come, go, log } = places(10, 2);
    const first = come('a');
    expect(come('a')).toBeDefined();
    expect([come('a'), come('a')]).toEqual([undefined, undefined]);
    expect(come('b')).toBeDefined();
    go(first);
    expect(come('a')).toBeDefined();
    expect(come('a')).toBeUndefined();
    expect(log.of('warn').map(({ facts }) => facts)).toEqual([{ remoteAddress: 'a', connections: 2 }]);
  });

  test('where all are taken, the oldest of the address that has most gives its own', () => {
    const { come, present, log } = places(6, 4);
    for (const address of ['b', 'a', 'a', 'a', 'b', 'c']) come(address);
    come('d');
    expect(present()).toEqual(['b 1', 'a 3', 'a 4', 'b 5', 'c 6', 'd 7']);
    come('d');
    expect(present()).toEqual(['a 3', 'a 4', 'b 5', 'c 6', 'd 7', 'd 8']);
    expect(log.of('warn').map(({ facts }) => facts['remoteAddress'])).toEqual(['a', 'b']);
  });

  test('given back twice, or after it was taken away, count once', () => {
    const log = new RecordedLog();
    const admission = new Admission({ maxUnauthenticated: 2, maxUnauthenticatedPerAddress: 2 }, log);
    const dropped: string[] = [];
    const first = admission.admit('a', () => dropped.push('first'));
    admission.admit('a', () => dropped.push('second'));
    admission.admit('b', () => dropped.push('third'));
    first?.();
    first?.();
    admission.admit('c', () => dropped.push('fourth'));
    expect(dropped).toEqual(['first', 'second']);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:0:1::5', '2001:db8:0:1'],
    ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1'],
    ['2001:db8::5', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
    ['::', '0:0:0:0'],
  ])('%s counts as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});

/** As a forwarder that comes again until it is let in. */
function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  return vi.waitFor(attempt, { timeout: 30_000, interval: 50 });
}

describe('2,000 connections that never authenticate', () => {
  const setting = new Setting();
  const idle: Socket[] = [];
  afterEach(async () => {
    for (const socket of idle.splice(0)) socket.destroy();
    await setting.end();
  });
  afterAll(() => setting.ca.remove());

  async function flood(port: number, count: number, localAddress: string): Promise<void> {
    for (let left = count; left > 0; left -= 100) {
      const some = Array.from({ length: Math.min(left, 100) }, () =>
        connect({ port, host: '127.0.0.1', localAddress }),
      );
      for (const socket of some) socket.on('error', () => {});
      idle.push(...some);
      await until(() => some.every((socket) => !socket.connecting), 'they are connected');
    }
  }

  test('of one address keep no forwarder of another out, nor one of their own when their time is over', async () => {
    const { port } = await setting.server({
      timeout: 3_000,
    });
    await flood(port, 2_000, '127.0.0.2');
    await until(() => idle.filter((socket) => !socket.closed).length <= 20, 'most are refused');
    await setting.online(port, { account: 'h1' });
    const warnings = setting.log.of('warn');
    expect(warnings[0]?.facts).toEqual({ remoteAddress: '127.0.0.2', connections: 20 });
    expect(warnings.length).toBeLessThan(20);
    const same = await eventually(() =>
      ClientPeer.connect(port, setting.ca.certificate, DOMAIN, { localAddress: '127.0.0.2' }),
    );
    expect(await same.session(DOMAIN, 'h2', PASSWORD)).toBe(`h2@${DOMAIN}/r`);
    same.socket.destroy();
  });

  test('of many addresses, together, keep none of another out', async () => {
    const { port } = await setting.server({
      limits: { maxUnauthenticated: 100 },
    });
    for (let host = 10; host < 20; host++) await flood(port, 20, `127.0.0.${host}`);
    expect(idle.filter((socket) => !socket.closed).length).toBeGreaterThan(50);
    const client = await setting.online(port, { account: 'h3' });
    expect(client.jid).toBe(`h3@${DOMAIN}/forwarder`);
  });
});
