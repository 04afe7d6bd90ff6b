// How the socket ends: closed at any moment, with its process, or by an accident.
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { openRtnetlink, RtnetlinkError } from '../src/index.ts';
import { startWorker } from '../src/socket/worker-thread.ts';

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

test('a namespace that is not there is named', async () => {
  await expect(openRtnetlink({ namespace: 'no-such-namespace' })).rejects.toMatchObject({
    code: 'socket',
    message: expect.stringContaining('/run/netns/no-such-namespace'),
  });
});

test('a worker that dies is told once, with its reason', async () => {
  const { promise, resolve } = Promise.withResolvers<RtnetlinkError>();
  const script = new URL('./dying-worker.ts', import.meta.url);
  const worker = await startWorker(script, { namespace: undefined, groups: [] }, () => {}, resolve);
  worker.post({ kind: 'close' });
  const error = await promise;
  expect(error).toBeInstanceOf(RtnetlinkError);
  expect(error).toMatchObject({ code: 'socket', message: expect.stringContaining('the accident') });
  await worker.end();
});
