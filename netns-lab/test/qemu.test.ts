/** Boots the lab kernel itself, whatever the running kernel can do. Fetches it where it is not in the cache. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { waitFor } from '../src/index.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const LIMIT = 400_000;
const netnsLab = (args: string[], options = {}) =>
  execa(process.execPath, [MAIN, ...args], {
    encoding: 'buffer',
    stdin: 'ignore',
    reject: false,
    ...options,
  });

test('a command runs there as it would here, but for its writes', { timeout: LIMIT }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'netns-lab-'));
  try {
    const bytes = randomBytes(1_000_000);
    await writeFile(join(folder, 'bytes'), bytes);
    const script = `cat bytes; sha256sum < bytes >&2; echo "$GREETING" > out/kept; echo x > scratch; uname -s > /etc/netns-lab-test; sleep 1000 & exit 7`;
    await execa('mkdir', [join(folder, 'out')]);
    const result = await netnsLab(
      ['run', '--qemu', '--output', join(folder, 'out'), '--env', 'GREETING', '--', 'sh', '-c', script],
      { cwd: folder, env: { GREETING: "it's me" } },
    );
    expect(Buffer.from(result.stderr).toString()).toBe(
      `${createHash('sha256').update(bytes).digest('hex')}  -`,
    );
    expect(Buffer.from(result.stdout).equals(bytes)).toBe(true);
    expect(result.exitCode).toBe(7);
    expect(await readFile(join(folder, 'out/kept'), 'utf8')).toBe("it's me\n");
    expect(existsSync(join(folder, 'scratch'))).toBe(false);
    expect(existsSync('/etc/netns-lab-test')).toBe(false);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a command that takes too long is ended, with what it said so far', { timeout: LIMIT }, async () => {
  const result = await netnsLab([
    'run',
    '--qemu',
    '--timeout',
    '1',
    '--',
    'sh',
    '-c',
    'echo early; sleep 1000',
  ]);
  expect(Buffer.from(result.stdout).toString()).toBe('early');
  expect(Buffer.from(result.stderr).toString()).toContain('netns-lab: ended after 1 s');
  expect(result.exitCode).toBe(124);
});

test('SIGKILL of netns-lab leaves no QEMU', { timeout: LIMIT }, async () => {
  const child = netnsLab(['run', '--qemu', '--', 'sleep', '1000']);
  const qemu = await waitFor('QEMU runs', () => childRunning(child.pid ?? 0, 'qemu-system-x86'), {
    timeout: LIMIT / 2,
  });
  child.kill('SIGKILL');
  await child;
  await waitFor('QEMU is gone', async () => (await readlink(`/proc/${qemu}/exe`).catch(() => '')) === '', {
    timeout: 10_000,
  });
});

async function childRunning(parent: number, command: string): Promise<string | undefined> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (status.startsWith(`${pid} (${command})`) && status.split(') ')[1]?.split(' ')[1] === String(parent))
      return pid;
  }
  return undefined;
}
