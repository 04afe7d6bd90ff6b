import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the daemon of daemon-process.ts; sends each signal when its stdout has the word before it. */
async function run(behaviour: string, signals: readonly [string, NodeJS.Signals][] = []): Promise<Outcome> {
  const child = spawn(process.execPath, [
    fileURLToPath(new URL('./daemon-process.ts', import.meta.url)),
    behaviour,
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const stderr = text(child.stderr);
  const left = [...signals];
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    const [next] = left;
    if (next === undefined || !stdout.includes(next[0])) return;
    left.shift();
    child.kill(next[1]);
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr: await stderr };
}

test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('%s stops it in order', async (signal) => {
  const outcome = await run('good', [['started', signal]]);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toMatch(new RegExp(`started\n.*"signal":"${signal}".*\nstopping\nstopped\n`));
});

test('SIGHUP makes it read anew what it can, and go on', async () => {
  const outcome = await run('rereads', [
    ['started', 'SIGHUP'],
    ['read anew', 'SIGTERM'],
  ]);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toMatch(/started\nread anew\n.*\nstopping\nstopped\n/);
  const other = await run('good', [
    ['started', 'SIGHUP'],
    ['nothing to read anew', 'SIGTERM'],
  ]);
  expect(other).toMatchObject({ code: 0, stderr: '' });
});

test('a problem of the configuration is printed, nothing else', async () => {
  expect(await run('bad-config')).toEqual({ code: 2, stdout: '', stderr: 'h1.yaml:3: vpn: missing\n' });
});

test('another error at start is printed and logged with its stack', async () => {
  const outcome = await run('bad-start');
  expect(outcome).toMatchObject({ code: 1, stderr: 'no MPLS in this kernel\n' });
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    message: 'not started',
    error: { stack: expect.stringContaining('daemon-process.ts') },
  });
});

test.each(['throws', 'rejects'])('an error that nobody caught (%s) ends it at once', async (behaviour) => {
  const outcome = await run(behaviour);
  expect(outcome).toMatchObject({ code: 1 });
  expect(outcome.stdout).toContain('an error that nobody expected: a defect');
  expect(outcome.stdout).toContain('daemon-process.ts');
  expect(outcome.stdout).not.toContain('stopping');
});

test('a stop that takes too long is cut short', async () => {
  const outcome = await run('slow-stop', [['started', 'SIGTERM']]);
  expect(outcome).toMatchObject({ code: 1 });
  expect(outcome.stdout).toContain('not stopped after 0.05 s');
});

test('a second signal ends it at once', async () => {
  const outcome = await run('impatient', [
    ['started', 'SIGTERM'],
    ['stopping', 'SIGINT'],
  ]);
  expect(outcome).toMatchObject({ code: 1 });
  expect(outcome.stdout).toContain('SIGINT again');
});
