// How the socket ends: closed at any moment, with its process, or by an accident.
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRtnetlink, RtnetlinkError } from '../src/index.ts';
import { startWorker } from '../src/socket/worker-thread.ts';
import { needsRoot, ScratchNamespace } from './scratch-namespace.ts';

const module = new URL('../src/index.ts', import.meta.url).href;

/** Runs a program that has `kernel`, an open socket in the namespace of this process. Reading it needs no privilege. */
async function run(body: string): Promise<{ code: number | null; output: string; milliseconds: number }> {
  const program = `const { openRtnetlink } = await import('${module}'); const kernel = await openRtnetlink(); ${body}`;
  const begun = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  return { code, output, milliseconds: performance.now() - begun };
}

describe('close', () => {
  test('rejects what is under way and what comes later', async () => {
    const kernel = await openRtnetlink();
    const dumps = Array.from({ length: 5 }, () => kernel.dump({ object: 'route', family: 'ipv4' }));
    const outcomes = Promise.allSettled(dumps);
    await kernel.close();
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'closed' });
    }
    const closed = expect.objectContaining({ code: 'closed' });
    await expect(kernel.dump({ object: 'link' })).rejects.toEqual(closed);
    await expect(kernel.execute([{ op: 'delete', object: { object: 'nexthop', id: 1 } }])).rejects.toEqual(
      closed,
    );
    await expect(kernel.subscribe(['link'], () => {})).rejects.toEqual(closed);
    await kernel.close();
  });

  test('lets the process end', async () => {
    const { code, output } = await run(
      `await kernel.subscribe(['link'], () => {}); const end = await kernel.subscribe(['rule'], () => {}); end();
       await kernel.dump({ object: 'link' }); await kernel.close(); console.log('closed');`,
    );
    expect({ code, output }).toEqual({ code: 0, output: 'closed\n' });
  });
});

test('process.exit ends a process with open sockets, busy ones too', async () => {
  const { code, output } = await run(
    `await kernel.subscribe(['link', 'route-ipv4'], () => {});
     for (let at = 0; at < 100; at++) kernel.dump({ object: 'route', family: 'ipv6' }).catch(() => {});
     setImmediate(() => process.exit(7));`,
  );
  expect({ code, output }).toEqual({ code: 7, output: '' });
});

describe('SIGINT in the middle of a dump', () => {
  const length = 200_000;
  let namespace: ScratchNamespace;

  beforeAll(async () => {
    if (needsRoot) return;
    namespace = new ScratchNamespace();
    const kernel = await openRtnetlink({ namespace: namespace.name });
    const errors = await kernel.executeRoutes('add', {
      family: 'ipv4',
      length,
      addresses: Uint32Array.from({ length }, (_, at) => 0x0a000000 + at),
      prefixLengths: new Uint8Array(length).fill(32),
      tables: new Uint32Array(length).fill(1001),
      nexthopIds: new Uint32Array(length),
      metrics: new Uint32Array(length),
      protocols: new Uint8Array(length).fill(200),
      types: new Uint8Array(length).fill(6),
    });
    await kernel.close();
    expect(errors).toEqual(new Map());
  });

  afterAll(() => namespace?.remove());

  /** The first answers are there when it prints; the whole takes some tenths of a second. */
  const dump = `const dumped = kernel.dump({ object: 'route', family: 'ipv4' });
    dumped.then(() => console.log('too late'), (error) => { if (error.code !== 'closed') throw error; });
    setTimeout(() => console.log('dumping'), 20);`;

  test.skipIf(needsRoot)('ends the process within a second', async () => {
    const { output, ...end } = await interrupt(dump);
    expect({ output, code: end.code, signal: end.signal }).toEqual({
      output: 'dumping\n',
      code: null,
      signal: 'SIGINT',
    });
    expect(end.milliseconds).toBeLessThan(1000);
  });

  test.skipIf(needsRoot)('ends a process that closes the socket, within a second and by itself', async () => {
    const { output, ...end } = await interrupt(`process.once('SIGINT', () => kernel.close()); ${dump}`);
    expect({ output, code: end.code, signal: end.signal }).toEqual({
      output: 'dumping\n',
      code: 0,
      signal: null,
    });
    expect(end.milliseconds).toBeLessThan(1000);
  });

  /** Sends SIGINT to a program with an open socket when it prints a line. @returns how it ended, and how long after. */
  async function interrupt(body: string): Promise<{
    code: number | null;
    signal: string | null;
    output: string;
    milliseconds: number;
  }> {
    const program = `const { openRtnetlink } = await import('${module}');
      const kernel = await openRtnetlink({ namespace: '${namespace.name}' }); ${body}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let sent = 0;
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
      if (sent > 0) return;
      sent = performance.now();
      child.kill('SIGINT');
    });
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.on('close', (...how) => resolve(how));
    });
    return { code, signal, output, milliseconds: performance.now() - sent };
  }
});

test('a namespace that is not there is named', async () => {
  await expect(openRtnetlink({ namespace: 'no-such-namespace' })).rejects.toMatchObject({
    code: 'socket',
    message: expect.stringContaining('/run/netns/no-such-namespace'),
  });
});

test('a worker that dies is told once, with its reason', async () => {
  const { promise, resolve } = Promise.withResolvers<RtnetlinkError>();
  const script = new URL('./dying-worker.ts', import.meta.url);
  const worker = await startWorker(
    script,
    { namespace: undefined, groups: [], unheardPort: undefined },
    () => {},
    resolve,
  );
  worker.post({ kind: 'close' });
  const error = await promise;
  expect(error).toBeInstanceOf(RtnetlinkError);
  expect(error).toMatchObject({ code: 'socket', message: expect.stringContaining('the accident') });
  await worker.end();
});
