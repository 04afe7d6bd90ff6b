// What a session sends of its own accord: at the pace of its reader, in turn with others, and never more than that in memory.
import { Duplex } from 'node:stream';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { SessionOutput } from '../src/server/output.ts';
import { OutputPump } from '../src/server/output-pump.ts';
import type { ServerSession } from '../src/server/server-session.ts';
import { ClientPeer } from './support/scripted-peer.ts';
import { DOMAIN, PASSWORD, Setting, until } from './support/setting.ts';

/** Takes what is written to it only when it is told to. */
class SlowSocket extends Duplex {
  readonly writes: string[] = [];
  #release: (() => void) | undefined;

  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    this.writes.push(chunks.map(({ chunk }) => chunk.toString()).join(''));
    this.#release = callback;
  }

  override _read(): void {}

  get blocked(): boolean {
    return this.#release !== undefined;
  }

  accept(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

const setting = new Setting();
afterEach(() => setting.end());
afterAll(() => setting.ca.remove());

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function output(socket: Duplex, pump = new OutputPump()) {
  const seen = { progress: 0, faults: [] as unknown[] };
  const one = new SessionOutput({
    socket,
    pump,
    frame: { start: '<m>', end: '</m>' },
    onProgress: () => {
      seen.progress += 1;
    },
    onFault: (thrown) => seen.faults.push(thrown),
  });
  return Object.assign(seen, { output: one });
}

/** Gives so many payloads of a size. */
function source(count: number, size: number) {
  const payload = Buffer.alloc(size, 'x');
  const state = {
    given: 0,
    next: (): Uint8Array | undefined => {
      if (state.given === count) return undefined;
      state.given += 1;
      return payload;
    },
  };
  return state;
}

describe('messages', () => {
  test('are asked for only while little waits, and go on when the reader takes some', async () => {
    const socket = new SlowSocket();
    const { output: one } = output(socket);
    const messages = source(1_000, 10_000);
    one.sendFrom(messages.next);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(messages.given).toBeGreaterThan(10);
    expect(messages.given).toBeLessThan(20);
    expect(socket.writableLength).toBeLessThan(200_000);
    const before = messages.given;
    await until(() => {
      socket.accept();
      return messages.given > before;
    }, 'more is asked for');
    await until(() => {
      socket.accept();
      expect(socket.writableLength).toBeLessThan(200_000);
      return messages.given === 1_000 && socket.writableLength === 0;
    }, 'all is taken');
    expect(socket.writes.join('')).toBe(`<m>${'x'.repeat(10_000)}</m>`.repeat(1_000));
  });

  test('come again when the source says so', async () => {
    const socket = new SlowSocket();
    const { output: one } = output(socket);
    const waiting = ['1', '2'];
    const wake = one.sendFrom(() => {
      const text = waiting.shift();
      return text === undefined ? undefined : Buffer.from(text);
    });
    await nextTurn();
    socket.accept();
    waiting.push('3');
    await nextTurn();
    expect(socket.writes).toEqual(['<m>1</m><m>2</m>']);
    wake();
    await nextTurn();
    expect(socket.writes).toEqual(['<m>1</m><m>2</m>', '<m>3</m>']);
  });

  test('take turns with those of other sessions, and leave the event loop its own', async () => {
    const pump = new OutputPump();
    const sockets = [new SlowSocket(), new SlowSocket(), new SlowSocket()];
    const order: number[] = [];
    sockets.forEach((socket, session) => {
      const { output: one } = output(socket, pump);
      one.sendFrom(() => {
        order.push(session);
        return Buffer.alloc(50_000);
      });
    });
    await nextTurn();
    expect(order.slice(0, 6)).toEqual([0, 1, 2, 0, 1, 2]);

    // One that takes all at once would never let go.
    const endless = new Duplex({ write: (_chunk, _encoding, done) => done(), read() {} });
    let asked = 0;
    const { output: one } = output(endless, pump);
    one.sendFrom(() => {
      asked += 1;
      return Buffer.alloc(1_000);
    });
    for (let turn = 0; turn < 3; turn++) {
      const before = performance.now();
      await nextTurn();
      expect(performance.now() - before).toBeLessThan(50);
    }
    expect(asked).toBeGreaterThan(0);
    one.stop();
    const afterwards = asked;
    await nextTurn();
    expect(asked).toBe(afterwards);
  });

  test('that cannot be made are a fault of this session alone', async () => {
    const pump = new OutputPump();
    const bad = output(new SlowSocket(), pump);
    const goodSocket = new SlowSocket();
    const good = output(goodSocket, pump);
    const fault = new Error('not encodable');
    bad.output.sendFrom(() => {
      throw fault;
    });
    good.output.sendFrom(source(1, 3).next);
    await nextTurn();
    expect(bad.faults).toEqual([fault]);
    expect(goodSocket.writes).toEqual(['<m>xxx</m>']);
  });

  test('that had to wait are a sign of life when the reader takes them; what the system had room for is none', async () => {
    const socket = new SlowSocket();
    const one = output(socket);
    one.output.sendFrom(source(1, 1_000).next);
    await nextTurn();
    socket.accept();
    await nextTurn();
    expect(one.progress).toBe(0);
    one.output.sendFrom(source(100, 10_000).next);
    await nextTurn();
    expect(one.progress).toBe(0);
    await until(() => {
      socket.accept();
      return one.progress > 0;
    }, 'there is progress');
  });
});

test('what is sent in one tick is one write', async () => {
  const socket = new SlowSocket();
  const { output: one } = output(socket);
  one.send('<a/>');
  one.send('<b/>');
  await nextTurn();
  expect(socket.writes).toEqual(['<a/><b/>']);
});

describe('a session over TLS', () => {
  async function session(options: Parameters<Setting['server']>[0] = {}, account = 'h1') {
    const { server, port } = await setting.server(options);
    const sessions: ServerSession[] = [];
    server.on('session', (one) => sessions.push(one));
    const peer = await ClientPeer.connect(port, setting.ca.certificate, DOMAIN);
    await peer.session(DOMAIN, account, PASSWORD);
    await until(() => sessions.length === 1, 'there is a session');
    const [one] = sessions;
    if (!one) throw new Error('no session');
    const reasons: string[] = [];
    one.on('close', (reason) => reasons.push(reason));
    return { server, port, peer, session: one, reasons };
  }

  const big = Buffer.from(`<x xmlns='urn:x'>${'x'.repeat(10_000)}</x>`);

  test('with a reader that stops holds next to nothing for it, and is given up as dead in time', async () => {
    const { peer, session: one, reasons } = await session({ pingInterval: 100, timeout: 400 });
    peer.socket.pause();
    let asked = 0;
    one.sendFrom(() => {
      asked += 1;
      return big;
    });
    await until(() => reasons.length === 1, 'it is given up');
    expect(reasons).toEqual(['no answer to a ping within 0.4 s']);
    // What the system buffers of a connection, and no more.
    expect(asked * big.length).toBeLessThan(64_000_000);
  });

  test('with a reader that is slow goes on for as long as that reads, also where its pings wait behind all that', async () => {
    const { peer, session: one, reasons } = await session({ pingInterval: 100, timeout: 300 });
    let asked = 0;
    one.sendFrom(() => {
      asked += 1;
      return big;
    });
    peer.socket.pause();
    // Never up to date, and never answers a ping: some megabytes each tenth of a second.
    const start = performance.now();
    await until(() => {
      for (let read = 0; read < 40; read++) peer.socket.read();
      return performance.now() - start > 2_000 || reasons.length > 0;
    }, 'two seconds have passed');
    expect(reasons).toEqual([]);
    expect(asked).toBeGreaterThan(100);
  });

  test('answers what is addressed to the route server by the name that the drafts give it', async () => {
    const { peer, session: one } = await session();
    one.onRequest(() => undefined);
    const ask = async (to: string): Promise<string> => {
      peer.send(`<iq type='set' id='${to}' to='${to}'><query xmlns='urn:test'/></iq>`);
      return await peer.take(/<iq [^>]*type="(result|error)"/);
    };
    expect(await ask(`route-server@${DOMAIN}`)).toBe('result');
    expect(await ask(`Route-Server@${DOMAIN.toUpperCase()}`)).toBe('result');
    expect(await ask(`other@${DOMAIN}`)).toBe('error');
    expect(await ask('route-server@elsewhere.example')).toBe('error');
  });
});
